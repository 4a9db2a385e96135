"""Folders with versioned documents, the part of `scheduler.state.files` that holds no lock.

    FOLDER/NAME@VERSION.json      one document
    FOLDER/.anything              not a document: locks, and what a crash left

What `write`, `make` and `sync` have returned from survives a power failure.
Raises OSError; the store says what to do about it.
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from scheduler.errors import StateError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
MAX_NAME_BYTES: Final = 200  # leaves room for the version within the 255 that file systems allow
MAX_READS: Final = 1000

_DOCUMENT = re.compile(r"(?P<name>.+)@(?P<version>0|[1-9][0-9]*)\.json", re.DOTALL)


def fault_of(name: str) -> str:
    """Return what is wrong with a name in a path; empty if nothing is."""
    if not name:
        return "it has an empty name"
    if name.startswith("."):
        return f"{name!r} starts with a dot"
    if "\0" in name:
        return "it holds a NUL"
    if _DOCUMENT.fullmatch(name):
        return f"{name!r} looks like the file of a document"
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "it holds half a character"
    return f"{name!r} is longer than {MAX_NAME_BYTES} bytes" if length > MAX_NAME_BYTES else ""


def file_name(name: str, version: int) -> str:
    """Return what the file of a document's version is called."""
    return f"{name}@{version}.json"


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names are enough
    except (FileNotFoundError, NotADirectoryError):
        return []


def versions(folder: Path, name: str) -> list[int]:
    """Return the versions of a document that are there, ascending; mostly none or one."""
    matches = (_DOCUMENT.fullmatch(entry) for entry in _entries(folder) if entry.startswith(name))
    return sorted(int(match["version"]) for match in matches if match and match["name"] == name)


def read(folder: Path, name: str) -> tuple[bytes, int] | None:
    """Return a document and its version, None if it is not there.

    Raises:
        StateError: it was replaced each time before it could be opened.
    """
    for _ in range(MAX_READS):
        there = versions(folder, name)
        if not there:
            return None
        with suppress(FileNotFoundError):  # replaced since the listing
            return (folder / file_name(name, there[-1])).read_bytes(), there[-1]
    raise StateError(f"{folder / name} is replaced faster than it can be read, or is a broken link")


def names(folder: Path) -> set[str]:
    """Return the names below a folder at which, or below which, there is a document."""
    entries = [entry for entry in _entries(folder) if not entry.startswith(".")]
    documents = {match["name"] for entry in entries if (match := _DOCUMENT.fullmatch(entry))}
    return documents | {entry for entry in entries if _holds_document(folder / entry)}


def _holds_document(folder: Path) -> bool:
    entries = [entry for entry in _entries(folder) if not entry.startswith(".")]
    return any(map(_DOCUMENT.fullmatch, entries)) or any(_holds_document(folder / entry) for entry in entries)


def write(folder: Path, file: str, data: bytes) -> None:
    """Put a file onto the disk, whole, and the folder if it is missing; the caller is the only writer."""
    make(folder)
    for entry in _entries(folder):
        if entry.startswith(".new-"):
            (folder / entry).unlink(missing_ok=True)
    new = folder / f".new-{os.getpid()}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as output:
            output.write(data)
            output.flush()
            os.fsync(descriptor)
        new.rename(folder / file)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
    sync(folder)


def make(folder: Path) -> None:
    """Make a folder and those above it, each kept through a power failure."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        try:
            each.mkdir(FOLDER_MODE)
        except FileExistsError:
            if not each.is_dir():  # somebody else's folder is fine, a file is not
                raise
        sync(each.parent)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder and those above it, below ``root``, up to the first with something in it."""
    while folder != root:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError as exc:
            if exc.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return
            raise
        folder = folder.parent


def sync(folder: Path) -> None:
    """Keep what was made, renamed and removed in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
