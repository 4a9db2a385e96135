"""What the scheduler asks of a place to keep its state, wherever that is.

A tree of small documents (below 512 KiB each) under slash-separated paths.
A version counts the writes of one path, from 0.  All calls may block for
milliseconds; none is ever made on a tuple's way.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class StateStore(Protocol):
    """A durable tree: what ``set`` returned for is still there after a crash."""

    def get(self, path: str) -> tuple[bytes, int]:
        """Return the document at ``path`` and its version.

        Raises:
            NoSuchNode: nothing was ever stored there, or it was deleted.
        """

    def set(self, path: str, data: bytes, *, version: int | None = None) -> int:
        """Store ``data`` whole or not at all, and return its new version.

        Args:
            version: write only over this version; None writes over anything or nothing.

        Raises:
            VersionConflict: the stored version differs.
            NoSuchNode: a version was given, and nothing is stored there.
        """

    def create(self, path: str, data: bytes) -> None:
        """Store ``data`` where nothing is yet.

        Raises:
            NodeExists: something is there.
        """

    def delete(self, path: str) -> None:
        """Remove ``path`` and everything below it; fine if nothing is there."""

    def children(self, path: str) -> list[str]:
        """Return the names directly below ``path``, sorted; empty if there are none."""

    def lock(self, path: str, holder: str) -> AbstractContextManager[None]:
        """Hold ``path`` alone until the context ends or this process dies.

        Args:
            holder: shown to those who come later, so say who you are and where.

        Raises:
            LockHeld: somebody else holds it; never waits.
        """
