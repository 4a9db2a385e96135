"""The blobs of users as files, each whole or not there at all.

    FOLDER/keys/KEY/data@VERSION     the content; VERSION grows with each new one
    FOLDER/keys/KEY/meta.json        who may do what, and how many copies are wanted
    FOLDER/uploads/                  what clients are sending, and what is being put together or taken away

A blob comes and goes with one rename of its folder, a new content with one
rename into it; both survive a power failure once the call has returned.  Of
several contents the highest version counts.  Whoever has opened a content
keeps it, also when there is a newer one or none.  What is in ``uploads`` when
nimbus starts is nobody's, see `recover`.

Who may do what is not asked here.  `create` and `replace` take as long as the
disk needs for the content, all else milliseconds.
"""

from __future__ import annotations

import errno
import filecmp
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from scheduler.state import folders
from storm_compat.blob_acl import Acl
from storm_compat.errors import BlobNotKept, KeyExists, KeyNotFound

_DATA: Final = re.compile(r"data@([0-9]+)")
_META: Final = "meta.json"
_TRIES: Final = 100
_ADVICE: Final = {
    errno.ENOSPC: "free space on the disk of nimbus",
    errno.EDQUOT: "raise the quota of the user that runs nimbus",
    errno.EFBIG: "raise the limit of file sizes for nimbus (ulimit -f)",
    errno.EROFS: "the disk of nimbus is read-only",
    errno.EMFILE: "raise the limit of open files for nimbus (ulimit -n)",
}


@dataclass(frozen=True, slots=True)
class BlobMeta:
    """What is kept about a blob besides its content."""

    acl: Acl
    replication: int = 1
    """How many copies are wanted; kept and told, as there is one place to keep them."""


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """One version of a blob, as it was when asked for."""

    path: Path
    version: int
    size_bytes: int
    meta: BlobMeta


class BlobFiles:
    """The files below one folder, which is made when first needed; one process, any of its threads.

    Args:
        wall: seconds since the epoch, the base of versions.
    """

    def __init__(self, folder: Path, *, wall: Callable[[], float] = time.time) -> None:
        self._keys = folder / "keys"
        self._uploads = folder / "uploads"
        self._wall = wall
        self._changing = threading.Lock()

    def recover(self) -> int:
        """Remove what an earlier process left unfinished; return how many pieces that were."""
        pieces = [*self._uploads.iterdir()] if self._uploads.is_dir() else []
        for key in self.keys():
            pieces += [self._keys / key / f"data@{version}" for version in self._versions(key)[:-1]]
        if self._keys.is_dir():
            pieces += self._keys.glob(f"*/.{_META}")
        for piece in pieces:
            _remove(piece)
        return len(pieces)

    def keys(self) -> list[str]:
        """Return the keys of all blobs, ascending."""
        if not self._keys.is_dir():
            return []
        return sorted(entry.name for entry in os.scandir(self._keys) if entry.is_dir())

    def find(self, key: str) -> StoredBlob:
        """Return a blob as it is now.

        Raises:
            KeyNotFound: there is none.
        """
        for _ in range(_TRIES):  # it may be replaced between two looks
            if not (versions := self._versions(key)):
                break
            path = self._keys / key / f"data@{versions[-1]}"
            with suppress(FileNotFoundError):
                meta = msgspec.json.decode((self._keys / key / _META).read_bytes(), type=BlobMeta)
                return StoredBlob(path, versions[-1], path.stat().st_size, meta)
        raise KeyNotFound(key)

    def open(self, key: str) -> tuple[BinaryIO, StoredBlob]:
        """Return the content of a blob, open, and what it is.

        Raises:
            KeyNotFound: there is none.
        """
        for _ in range(_TRIES):
            blob = self.find(key)
            with suppress(FileNotFoundError):
                return blob.path.open("rb"), blob
        raise KeyNotFound(key)

    def begin(self, key: str) -> Path:
        """Return a new, empty file for what a client sends.

        Raises:
            BlobNotKept: the disk does not take it.
        """
        path = self._uploads / str(uuid.uuid4())
        with _explained(key):
            folders.make(self._uploads)
            path.touch(mode=folders.FILE_MODE, exist_ok=False)
        return path

    def append(self, upload: Path, key: str, data: bytes) -> None:
        """Add to an upload.

        Raises:
            BlobNotKept: the disk does not take it.
        """
        with _explained(key), upload.open("ab") as file:
            file.write(data)

    def discard(self, upload: Path) -> None:
        """Remove an upload; fine if it is gone."""
        _remove(upload)

    def create(self, key: str, upload: Path, meta: BlobMeta) -> None:
        """Make an upload the content of a new blob.

        Raises:
            KeyExists: there is a blob of that key, with another content.
            BlobNotKept: the disk does not take it.
        """
        whole = upload.with_name(f"{upload.name}.new")
        with _explained(key):
            try:
                _sync_file(upload)
                whole.mkdir(folders.FOLDER_MODE)
                _write(whole / _META, msgspec.json.encode(meta))
                upload.rename(whole / f"data@{self._next_version(None)}")
                folders.sync(whole)
                folders.make(self._keys)
                self._publish(key, whole)
            finally:
                _remove(whole)
                _remove(upload)

    def _publish(self, key: str, whole: Path) -> None:
        try:
            whole.rename(self._keys / key)
        except OSError as exc:
            if exc.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            # Two clients may send the same dependency at once: what the second wants is there.
            if not self._is_content(key, next(whole.glob("data@*"))):
                raise KeyExists(key) from exc
        folders.sync(self._keys)

    def replace(self, key: str, upload: Path) -> None:
        """Make an upload the content of a blob that exists.

        Raises:
            KeyNotFound: it was deleted meanwhile.
            BlobNotKept: the disk does not take it.
        """
        with _explained(key):
            try:
                _sync_file(upload)
                with self._changing:
                    old = self._versions(key)
                    if not old:
                        raise KeyNotFound(key)
                    upload.rename(self._keys / key / f"data@{self._next_version(old[-1])}")
                    for version in old:
                        (self._keys / key / f"data@{version}").unlink(missing_ok=True)
                    folders.sync(self._keys / key)
            finally:
                _remove(upload)

    def set_meta(self, key: str, meta: BlobMeta) -> None:
        """Keep other rights or another number of copies.

        Raises:
            KeyNotFound: there is no such blob.
            BlobNotKept: the disk does not take it.
        """
        self.find(key)
        part = self._keys / key / f".{_META}"
        with _explained(key), self._changing:
            _write(part, msgspec.json.encode(meta))
            part.rename(self._keys / key / _META)
            folders.sync(self._keys / key)

    def delete(self, key: str) -> None:
        """Remove a blob.

        Raises:
            KeyNotFound: there is none.
        """
        self.find(key)
        gone = self._uploads / f"{uuid.uuid4()}.gone"
        with _explained(key), self._changing:
            folders.make(self._uploads)
            (self._keys / key).rename(gone)
            folders.sync(self._keys)
        _remove(gone)

    def _versions(self, key: str) -> list[int]:
        try:
            entries = os.listdir(self._keys / key)  # noqa: PTH208  names are enough
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(match[1]) for match in map(_DATA.fullmatch, entries) if match)

    def _next_version(self, last: int | None) -> int:
        """Return milliseconds since the epoch, so that a blob that is made anew gets another version."""
        return max(int(self._wall() * 1000), 0 if last is None else last + 1)

    def _is_content(self, key: str, path: Path) -> bool:
        try:
            return filecmp.cmp(self.find(key).path, path, shallow=False)
        except (KeyNotFound, FileNotFoundError):
            return False


@contextmanager
def _explained(key: str) -> Iterator[None]:
    """Turn the operating system's refusals into an error that says what to do."""
    try:
        yield
    except OSError as exc:
        advice = _ADVICE.get(exc.errno or 0)
        raise BlobNotKept(key, f"{exc.strerror or exc}{f' ({advice})' if advice else ''}") from exc


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, folders.FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
