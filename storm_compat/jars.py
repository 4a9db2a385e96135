"""The ``resources/`` folder of an uploaded jar, unpacked for the components of a topology.

A jar comes from whoever can reach nimbus, so it is unpacked with suspicion:
no name may lead out of the folder, no links, no more files, bytes or
inflation than a limit each, counted while writing and not believed from the
archive's directory.  Whatever else is in the jar is left alone.
"""

from __future__ import annotations

import errno
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from storm_compat.errors import InvalidJar

_PREFIX = "resources/"
_BLOCK_BYTES = 256 * 1024
_ALWAYS_FINE_BYTES = 16 * 1024 * 1024
NOT_THE_ARCHIVES_FAULT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """What a jar's resources may grow to."""

    max_file_count: int = 100_000
    max_bytes: int = 4 * 1024**3
    max_ratio: int = 200
    """Unpacked to packed bytes of the whole jar, beyond the first 16 MiB; deflate cannot do over 1032."""

    max_depth: int = 100
    """Folders in each other, as most tools that walk through them recurse."""


def unpack_resources(jar: Path, folder: Path, limits: UnpackLimits | None = None) -> int:
    """Make ``folder`` and fill it with the jar's ``resources/``; return how many files that were.

    A jar without resources makes an empty folder.  What was in the folder before is removed.

    Raises:
        InvalidJar: the jar is broken, or unpacking it would be dangerous; nothing is left behind.
        OSError: there is no room for it; nothing is left behind either.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True)
    try:
        with zipfile.ZipFile(jar) as archive:
            return _unpack(archive, folder, jar.stat().st_size, limits or UnpackLimits())
    except InvalidJar:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except OSError as exc:
        shutil.rmtree(folder, ignore_errors=True)
        if exc.errno in NOT_THE_ARCHIVES_FAULT:
            raise
        raise InvalidJar(f"The uploaded jar cannot be unpacked: {exc}") from exc
    # zipfile raises all of these: for archives cut short, garbled, encrypted or packed in unknown ways.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as exc:
        shutil.rmtree(folder, ignore_errors=True)
        raise InvalidJar(f"The uploaded jar cannot be unpacked, it is no intact zip file: {exc}") from exc


def _unpack(archive: zipfile.ZipFile, folder: Path, jar_bytes: int, limits: UnpackLimits) -> int:
    most_bytes = min(limits.max_bytes, max(_ALWAYS_FINE_BYTES, limits.max_ratio * jar_bytes))
    left_bytes = most_bytes
    count = 0
    for entry, parts in _entries(archive):
        count += 1
        if count > limits.max_file_count:
            raise InvalidJar(f"The jar holds more than {limits.max_file_count} resources")
        if len(parts) > limits.max_depth:
            raise InvalidJar(f"The jar holds a resource in more than {limits.max_depth} folders")
        target = folder.joinpath(*parts)
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as packed, target.open("wb") as file:
            while block := packed.read(_BLOCK_BYTES):
                left_bytes -= len(block)
                if left_bytes < 0:
                    raise InvalidJar(
                        f"The jar's resources unpack to more than {most_bytes} bytes, from {jar_bytes}; "
                        "that looks like a mistake or an attack"
                    )
                file.write(block)
        target.chmod(0o755 if entry.external_attr >> 16 & stat.S_IXUSR else 0o644)
    return count


def _entries(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, tuple[str, ...]]]:
    """Yield the resources and the parts of their names below ``resources/``."""
    for entry in archive.infolist():
        if not entry.filename.startswith(_PREFIX):
            continue
        name = entry.filename.removeprefix(_PREFIX)
        if not name:
            continue
        if ".." in name.split("/") or ".." in name.split("\\") or name.startswith("/"):
            raise InvalidJar(f"The jar holds a resource that leads out of its folder: {entry.filename!r}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InvalidJar(f"The jar holds a link, {entry.filename!r}; put the file itself there")
        parts = PurePosixPath(name).parts
        if parts:
            yield entry, parts
