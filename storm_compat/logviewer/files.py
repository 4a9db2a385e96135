"""Opens and lists logs by the names that clients give; nothing outside of the log folder can be reached.

    ROOT/workers-artifacts/ID/PORT/worker.log    is called  ID/PORT/worker.log
    ROOT/nimbus.log                              is called  nimbus.log

A name is taken apart and walked one part at a time, each opened below the one before and no link followed.
So there is no moment between a check and its use in which the folders could be changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from storm_compat.errors import NoSuchLog

MAX_FILES_PER_FOLDER: Final = 1024
"""Listed of one worker, as Storm does."""

MAX_FOLDERS: Final = 10_000

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hold us up


def open_log(root: Path, name: str, *, max_depth: int = 3) -> BinaryIO:
    """Return the log of that name, opened for reading.

    Raises:
        NoSuchLog: there is none, or it is no plain file, or the name leads elsewhere.
    """
    parts = name.split("/")
    if len(parts) > max_depth or any(part in ("", ".", "..") for part in parts):
        raise NoSuchLog(name)
    try:
        folder = _open_folder(root, parts[:-1])
        try:
            descriptor = os.open(parts[-1], _FILE, dir_fd=folder)
        finally:
            os.close(folder)
    except (OSError, ValueError) as exc:  # ValueError: no file can have such a name
        raise NoSuchLog(name) from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoSuchLog(name)
    return os.fdopen(descriptor, "rb", buffering=0)


def list_logs(artifacts: Path, topology_id: str | None = None, port: str | None = None) -> list[str]:
    """Return the names of all logs of workers, of one topology, of one port, or of both."""
    topologies = _folders(artifacts) if topology_id is None else iter((topology_id,))
    found = []
    for topology in topologies:
        for name in _folders(artifacts, topology) if port is None else iter((port,)):
            found += [f"{topology}/{name}/{file}" for file in files_in(artifacts, topology, name)]
        if port is None:
            found += [f"{topology}/{file}" for file in files_in(artifacts, topology)]
    return sorted(found)


def files_in(root: Path, *parts: str) -> list[str]:
    """Return the names of the plain files in a folder below ``root``; empty if there is no such folder."""
    return sorted(_names(root, parts, is_folder=False))


def _folders(root: Path, *parts: str) -> Iterator[str]:
    return iter(sorted(_names(root, parts, is_folder=True)))


def _names(root: Path, parts: tuple[str, ...], *, is_folder: bool) -> list[str]:
    if any(part in ("", ".", "..") or "/" in part for part in parts):
        return []
    most = MAX_FOLDERS if is_folder else MAX_FILES_PER_FOLDER
    names: list[str] = []
    try:
        folder = _open_folder(root, parts)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    kind = entry.is_dir if is_folder else entry.is_file
                    if kind(follow_symlinks=False) and _is_text(entry.name):
                        names.append(entry.name)
                    if len(names) == most:
                        break
        finally:
            os.close(folder)
    except (OSError, ValueError):
        return []
    return names


def _open_folder(root: Path, parts: tuple[str, ...] | list[str]) -> int:
    """Return a descriptor of a folder; only the root itself may be reached over links."""
    folder = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    for part in parts:
        try:
            inner = os.open(part, _FOLDER, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder


def _is_text(name: str) -> bool:
    """Return whether a name can be sent; others are bytes that no client can ask for."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
