"""The next message of a client: framed, as nearly all speak, or bare, as Storm's clients do over TLS.

    Framed   4 bytes of length, message       TFramedTransport, and SASL after signing in
    Bare     message                          its end is where its outermost struct ends

Only what has arrived is held: announcing much costs nothing, neither the client nor us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from storm_compat.thrift.calls import protocol_error
from storm_compat.thrift.message_end import MessageEnd
from storm_compat.thrift.refusal import Refused
from storm_compat.thrift.wire_scan import (
    MAX_NAME_BYTES,
    MessageHeader,
    MessageKind,
    ScanLimits,
    WireError,
    read_header,
)
from storm_compat.thrift.wires import Wire

# How long the head of a frame that is too large may take to arrive: it is only wanted for a kinder answer.
_HEADER_TIMEOUT_S = 1.0
_HEADER_BYTES = MAX_NAME_BYTES + 12
_CHUNK_BYTES = 65536
# The status START of SASL and the upper bytes of a length; no call begins with the byte that follows.
_SASL_START = b"\x01\0\0\0"
_CALL_STARTS = (b"\x80", b"\0")
_HTTP_VERBS = {b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC"}


class Inbox(Protocol):
    """How messages stand on the wire."""

    first_bytes: int
    """As many are read, at most, while nothing has begun; that wait is without a deadline."""

    async def rest(self, wire: Wire, head: bytes, hold: Callable[[int], None]) -> bytes:
        """Return the message that begins with ``head``; ``hold`` is told of all bytes, and may refuse them.

        Raises:
            Refused: no message of ours begins like that, or it is too large.
            IncompleteReadError: the client has left.
        """

    def packed(self, message: bytes) -> bytes:
        """Return what is sent for ``message``."""


class Framed:
    """Each message in a frame."""

    first_bytes = 4

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    async def rest(self, wire: Wire, head: bytes, hold: Callable[[int], None]) -> bytes:
        head += await wire.read_exactly(4 - len(head))
        if head == _SASL_START:
            await _refuse_sign_in(wire)
        size = int.from_bytes(head, signed=True)
        if not 0 < size <= self._max_bytes:
            raise await self._refusal(wire, head, size)
        chunks = []
        while size:
            chunk = await wire.read(size)
            if not chunk:
                raise asyncio.IncompleteReadError(b"", size)
            hold(len(chunk))
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def packed(self, message: bytes) -> bytes:
        return len(message).to_bytes(4) + message

    async def _refusal(self, wire: Wire, head: bytes, size: int) -> Refused:
        """Return why a frame that begins like that is not read, with a reply if its sender can be told."""
        if hint := _foreign(head):
            return Refused(hint)
        if head.startswith(b"\x80\x01"):
            return Refused("it uses no framed transport; let the client use TFramedTransport")
        if size <= 0:
            return Refused(f"a frame of {size:,} bytes")
        reason = f"a frame of {size:,} bytes, at most {self._max_bytes:,} are accepted"
        try:
            async with asyncio.timeout(_HEADER_TIMEOUT_S):
                header = read_header(await wire.read(_HEADER_BYTES))
        except (TimeoutError, WireError):
            return Refused(reason)
        return Refused(reason, protocol_error(header, f"{header.name} came in {reason}"))


class Bare:
    """One message after the other."""

    first_bytes = _CHUNK_BYTES

    def __init__(self, max_bytes: int, limits: ScanLimits) -> None:
        self._max_bytes = max_bytes
        self._limits = limits

    async def rest(self, wire: Wire, head: bytes, hold: Callable[[int], None]) -> bytes:
        ending = MessageEnd(self._limits, self._max_bytes)
        chunk = head
        try:
            while True:
                hold(len(chunk))
                if (size := ending.feed(chunk)) is not None:
                    break
                if not (chunk := await wire.read(_CHUNK_BYTES)):
                    raise asyncio.IncompleteReadError(b"", None)
        except WireError as error:
            raise _bare_refusal(ending.data, error) from error
        data = ending.data
        hold(size - len(data))
        wire.put_back(data[size:])
        return data[:size]

    def packed(self, message: bytes) -> bytes:
        return message


async def _refuse_sign_in(wire: Wire) -> None:
    """Return if it is a frame of 16 MiB; else its rest would never come, and its sender waits for us."""
    first = await wire.read_exactly(1)
    wire.put_back(first)
    if first not in _CALL_STARTS:
        reason = "it wants to sign in by SASL, but this port does not ask for that"
        raise Refused(reason, protocol_error(MessageHeader("", MessageKind.CALL, 0, 0), reason))


def _bare_refusal(data: bytes, error: WireError) -> Refused:
    if hint := _foreign(data):
        return Refused(hint)
    try:
        header = read_header(data[:_HEADER_BYTES])
    except WireError:
        return Refused(f"malformed message at {error}")
    reason = f"malformed call of {header.name!r} at {error}"
    return Refused(reason, protocol_error(header, reason))


def _foreign(head: bytes) -> str | None:
    """Return what a client speaks that is at the wrong port; None if it may be right here."""
    if head[:4] in _HTTP_VERBS:
        return "it speaks HTTP, but this port speaks Thrift; the REST API has a port of its own"
    if head.startswith(b"\x16\x03"):
        return "it speaks TLS, but this port does not"
    return None
