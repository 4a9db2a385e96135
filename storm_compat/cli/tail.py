"""Reads the logs of a topology on this machine: the last lines of all its files, then what comes.

    ARTIFACTS/topology.log          the topology process
    ARTIFACTS/6700/worker.log       container 1; rotated to worker.log.1, .2, ...

A file that is rotated away is read to its end before its successor, and containers that are started later are
found.  Lines of several files are put in order by the time they begin with; a line without one belongs to the
line before it.
"""

from __future__ import annotations

import heapq
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

TOPOLOGY = "topology"
_MAX_LOOK_BACK_BYTES = 8 * 1024 * 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d{3}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one log, without its end; ``time`` is the text it, or a line before it, begins with."""

    source: str
    """The container's port, or "topology"."""

    time: str
    text: str


@dataclass(slots=True)
class _File:
    path: Path
    source: str
    stream: BinaryIO
    inode: int
    rest: bytes = b""
    time: str = ""


@dataclass(slots=True)
class LogFolder:
    """All logs of one topology; not read twice."""

    folder: Path
    _files: dict[str, _File] = field(default_factory=dict)

    def last(self, count: int) -> list[Line]:
        """Return the last ``count`` lines over all files, and be ready for `new` ones.

        Looks only at the last 8 MiB of the newest file of each container, not into rotated ones.
        """
        self._find()
        for file in self._files.values():
            if (size := os.fstat(file.stream.fileno()).st_size) > _MAX_LOOK_BACK_BYTES:
                file.stream.seek(size - _MAX_LOOK_BACK_BYTES)
                file.stream.readline()
        ends = [deque(self._read(file), maxlen=count) for file in self._files.values()]
        return list(merged(ends))[-count:] if count else []

    def new(self) -> list[Line]:
        """Return the whole lines that were written since the last call."""
        for file in list(self._files.values()):
            self._follow(file)
        found = [list(self._read(file)) for file in self._files.values()]
        known = set(self._files)
        self._find()
        found += [list(self._read(file)) for source, file in self._files.items() if source not in known]
        return list(merged(found))

    def __enter__(self) -> Self:
        """Return itself; the files are closed in the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for file in self._files.values():
            file.stream.close()

    @property
    def sources(self) -> list[str]:
        """Return the ports of the containers, and "topology", as far as they have a log."""
        return sorted(self._files)

    def _find(self) -> None:
        paths = [(TOPOLOGY, self.folder / "topology.log")]
        paths += [(path.parent.name, path) for path in self.folder.glob("*/worker.log")]
        for source, path in sorted(paths):
            if source not in self._files and (opened := _open(source, path)):
                self._files[source] = opened

    def _follow(self, file: _File) -> None:
        """Go on with the file that now has the name, once what was open is read to its end."""
        try:
            inode = file.path.stat().st_ino
        except OSError:
            return
        if inode == file.inode or os.fstat(file.stream.fileno()).st_size > file.stream.tell():
            return
        if successor := _open(file.source, file.path):
            file.stream.close()
            file.stream, file.inode, file.rest = successor.stream, successor.inode, b""

    def _read(self, file: _File) -> Iterator[Line]:
        while chunk := file.stream.read(1 << 16):
            *lines, file.rest = (file.rest + chunk).split(b"\n")
            for line in lines:
                text = line.decode("utf-8", errors="replace").rstrip("\r")
                if found := _TIME.match(text):
                    file.time = found.group()
                yield Line(file.source, file.time, text)


def merged(parts: Iterable[Iterable[Line]]) -> Iterator[Line]:
    """Return the lines of several files in the order of their times; those of one file keep theirs."""
    return heapq.merge(*parts, key=lambda line: line.time)


def _open(source: str, path: Path) -> _File | None:
    try:
        stream = path.open("rb")
    except OSError:
        return None
    return _File(path, source, stream, os.fstat(stream.fileno()).st_ino)
