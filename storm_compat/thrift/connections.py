"""Who is connected, and how much all of them make the server hold. Decides who has to go.

    admit   one more than allowed: whoever waits has to go, first those that never called, the oldest first
    hold    more bytes than allowed: whoever holds the most and takes its time, in sending or in taking, goes

Nobody whose call is being worked on ever has to go. No I/O but `Connection.cut`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from storm_compat.caller import Caller
from storm_compat.thrift.refusal import Refused

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Connection:
    """One client."""

    caller: Caller
    task: asyncio.Task[object]
    abort: Callable[[], None]
    waiting_since: float | None
    """When it came or got its last reply, in seconds; None while a request of it is worked on."""

    held_bytes: int = 0
    """Its requests and replies, from the first byte that came to the last that has left."""

    is_moving: bool = False
    """A request arrives or a reply leaves, and how long that takes is up to the client."""

    has_called: bool = False

    @property
    def peer(self) -> str:
        return self.caller.peer

    def cut(self) -> None:
        """End it whatever it is doing; its task does the rest."""
        self.is_moving = False
        self.task.cancel()
        self.abort()


class Connections:
    """All clients of a server, whichever port they came in by."""

    def __init__(self, *, max_count: int, max_held_bytes: int) -> None:
        self._max_count = max_count
        self._max_held_bytes = max_held_bytes
        self._all: set[Connection] = set()
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._all))

    def admit(self, connection: Connection) -> bool:
        """Take one more in, and return whether there is room; another may have to go for it."""
        if len(self._all) >= self._max_count:
            waiting = [(c.has_called, c.waiting_since, c) for c in self._all if c.waiting_since is not None]
            if not waiting:
                return False
            victim = min(waiting, key=lambda entry: entry[:2])[2]
            logger.warning("closed the connection of %s: others want its place", victim.peer)
            self.forget(victim)
            victim.cut()
        self._all.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """It is gone, and so is what it held."""
        self._all.discard(connection)
        self.release(connection)

    def hold(self, connection: Connection, size: int) -> None:
        """Count bytes that arrived for, or are to leave to, a connection that is moving.

        Raises:
            Refused: too much is held, and this one holds the most.
        """
        connection.held_bytes += size
        self.held_bytes += size
        if self.held_bytes <= self._max_held_bytes:
            return
        victim = max((c for c in self._all if c.is_moving), key=lambda c: c.held_bytes, default=connection)
        reason = f"{self.held_bytes:,} bytes are held for clients, {victim.held_bytes:,} of them for this one"
        self.release(victim)
        if victim is connection:
            raise Refused(reason)
        logger.warning("closed the connection of %s: %s", victim.peer, reason)
        victim.cut()

    def release(self, connection: Connection) -> None:
        """Nothing is held for it any more."""
        self.held_bytes -= connection.held_bytes
        connection.held_bytes = 0
