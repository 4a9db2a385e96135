"""Sessions that end when nobody uses them: uploads, downloads and lists of blobs, each under an id.

A table without I/O.  An id cannot be guessed and belongs to no connection, so
a client may go on with it over another one.  Every use counts anew; what was
idle for too long is gone, whether or not it was cleaned up already.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from storm_compat.errors import SessionGone

T = TypeVar("T")


@dataclass(slots=True)
class _Session(Generic[T]):
    content: T
    used_at_s: float


class Sessions(Generic[T]):
    """At most ``max_count`` sessions; for one more, the one that was idle the longest is over.

    Args:
        what: Storm's word for them, in the error of an unknown id.
        idle_s: how long a session lives without being used.
        drop: called with the content of a session that ends in any way but `close`.
    """

    def __init__(
        self,
        what: str,
        *,
        idle_s: float,
        max_count: int,
        drop: Callable[[T], object] = lambda content: None,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._what = what
        self._idle_s = idle_s
        self._max_count = max_count
        self._drop = drop
        self._new_id = new_id
        self._sessions: dict[str, _Session[T]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, content: T, now: float) -> str:
        """Return the id of a new session."""
        if len(self._sessions) >= self._max_count:
            self.end(min(self._sessions, key=lambda session: self._sessions[session].used_at_s))
        session = self._new_id()
        self._sessions[session] = _Session(content, now)
        return session

    def use(self, session: str | None, now: float) -> T:
        """Return the content of a session, which lives on from now.

        Raises:
            SessionGone: there is none of that id, or it was idle for too long.
        """
        found = self._sessions.get(session or "")
        if found is not None and now - found.used_at_s > self._idle_s:
            self.end(session or "")
            found = None
        if found is None:
            raise SessionGone(self._what, session or "")
        found.used_at_s = now
        return found.content

    def close(self, session: str) -> T:
        """Forget a session that `use` has just found; its content is the caller's now."""
        return self._sessions.pop(session).content

    def end(self, session: str) -> None:
        """Forget a session and drop its content; fine if there is none."""
        found = self._sessions.pop(session, None)
        if found is not None:
            self._drop(found.content)

    def clean(self, now: float) -> int:
        """End what was idle for too long; return how many that were."""
        over = [s for s, found in self._sessions.items() if now - found.used_at_s > self._idle_s]
        for session in over:
            self.end(session)
        return len(over)

    def end_all(self) -> None:
        """End everything."""
        for session in list(self._sessions):
            self.end(session)
