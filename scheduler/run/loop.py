"""The loop of a container process: descriptors in two tiers, and timers.

Everything is registered in the first tier.  Those who wait for an answer are
in the second as well, so that for a moment only they can be looked at
(`scheduler.stream.polling`).  Plain epoll instead of asyncio, because both
tiers must be polled by hand and a round at 500 tuples a second is mostly
the cost of waking up.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import signal
import time
from collections.abc import Callable, Iterable

READ = select.POLLIN
WRITE = select.POLLOUT
HANG_UP = select.POLLHUP | select.POLLERR

Handler = Callable[[int, float], None]
"""Takes the events of its descriptor and the time of the round."""


class _Poll:
    """select.poll in the shape of select.epoll, for systems without the latter."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        return self._poll.poll(None if timeout < 0 else timeout * 1000)


class Loop:
    """Handlers by descriptor and callbacks by time; `round` runs what is due."""

    def __init__(self, *, use_epoll: bool = hasattr(select, "epoll")) -> None:
        self._all = select.epoll() if use_epoll else _Poll()
        self._waiters = select.epoll() if use_epoll else _Poll()
        self._handlers: dict[int, Handler] = {}
        self._events: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._timers: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = itertools.count()

    def add(self, fd: int, events: int, handler: Handler, *, is_waiter: bool) -> None:
        """Watch a descriptor; ``is_waiter``: also while only those who wait are looked at."""
        self._all.register(fd, events)
        self._handlers[fd] = handler
        self._events[fd] = events
        if is_waiter:
            self._waiters.register(fd, events)
            self._waiting.add(fd)

    def change(self, fd: int, events: int) -> None:
        """Watch a known descriptor for other events."""
        if self._events.get(fd) in (None, events):
            return
        self._events[fd] = events
        self._all.modify(fd, events)
        if fd in self._waiting:
            self._waiters.modify(fd, events)

    def has(self, fd: int) -> bool:
        """Return whether a descriptor is watched."""
        return fd in self._events

    def promote(self, fd: int) -> None:
        """Put a known descriptor among the waiters."""
        if fd in self._events and fd not in self._waiting:
            self._waiters.register(fd, self._events[fd])
            self._waiting.add(fd)

    def remove(self, fd: int) -> None:
        """Forget a descriptor, before it is closed; fine if it is not known."""
        if self._events.pop(fd, None) is None:
            return
        del self._handlers[fd]
        self._all.unregister(fd)
        if fd in self._waiting:
            self._waiters.unregister(fd)
            self._waiting.discard(fd)

    def hear(
        self, numbers: Iterable[signal.Signals], handler: Callable[[signal.Signals, float], None]
    ) -> None:
        """Call back after one of these signals; between two handlers, as one may be writing a log line."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        # Not what is read from the pipe: a child that is not yet its own program writes there, too.
        heard: list[int] = []

        def wake(_events: int, now: float) -> None:
            os.read(wake_read, 64)
            while heard:
                handler(signal.Signals(heard.pop(0)), now)

        self.add(wake_read, READ, wake, is_waiter=True)
        signal.set_wakeup_fd(wake_write)
        for number in numbers:
            signal.signal(number, lambda number, _frame: heard.append(number))

    def call_at(self, when: float, callback: Callable[[float], None]) -> None:
        """Call back once the loop's clock (`time.monotonic`) has reached ``when``."""
        heapq.heappush(self._timers, (when, next(self._order), callback))

    def round(self, now: float, *, wake: float | None, waiters_until: float) -> float:
        """Wait for something to happen, handle it, and return the time it was handled at.

        Args:
            wake: return at this time at the latest.
            waiters_until: look only at the waiters, if that is in the future.
        """
        limit = self._timers[0][0] if self._timers else None
        if wake is not None and (limit is None or wake < limit):
            limit = wake
        if waiters_until > now:
            limit = waiters_until if limit is None else min(limit, waiters_until)
            ready = self._waiters.poll(max(0.0, limit - now))
        else:
            ready = self._all.poll(-1 if limit is None else max(0.0, limit - now))
        now = time.monotonic()
        handlers = self._handlers
        for fd, events in ready:
            # One that was handled before may have removed another of this round.
            handler = handlers.get(fd)
            if handler is not None:
                handler(events, now)
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2](now)
        return now
