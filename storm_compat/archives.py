"""An archive of a user's, unpacked into a folder: zip, jar, tar, and tar packed with gzip, bzip2 or xz.

What it is shows in its content, not in its name.  It comes from whoever may
send blobs, so nothing in it leads out of the folder, and its size is counted
while writing.  Links in the archive are made, after everything else, if they
point to a place in the folder; devices and pipes are refused.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from storm_compat.errors import InvalidArchive
from storm_compat.jars import NOT_THE_ARCHIVES_FAULT, UnpackLimits

_BLOCK_BYTES = 256 * 1024
_ALWAYS_FINE_BYTES = 16 * 1024 * 1024
# For archives that are cut short, garbled, encrypted or packed in unknown ways.
_READER_ERRORS = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError),
    *(EOFError, ValueError, RuntimeError, NotImplementedError),
)
_Kind = Literal["folder", "file", "link", "same"]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One member of an archive, whatever kind of archive it is."""

    name: str
    kind: _Kind
    is_program: bool
    open: Callable[[], IO[bytes]]
    target: Callable[[], str]
    """Of a link where it points to; of "same" the member whose content it has."""


def is_archive(path: Path) -> bool:
    """Return whether a file can be unpacked here."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(path: Path, folder: Path, limits: UnpackLimits | None = None) -> None:
    """Make ``folder`` and fill it with what the archive holds.

    Raises:
        InvalidArchive: it is broken, or unpacking it would be dangerous; nothing is left behind.
        OSError: there is no room for it; nothing is left behind either.
    """
    folder.mkdir(mode=0o700, parents=True)
    try:
        with _opened(path) as entries:
            _Unpacking(folder, path.stat().st_size, limits or UnpackLimits()).run(entries)
    except _READER_ERRORS as exc:
        shutil.rmtree(folder, ignore_errors=True)
        raise InvalidArchive(f"it is no intact archive: {exc}") from exc
    except OSError as exc:
        shutil.rmtree(folder, ignore_errors=True)
        if exc.errno in NOT_THE_ARCHIVES_FAULT:
            raise
        raise InvalidArchive(f"it cannot be unpacked: {exc}") from exc
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Unpacking:
    """Counts what is written, and keeps the links for the end."""

    def __init__(self, folder: Path, packed_bytes: int, limits: UnpackLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._most_bytes = min(limits.max_bytes, max(_ALWAYS_FINE_BYTES, limits.max_ratio * packed_bytes))
        self._left_bytes = self._most_bytes

    def run(self, entries: Iterator[_Entry]) -> None:
        links: list[tuple[Path, str]] = []
        for number, entry in enumerate(entries):
            if number >= self._limits.max_file_count:
                raise InvalidArchive(f"it holds more than {self._limits.max_file_count} files")
            place = self._place(entry.name)
            if entry.kind == "link":
                links.append((place, self._inside(entry.name, entry.target())))
            elif entry.kind == "folder":
                place.mkdir(parents=True, exist_ok=True)
            elif place != self._folder:
                self._make_room(place)
                if entry.kind == "same":
                    shutil.copyfile(self._place(entry.target()), place)
                else:
                    self._copy(entry, place)
                place.chmod(0o755 if entry.is_program else 0o644)
        # Last, so that no file is written through one.
        for place, target in links:
            self._make_room(place)
            place.symlink_to(target)

    def _place(self, name: str) -> Path:
        """Return where a member goes; also refuses what only some systems would follow out of the folder."""
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in name.replace("\\", "/").split("/") or "\0" in name:
            raise InvalidArchive(f"it holds a file that leads out of its folder: {name!r}")
        if len(parts) > self._limits.max_depth:
            raise InvalidArchive(f"it holds a file in more than {self._limits.max_depth} folders")
        return self._folder.joinpath(*parts)

    def _inside(self, name: str, target: str) -> str:
        """Return the target of a link: upwards first, no higher than the folder, then down."""
        parts = PurePosixPath(target).parts
        up_count = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
        depth = len(PurePosixPath(name).parts) - 1
        if target.startswith("/") or not parts or up_count > depth or ".." in parts[up_count:]:
            raise InvalidArchive(f"it holds a link that leads out of its folder: {name!r} to {target!r}")
        return target

    @staticmethod
    def _make_room(place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink() or place.is_file():  # of two with one name the last counts
            place.unlink()

    def _copy(self, entry: _Entry, place: Path) -> None:
        with entry.open() as packed, place.open("wb") as file:
            while block := packed.read(_BLOCK_BYTES):
                self._left_bytes -= len(block)
                if self._left_bytes < 0:
                    raise InvalidArchive(
                        f"it unpacks to more than {self._most_bytes} bytes; "
                        "that looks like a mistake or an attack"
                    )
                file.write(block)


@contextmanager
def _opened(path: Path) -> Iterator[Iterator[_Entry]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            yield _zip_entries(zipped)
    else:
        with tarfile.open(path) as tar:
            yield _tar_entries(tar)


def _zip_entries(archive: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        kind: _Kind = "folder" if info.is_dir() else "link" if stat.S_ISLNK(mode) else "file"
        yield _Entry(
            info.filename,
            kind,
            bool(mode & stat.S_IXUSR),
            lambda info=info: archive.open(info),  # type: ignore[misc]  # binds the loop's variable
            lambda info=info: os.fsdecode(archive.read(info)) if info.file_size < 4096 else "/",  # type: ignore[misc]
        )


def _tar_entries(archive: tarfile.TarFile) -> Iterator[_Entry]:
    for info in archive:
        kind: _Kind
        if info.isdir():
            kind = "folder"
        elif info.isreg():
            kind = "file"
        elif info.issym():
            kind = "link"
        elif info.islnk():
            kind = "same"
        else:
            raise InvalidArchive(f"it holds a device or a pipe: {info.name!r}")
        yield _Entry(
            info.name,
            kind,
            bool(info.mode & stat.S_IXUSR),
            lambda info=info: _file_in(archive, info),  # type: ignore[misc]  # binds the loop's variable
            lambda info=info: info.linkname,  # type: ignore[misc]
        )


def _file_in(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file is not None  # it is a regular file
    return file
