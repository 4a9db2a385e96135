"""A Thrift server on asyncio: framed transport, binary protocol, one service.

    bytes -> frame -> call -> handler's method -> reply -> frame -> bytes
             `_receive`  `_Calls`                          `_send`

Stock servers of thriftpy2 close the connection when a handler fails, cut idle clients after seconds and read
frames of any size. Storm's clients count on the opposite, so this one answers whatever goes wrong, lets idle
connections live, and bounds what a client can make it hold.

One request at a time per connection, any number of connections at once. Handlers run on the loop: a method
that may block must be `async def`. Whose call it is they ask `storm_compat.caller`. What the methods mean is
not known here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.thrift import TApplicationException, TPayload
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.caller import Caller, calling
from storm_compat.thrift import ThriftError
from storm_compat.thrift.wire_scan import (
    MAX_NAME_BYTES,
    MessageHeader,
    MessageKind,
    ScanLimits,
    WireError,
    read_header,
    scan_message,
)

logger = logging.getLogger(__name__)

# Scanning and decoding this much takes about 5 ms, as long as a loop should be blocked at most.
_DECODE_IN_THREAD_BYTES = 256 * 1024
# How long the head of a frame that is too large may take to arrive: it is only wanted for a kinder answer.
_HEADER_TIMEOUT_S = 1.0
_HEADER_BYTES = MAX_NAME_BYTES + 12
_HTTP_VERBS = {b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC"}

_BinaryProtocol: Any = TCyBinaryProtocol  # has no annotations


class ThriftService(Protocol):
    """What thriftpy2 makes of a `service`: this list, and classes X_args and X_result for each X in it."""

    thrift_services: list[str]


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How much a server takes on. Storm's counterpart is `nimbus.thrift.max_buffer_size`, there 1 MiB.

    Attributes:
        max_frame_bytes: the largest request. Large topologies come in one frame, jars in chunks.
        max_connection_count: for one more, the client that has asked for nothing the longest is cut off; if
            all are being served, the new one is turned away.
        max_held_bytes: requests that arrive or are worked on, over all connections. When it is exceeded, the
            connection that holds the most of an unfinished frame is closed.
        frame_timeout_s: how long a frame may take to arrive or to leave, once begun. Idling is not limited.
        scan: depth and item count of one request.
    """

    max_frame_bytes: int = 64 * 1024 * 1024
    max_connection_count: int = 1000
    max_held_bytes: int = 256 * 1024 * 1024
    frame_timeout_s: float = 30.0
    scan: ScanLimits = field(default_factory=ScanLimits)

    def __post_init__(self) -> None:
        if not 0 < self.max_frame_bytes <= self.max_held_bytes:
            raise ValueError("max_frame_bytes must be positive and at most max_held_bytes")
        if self.max_connection_count < 1 or self.frame_timeout_s <= 0:
            raise ValueError("max_connection_count and frame_timeout_s must be positive")


class _Refused(ThriftError):
    """The connection cannot go on; ``reply`` is a last message, if there is one the client could read."""

    def __init__(self, reason: str, reply: bytes | None = None) -> None:
        super().__init__(reason)
        self.reply = reply


@dataclass(slots=True, eq=False)
class _Connection:
    """One client. ``held_bytes`` counts from the first byte of a frame until its reply is sent.

    ``waiting_since`` is when it came or got its last reply, None while a request of it is worked on.
    """

    caller: Caller
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    task: asyncio.Task[object]
    held_bytes: int = 0
    is_receiving: bool = False
    waiting_since: float | None = None

    @property
    def peer(self) -> str:
        return self.caller.peer


class ThriftServer:
    """Serves one Thrift service with the methods of one handler object."""

    def __init__(self, service: ThriftService, handler: object, limits: ServerLimits | None = None) -> None:
        self._limits = limits or ServerLimits()
        self._calls = _Calls(service, handler, self._limits.scan)
        self._connections: set[_Connection] = set()
        self._held_bytes = 0
        self._listener: asyncio.Server | None = None
        self._is_closing = False

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Return the address listened on; port 0 takes any free one.

        Raises:
            OSError: the address is in use or is not ours. It is never shared with another process.
        """
        self._is_closing = False
        self._listener = await asyncio.start_server(self._serve, host, port)
        address = self._listener.sockets[0].getsockname()
        logger.info("listening for Thrift clients on %s port %s", address[0], address[1])
        return address[0], address[1]

    async def close(self) -> None:
        """Return when nothing listens and every connection is gone, whatever it was doing."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        self._is_closing = True
        listener.close()
        connections = list(self._connections)
        for connection in connections:
            _cut(connection)
        await asyncio.gather(*(connection.task for connection in connections))
        await listener.wait_closed()
        logger.info("stopped listening for Thrift clients")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a client in, and forget it when it is gone."""
        peer = "{}:{}".format(*(writer.get_extra_info("peername") or ("unknown", 0))[:2])
        if self._is_closing or not self._make_room():
            logger.warning("turned %s away: %s connections are open", peer, len(self._connections))
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(Caller(peer=peer), reader, writer, task)
        connection.waiting_since = time.monotonic()
        self._connections.add(connection)
        try:
            # A host that vanished says nothing, and idle connections are kept: let the kernel find out.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await self._converse(connection)
        except asyncio.CancelledError:
            # By `_cut`. The task ends here anyway, and asyncio's streams log a cancelled one as an error.
            logger.debug("cut the connection of %s", peer)
        except (asyncio.IncompleteReadError, OSError) as error:
            logger.debug("lost the connection of %s: %r", peer, error)
        finally:
            self._connections.discard(connection)
            self._release(connection)
            writer.transport.abort()

    def _make_room(self) -> bool:
        """Return whether there is room for one more; the client that waited longest may have to go for it."""
        if len(self._connections) < self._limits.max_connection_count:
            return True
        waiting = [(c.waiting_since, c) for c in self._connections if c.waiting_since is not None]
        if not waiting:
            return False
        _, victim = min(waiting, key=lambda pair: pair[0])
        logger.warning("closed the connection of %s: others want its place", victim.peer)
        self._connections.discard(victim)
        self._release(victim)
        _cut(victim)
        return True

    async def _converse(self, connection: _Connection) -> None:
        """Read, answer, repeat, until the client leaves or has to."""
        try:
            while (message := await self._receive(connection)) is not None:
                connection.waiting_since = None
                with calling(connection.caller):
                    reply = await self._calls.answer(message)
                if reply is not None:
                    await self._send(connection, reply)
                self._release(connection)
                connection.waiting_since = time.monotonic()
            await self._hang_up(connection)
        except _Refused as refusal:
            logger.warning("closed the connection of %s: %s", connection.peer, refusal)
            if refusal.reply is not None:
                await self._part(connection, refusal.reply)

    async def _receive(self, connection: _Connection) -> bytes | None:
        """Return the next message, or ``None`` when the client has hung up between two frames.

        Raises:
            _Refused: no frame of ours begins like that, it is too large, or it was not complete in time.
        """
        head = await connection.reader.read(4)
        if not head:
            return None
        connection.is_receiving = True
        try:
            async with self._deadline("the arrival of its frame"):
                if len(head) < 4:
                    head += await connection.reader.readexactly(4 - len(head))
                size = int.from_bytes(head, signed=True)
                if not 0 < size <= self._limits.max_frame_bytes:
                    raise await self._refusal(connection, head, size)
                return await self._receive_rest(connection, size)
        finally:
            connection.is_receiving = False

    async def _receive_rest(self, connection: _Connection, size: int) -> bytes:
        """Return ``size`` bytes. Only what has arrived is held; announcing much costs nothing."""
        chunks = []
        while size:
            chunk = await connection.reader.read(size)
            if not chunk:
                raise asyncio.IncompleteReadError(b"", size)
            self._hold(connection, len(chunk))
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    async def _refusal(self, connection: _Connection, head: bytes, size: int) -> _Refused:
        """Return why a frame that begins like that is not read, with a reply if its sender can be told."""
        if head in _HTTP_VERBS:
            return _Refused("it speaks HTTP, but this port speaks Thrift; the REST API has a port of its own")
        if head.startswith(b"\x80\x01"):
            return _Refused("it uses no framed transport; let the client use TFramedTransport")
        if head.startswith(b"\x16\x03"):
            return _Refused("it speaks TLS, but this port does not")
        if size <= 0:
            return _Refused(f"a frame of {size:,} bytes")
        reason = f"a frame of {size:,} bytes, at most {self._limits.max_frame_bytes:,} are accepted"
        try:
            async with asyncio.timeout(_HEADER_TIMEOUT_S):
                header = read_header(await connection.reader.read(_HEADER_BYTES))
        except (TimeoutError, WireError):
            return _Refused(reason)
        return _Refused(reason, _protocol_error(header, f"{header.name} came in {reason}"))

    def _hold(self, connection: _Connection, size: int) -> None:
        """Count bytes that arrived; when all connections hold too much, the greediest sender goes."""
        connection.held_bytes += size
        self._held_bytes += size
        if self._held_bytes <= self._limits.max_held_bytes:
            return
        senders = (other for other in self._connections if other.is_receiving)
        victim = max(senders, key=lambda sender: sender.held_bytes)
        reason = f"{self._held_bytes:,} bytes of requests are held, {victim.held_bytes:,} of them in its own"
        self._release(victim)
        if victim is connection:
            raise _Refused(reason)
        logger.warning("closed the connection of %s: %s", victim.peer, reason)
        victim.is_receiving = False
        _cut(victim)

    def _release(self, connection: _Connection) -> None:
        self._held_bytes -= connection.held_bytes
        connection.held_bytes = 0

    async def _send(self, connection: _Connection, message: bytes) -> None:
        connection.writer.write(len(message).to_bytes(4) + message)
        async with self._deadline("taking its reply"):
            await connection.writer.drain()

    async def _hang_up(self, connection: _Connection) -> None:
        """Close once the client has got its last reply."""
        connection.writer.close()
        async with self._deadline("taking its reply"):
            await connection.writer.wait_closed()

    @asynccontextmanager
    async def _deadline(self, what: str) -> AsyncIterator[None]:
        """Refuse the connection if the body takes too long; ``what`` the client is slow at is logged."""
        try:
            async with asyncio.timeout(self._limits.frame_timeout_s):
                yield
        except TimeoutError as error:
            raise _Refused(f"{what} took over {self._limits.frame_timeout_s:g} s") from error

    async def _part(self, connection: _Connection, reply: bytes) -> None:
        """Send a last reply and wait for the client to leave.

        Closing with input unread resets the connection, and the client would lose the reply. So what it still
        sends is read and dropped.
        """
        self._release(connection)
        try:
            await self._send(connection, reply)
            connection.writer.write_eof()
            async with self._deadline("leaving"):
                while await connection.reader.read(65536):
                    pass
        except (_Refused, OSError) as error:
            logger.debug("gave up waiting for %s: %s", connection.peer, error)


def _cut(connection: _Connection) -> None:
    """End a connection whatever it is doing; its task does the rest."""
    connection.task.cancel()
    connection.writer.transport.abort()


class _Calls:
    """Turns one request into one reply, bytes to bytes. Knows the service and its handler, no connection."""

    def __init__(self, service: ThriftService, handler: object, limits: ScanLimits) -> None:
        self._service = service
        self._handler = handler
        self._limits = limits

    async def answer(self, message: bytes) -> bytes | None:
        """Return the reply, which may be an error; ``None`` if the client expects none.

        Raises:
            _Refused: the message is malformed, so the client and we do not agree on where things begin.
        """
        header = await self._scan(message)
        logger.debug("%r called", header.name)
        try:
            arguments = await self._arguments(header, message)
            result = await self._result(header.name, arguments)
            reply = _encode(header, MessageKind.REPLY, result)
        except TApplicationException as error:
            reply = _encode(header, MessageKind.EXCEPTION, error)
        except Exception as error:
            error_id = secrets.token_hex(3).upper()
            logger.exception("%s failed, error id %s", header.name, error_id)
            text = f"Internal error processing {header.name}: {_brief(error)} (error id {error_id})"
            internal = TApplicationException(TApplicationException.INTERNAL_ERROR, text)
            reply = _encode(header, MessageKind.EXCEPTION, internal)
        return None if header.kind == MessageKind.ONEWAY else reply

    async def _scan(self, message: bytes) -> MessageHeader:
        try:
            if len(message) > _DECODE_IN_THREAD_BYTES:
                return await asyncio.to_thread(scan_message, message, self._limits)
            return scan_message(message, self._limits)
        except WireError as error:
            try:
                header = read_header(message)
            except WireError:
                raise _Refused(f"malformed message at {error}") from error
            reason = f"malformed call of {header.name!r} at {error}"
            raise _Refused(reason, _protocol_error(header, reason)) from error

    async def _arguments(self, header: MessageHeader, message: bytes) -> list[Any]:
        """Return the arguments of a scanned call in the order of the interface, ``None`` for unset ones.

        Raises:
            TApplicationException: it is no call, the service has no such method, or a value does not decode.
        """
        if header.kind not in {MessageKind.CALL, MessageKind.ONEWAY}:
            text = f"expected a call, not {header.kind.name}"
            raise TApplicationException(TApplicationException.INVALID_MESSAGE_TYPE, text)
        if header.name not in self._service.thrift_services:
            text = f"Invalid method name: '{header.name}'"
            raise TApplicationException(TApplicationException.UNKNOWN_METHOD, text)
        arguments: TPayload = getattr(self._service, f"{header.name}_args")()
        try:
            if len(message) > _DECODE_IN_THREAD_BYTES:
                await asyncio.to_thread(_decode, arguments, message)
            else:
                _decode(arguments, message)
        except (ValueError, TypeError, RecursionError) as error:
            text = f"cannot decode the arguments of {header.name}: {_brief(error)}"
            raise TApplicationException(TApplicationException.PROTOCOL_ERROR, text) from error
        return [getattr(arguments, spec[1]) for spec in arguments.thrift_spec.values()]

    async def _result(self, name: str, arguments: list[Any]) -> TPayload:
        """Return the result struct; an exception that the interface declares becomes its field."""
        method = getattr(self._handler, name, None)
        if method is None:
            text = f"{name} is not supported yet by Heronry"
            raise TApplicationException(TApplicationException.UNKNOWN_METHOD, text)
        result: TPayload = getattr(self._service, f"{name}_result")()
        try:
            value = method(*arguments)
            if inspect.isawaitable(value):
                value = await _finished(value)
        except Exception as error:
            for _code, field_name, *detail, _ in result.thrift_spec.values():
                if field_name != "success" and isinstance(error, detail[0]):
                    setattr(result, field_name, error)
                    return result
            raise
        if (success := result.thrift_spec.get(0)) is not None:
            setattr(result, success[1], value)
        return result


async def _finished(pending: Awaitable[object]) -> object:
    """Return what a handler returns. If something it waits for is cancelled, that is an error, no `_cut`."""
    try:
        return await pending
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("what it waited for was cancelled") from error


def _decode(arguments: TPayload, message: bytes) -> None:
    """Fill in ``arguments`` from a message that has been scanned."""
    protocol = _BinaryProtocol(TCyMemoryBuffer(message), strict_read=False, strict_decode=True)
    protocol.read_message_begin()
    arguments.read(protocol)


def _encode(header: MessageHeader, kind: MessageKind, payload: TPayload) -> bytes:
    """Return a reply to ``header``, strict as Storm's servers reply, whatever the request was."""
    buffer = TCyMemoryBuffer()
    protocol = _BinaryProtocol(buffer)
    protocol.write_message_begin(header.name, kind, header.seqid)
    payload.write(protocol)
    encoded: bytes = buffer.getvalue()
    return encoded


def _protocol_error(header: MessageHeader, text: str) -> bytes:
    error = TApplicationException(TApplicationException.PROTOCOL_ERROR, text)
    return _encode(header, MessageKind.EXCEPTION, error)


def _brief(error: Exception) -> str:
    """Return the kind of an exception and the beginning of its text, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
