"""A Thrift server on asyncio: one service, any number of ports, each with a door of its own.

    accept -> door: who is it -> message -> `Calls` -> reply -> message -> ...
              `doors`            `inbox`    `calls`

Stock servers of thriftpy2 close the connection when a handler fails, cut idle clients after seconds and read
frames of any size. Storm's clients count on the opposite, so this one answers whatever goes wrong, lets idle
connections live, and bounds what a client can make it hold; the bounds are for all ports together.

One request at a time per connection, any number of connections at once. Handlers run on the loop: a method
that may block must be `async def`. Whose call it is they ask `storm_compat.caller`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from storm_compat.caller import Caller, calling
from storm_compat.thrift.calls import Calls, ThriftService
from storm_compat.thrift.complaints import Complaints
from storm_compat.thrift.connections import Connection, Connections
from storm_compat.thrift.doors import Door, FramedDoor
from storm_compat.thrift.refusal import Refused
from storm_compat.thrift.shape_scan import ShapeError
from storm_compat.thrift.wire_scan import ScanLimits
from storm_compat.thrift.wires import Wire

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How much a server takes on. Storm's counterpart is `nimbus.thrift.max_buffer_size`, there 1 MiB.

    Attributes:
        max_frame_bytes: the largest request. Large topologies come in one frame, jars in chunks.
        max_connection_count: for one more, the client that has asked for nothing the longest is cut off,
            first of those that never asked; if all are being served, the new one is turned away.
        max_held_bytes: requests and replies, over all connections. When it is exceeded, the connection
            that holds the most of an unfinished frame is closed.
        frame_timeout_s: how long a frame may take to arrive or to leave, once begun. Idling is not limited.
        sign_in_timeout_s: how long a client may take before its first call, where it has to prove something.
        scan: depth and item count of one request.
    """

    max_frame_bytes: int = 64 * 1024 * 1024
    max_connection_count: int = 1000
    max_held_bytes: int = 256 * 1024 * 1024
    frame_timeout_s: float = 30.0
    sign_in_timeout_s: float = 10.0
    scan: ScanLimits = field(default_factory=ScanLimits)

    def __post_init__(self) -> None:
        if not 0 < self.max_frame_bytes <= self.max_held_bytes:
            raise ValueError("max_frame_bytes must be positive and at most max_held_bytes")
        if self.max_connection_count < 1 or min(self.frame_timeout_s, self.sign_in_timeout_s) <= 0:
            raise ValueError("max_connection_count and the timeouts must be positive")


class ThriftServer:
    """Serves one Thrift service with the methods of one handler object.

    Args:
        misshapen: see `Calls`.
    """

    def __init__(
        self,
        service: ThriftService,
        handler: object,
        limits: ServerLimits | None = None,
        *,
        misshapen: Callable[[ShapeError], Exception] | None = None,
    ) -> None:
        self._limits = limits or ServerLimits()
        self._calls = Calls(service, handler, self._limits.scan, misshapen=misshapen)
        self._connections = Connections(
            max_count=self._limits.max_connection_count, max_held_bytes=self._limits.max_held_bytes
        )
        self._complaints = Complaints()
        self._listeners: list[asyncio.Server] = []
        self._is_closing = False

    async def start(self, host: str, port: int, door: Door | None = None) -> tuple[str, int]:
        """Listen at one more address and return it; port 0 takes any free one, no door lets everybody in.

        Raises:
            OSError: the address is in use or is not ours. It is never shared with another process.
        """
        self._is_closing = False
        way_in = door or FramedDoor(self._limits.max_frame_bytes)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(way_in, reader, writer)

        listener = await asyncio.start_server(serve, host, port)
        self._listeners.append(listener)
        address = listener.sockets[0].getsockname()
        logger.info("listening for Thrift clients on %s port %s", address[0], address[1])
        return address[0], address[1]

    async def close(self) -> None:
        """Return when nothing listens and every connection is gone, whatever it was doing."""
        listeners, self._listeners = self._listeners, []
        if not listeners:
            return
        self._is_closing = True
        for listener in listeners:
            listener.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cut()
        await asyncio.gather(*(connection.task for connection in connections))
        for listener in listeners:
            await listener.wait_closed()
        logger.info("stopped listening for Thrift clients")

    async def _serve(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a client in, and forget it when it is gone."""
        peer = "{}:{}".format(*(writer.get_extra_info("peername") or ("unknown", 0))[:2])
        task = asyncio.current_task()
        assert task is not None
        connection = Connection(Caller(peer=peer), task, writer.transport.abort, time.monotonic())
        if self._is_closing or not self._connections.admit(connection):
            if (more := self._complaints.count(time.monotonic())) is not None:
                count = len(self._connections)
                logger.warning("turned %s away: %s connections are open%s", peer, count, more)
            writer.transport.abort()
            return
        wire = door.wire(reader, writer)
        try:
            # A host that vanished says nothing, and idle connections are kept: let the kernel find out.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            async with _deadline(self._limits.sign_in_timeout_s, "signing in"):
                connection.caller = await door.enter(wire, peer)
            await self._converse(door, wire, connection)
        except Refused as refusal:
            if (more := self._complaints.count(time.monotonic())) is not None:
                logger.warning("closed the connection of %s: %s%s", peer, refusal, more)
            if refusal.reply is not None:
                await self._part(wire, connection, refusal.reply)
        except asyncio.CancelledError:
            # By `Connection.cut`. The task ends here anyway; asyncio's streams would log it as an error.
            logger.debug("cut the connection of %s", peer)
        except (asyncio.IncompleteReadError, OSError) as error:
            logger.debug("lost the connection of %s: %r", peer, error)
        finally:
            self._connections.forget(connection)
            writer.transport.abort()

    async def _converse(self, door: Door, wire: Wire, connection: Connection) -> None:
        """Read, answer, repeat, until the client leaves or has to."""
        while head := await wire.read(door.inbox.first_bytes):
            try:
                reply = await self._answer(door, wire, connection, head)
            except Refused as refusal:
                last = None if refusal.reply is None else door.inbox.packed(refusal.reply)
                raise Refused(str(refusal), last) from refusal
            self._connections.release(connection)
            if reply is not None:
                await self._send(wire, connection, door.inbox.packed(reply))
                self._connections.release(connection)
            connection.waiting_since = time.monotonic()
            await asyncio.sleep(0)  # who sends ahead is never served alone
        await self._hang_up(wire)

    async def _answer(self, door: Door, wire: Wire, connection: Connection, head: bytes) -> bytes | None:
        """Return the reply to the message that begins with ``head``, None if none is wanted.

        Raises:
            Refused: no message of ours begins like that, it is too large, or it was not complete in time.
        """
        async with self._moving(connection, "the arrival of its frame"):
            message = await door.inbox.rest(wire, head, lambda size: self._connections.hold(connection, size))
        connection.waiting_since = None
        connection.has_called = True
        with calling(connection.caller):
            return await self._calls.answer(message)

    async def _send(self, wire: Wire, connection: Connection, data: bytes) -> None:
        async with self._moving(connection, "taking its reply"):
            self._connections.hold(connection, len(data))
            await wire.send(data)

    async def _hang_up(self, wire: Wire) -> None:
        """Close once the client has got its last reply."""
        async with _deadline(self._limits.frame_timeout_s, "taking its reply"):
            await wire.finish()

    async def _part(self, wire: Wire, connection: Connection, data: bytes) -> None:
        """Send a last reply and wait for the client to leave; whatever happens, its task ends then."""
        self._connections.release(connection)
        try:
            if data:
                await self._send(wire, connection, data)
            async with _deadline(self._limits.frame_timeout_s, "leaving"):
                await wire.part()
        except (Refused, OSError, asyncio.CancelledError) as error:
            logger.debug("gave up waiting for %s: %r", connection.peer, error)

    @asynccontextmanager
    async def _moving(self, connection: Connection, what: str) -> AsyncIterator[None]:
        """Let the body, whose pace the client sets, take no longer than a frame may."""
        connection.is_moving = True
        try:
            async with _deadline(self._limits.frame_timeout_s, what):
                yield
        finally:
            connection.is_moving = False


@asynccontextmanager
async def _deadline(limit_s: float, what: str) -> AsyncIterator[None]:
    """Refuse the connection if the body takes too long; ``what`` the client is slow at is logged."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise Refused(f"{what} took over {limit_s:g} s") from error
