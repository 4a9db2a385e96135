"""Finds a text in a log: where, and what is around it. Holds a block of the file at a time.

What is not looked at for lack of time is left to the next request: `Found.next_offset` says where to go on.
Matches do not overlap, as Storm's.

Source: storm:storm-webapp org/apache/storm/daemon/logviewer/handler/LogviewerLogSearchHandler.java
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

MAX_NEEDLE_BYTES: Final = 1024
CONTEXT_BYTES: Final = 128
BLOCK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Match:
    """One place in a file; bytes that are no UTF-8 are shown as replacement characters."""

    offset: int
    before: str
    matched: str
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    matches: list[Match]
    next_offset: int | None
    """Where to go on; None if there is nothing more."""


def search(
    log: BinaryIO,
    needle: bytes,
    *,
    start: int = 0,
    most: int,
    is_late: Callable[[], bool] = lambda: False,
) -> Found:
    """Return at most ``most`` places where ``needle`` is, from byte ``start`` on, found before it is late."""
    descriptor = log.fileno()
    size = os.fstat(descriptor).st_size
    matches: list[Match] = []
    free_from = start
    for position, block in _blocks(descriptor, start, len(needle) - 1):
        if is_late():
            return Found(matches, max(position, free_from))
        at = block.find(needle, max(free_from - position, 0))
        while at >= 0:
            matches.append(_match(descriptor, position + at, needle))
            free_from = position + at + len(needle)
            if len(matches) >= most:
                return Found(matches, free_from if free_from < size else None)
            at = block.find(needle, free_from - position)
    return Found(matches, None)


def _blocks(descriptor: int, start: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Yield blocks and where they begin; each goes on into the next, so that no match is cut."""
    position = start
    while block := os.pread(descriptor, BLOCK_BYTES + overlap, position):
        yield position, block
        position += BLOCK_BYTES


def _match(descriptor: int, offset: int, needle: bytes) -> Match:
    begin = max(offset - CONTEXT_BYTES, 0)
    before = os.pread(descriptor, offset - begin, begin)
    after = os.pread(descriptor, CONTEXT_BYTES, offset + len(needle))
    return Match(offset, _text(before), _text(needle), _text(after))


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
