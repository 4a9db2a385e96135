"""A connection of the container process: frames in, frames out, never blocking.

Used for the data links between containers and for the line to the topology
process; both send 4 bytes of big-endian length before each body.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections import deque
from collections.abc import Callable

from scheduler.errors import PeerError
from scheduler.run.loop import HANG_UP, READ, WRITE, Loop
from scheduler.stream.links import MAX_FRAME_BYTES, FrameSplitter

_READ_BYTES = 256 * 1024


class FramedSocket:
    """A connected (or connecting) socket in the loop; ends by `on_lost`, once."""

    def __init__(
        self,
        loop: Loop,
        connection: socket.socket,
        on_frame: Callable[[FramedSocket, bytes, float], None],
        on_lost: Callable[[FramedSocket, str, float], None],
        *,
        max_frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._loop = loop
        self._socket = connection
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._splitter = FrameSplitter(max_frame_bytes)
        self._out: deque[bytes | memoryview] = deque()
        self.queued_bytes = 0
        """What was sent and is not in the kernel yet."""
        self.is_open = True
        self._end_reason = ""
        """Why nothing can be sent any more."""
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._fd = connection.fileno()
        loop.add(self._fd, READ, self._on_ready, is_waiter=True)

    @classmethod
    def connect(
        cls,
        loop: Loop,
        host: str,
        port: int,
        on_frame: Callable[[FramedSocket, bytes, float], None],
        on_lost: Callable[[FramedSocket, str, float], None],
    ) -> FramedSocket:
        """Return a socket on its way to ``host``; frames may be sent at once.

        Raises:
            OSError: the address is no good; a refused connection comes by ``on_lost``.
        """
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        connection = socket.socket(family, kind, protocol)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            try:
                connection.connect(address)
            except BlockingIOError:
                raise
            except OSError:
                connection.close()
                raise
        return cls(loop, connection, on_frame, on_lost)

    def send(self, frame: bytes) -> bool:
        """Send a frame with its length; return whether it may arrive. What the kernel does not take waits."""
        if self.is_open and not self._end_reason:
            self._out.append(frame)
            self.queued_bytes += len(frame)
            if len(self._out) == 1:
                self._flush()
        return self.is_open and not self._end_reason

    def trust(self) -> None:
        """Take frames of any legal size from now on."""
        self._splitter.max_frame_bytes = MAX_FRAME_BYTES

    def read_rest(self, now: float) -> None:
        """Take all that has come, before the end of a connection whose other side has ended."""
        while self.is_open and self._read(now):
            pass

    def write_rest(self, deadline: float) -> None:
        """Wait until all that was sent is written, until ``deadline`` (monotonic) at the latest."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while self.is_open and self._out and (left_s := deadline - time.monotonic()) > 0:
            poll.poll(left_s * 1000)
            self._flush()

    def close(self) -> None:
        """Close without calling back."""
        if self.is_open:
            self.is_open = False
            self._loop.remove(self._fd)
            self._socket.close()

    def _lose(self, reason: str, now: float) -> None:
        if self.is_open:
            self.close()
            self._on_lost(self, reason, now)

    def _on_ready(self, events: int, now: float) -> None:
        if events & (READ | HANG_UP):
            self._read(now)
        if self.is_open and events & WRITE:
            self._flush()

    def _read(self, now: float) -> bool:
        """Read once; return whether there was anything."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as exc:
            self._lose(self._end_reason or exc.strerror or str(exc), now)
            return False
        if not data:
            self._lose(self._end_reason or "closed by the other side", now)
            return False
        try:
            for body in self._splitter.feed(data):
                if self.is_open:
                    self._on_frame(self, body, now)
        except PeerError as exc:
            self._lose(str(exc), now)
        return True

    def _flush(self) -> None:
        while self._out:
            data = self._out[0]
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as exc:
                if exc.errno not in (errno.ENOTCONN, errno.EINPROGRESS):  # else it is still connecting
                    # Not lost yet: what the other side sent before it ended is still to be read.
                    self._end_reason = exc.strerror or str(exc)
                    self._out.clear()
                    self.queued_bytes = 0
                    break
                sent = 0
            self.queued_bytes -= sent
            if sent < len(data):
                self._out[0] = memoryview(data)[sent:]
                self._loop.change(self._fd, READ | WRITE)
                return
            self._out.popleft()
        self._loop.change(self._fd, READ)
