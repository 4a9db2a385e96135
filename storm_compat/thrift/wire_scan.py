"""Check one message in Thrift's binary protocol for sane bounds, without knowing the interface.

thriftpy2's fast decoder trusts its input: past the end it returns whatever lies in memory, and a few bytes
that announce two billion items keep it busy for seconds. So nothing reaches it that has not passed here.

    message = header body
    header  = 0x8001 0x00 kind, name, seqid          strict
            | name, kind byte, seqid                 non-strict: begins with the name's length, never negative
    body    = struct = { type code, field id, value } 0x00

One pass, no copy. Time is bounded by the item budget, not by the size of the message: every field, list item,
map key and map value counts as one item. Whether the fields are those of the interface `shape_scan` asks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

from storm_compat.thrift import ThriftError

# No method of Storm is longer than 40; a name is echoed in replies and logs.
MAX_NAME_BYTES = 256

STOP, STRING, STRUCT, MAP, SET, LIST = 0, 11, 12, 13, 14, 15
I32 = 8
FIXED_BYTES = {2: 1, 3: 1, 4: 8, 6: 2, 8: 4, 10: 8}  # bool, byte, double, i16, i32, i64
LEAST_BYTES = {**FIXED_BYTES, STRING: 4, STRUCT: 1, MAP: 6, SET: 5, LIST: 5}

i32_at = struct.Struct(">i").unpack_from
list_header_at = struct.Struct(">Bi").unpack_from
map_header_at = struct.Struct(">BBi").unpack_from


class WireError(ThriftError):
    """The bytes are no acceptable message; ``offset`` is where that shows, from the start of the message."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"byte {offset:,}: {reason}")
        self.offset = offset
        self.reason = reason


class MessageKind(IntEnum):
    """What a message is for."""

    CALL = 1
    REPLY = 2
    EXCEPTION = 3
    ONEWAY = 4


@dataclass(frozen=True, slots=True)
class MessageHeader:
    """Who is called, and where the arguments begin."""

    name: str
    kind: MessageKind
    seqid: int
    body_offset: int


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """How much one message may hold. Nesting counts structs and containers, the outermost struct included."""

    max_depth: int = 64
    max_items: int = 200_000


DEFAULT_LIMITS = ScanLimits()


def scan_message(message: bytes, limits: ScanLimits = DEFAULT_LIMITS) -> MessageHeader:
    """Return the header of a message that is safe to decode and ends exactly where ``message`` does.

    Raises:
        WireError: a length leads outside, a type code is unknown, a budget is exceeded, or bytes are left.
    """
    header = read_header(message)
    scan_struct(message, header.body_offset, limits)
    return header


def read_header(message: bytes) -> MessageHeader:
    """Return the header alone; the body may still be missing.

    Raises:
        WireError: the message does not begin with a strict or non-strict header.
    """
    try:
        (word,) = i32_at(message, 0)
        if word >= 0:
            name, at = _name(message, 0)
            code = message[at]
            at += 1
        else:
            if word & 0xFFFF0000 != 0x80010000:
                raise WireError(0, f"unknown protocol version 0x{word & 0xFFFFFFFF:08x}")
            code = word & 0xFF
            name, at = _name(message, 4)
        (seqid,) = i32_at(message, at)
    except (IndexError, struct.error):
        raise WireError(len(message), "the message ends inside its header") from None
    try:
        kind = MessageKind(code)
    except ValueError:
        raise WireError(at, f"unknown message kind {code}") from None
    return MessageHeader(name, kind, seqid, at + 4)


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Return the method name whose length stands at ``at``, and the offset behind it."""
    (size,) = i32_at(message, at)
    if not 0 <= size <= MAX_NAME_BYTES:
        raise WireError(at, f"the method name is {size:,} bytes long, at most {MAX_NAME_BYTES} are accepted")
    end = at + 4 + size
    try:
        return message[at + 4 : end].decode(), end
    except UnicodeDecodeError as error:
        raise WireError(at + 4, "the method name is not UTF-8") from error


def scan_struct(message: bytes, offset: int = 0, limits: ScanLimits = DEFAULT_LIMITS) -> None:
    """Return if ``message`` holds from ``offset`` to its end exactly one well-formed struct.

    Raises:
        WireError: it does not; see `scan_message`.
    """
    scan = Scan(message, limits)
    with whole(message) as check_end:
        check_end(scan.struct(offset, limits.max_depth))


@contextmanager
def whole(message: bytes) -> Iterator[Callable[[int], None]]:
    """Turn reading past the end into a WireError; the value is told where reading stopped.

    Raises:
        WireError: the message ends too early, or bytes are left.
    """

    def check_end(end: int) -> None:
        if end != len(message):
            raise WireError(end, f"{len(message) - end:,} bytes follow the end of the message")

    try:
        yield check_end
    except (IndexError, struct.error):
        raise WireError(len(message), "the message ends inside a value") from None


class Scan:
    """One pass over a message: every method takes an offset and returns the one behind what it has read.

    Reading past the end shows as IndexError or struct.error, at the latest at the stop byte of the outermost
    struct; only lengths, which could lead astray or cost time, are compared with what remains.
    """

    __slots__ = ("_end", "_items_left", "_max_items", "_message")

    def __init__(self, message: bytes, limits: ScanLimits) -> None:
        self._message = message
        self._end = len(message)
        self._max_items = limits.max_items
        self._items_left = limits.max_items

    def struct(self, at: int, depth: int) -> int:
        """Return the offset behind the stop byte; the hottest loop, so nested calls only where needed."""
        message = self._message
        if depth <= 0:
            raise WireError(at, "structs and containers are nested too deeply")
        while (code := message[at]) != STOP:
            self.spend(1, at)
            if fixed := FIXED_BYTES.get(code):
                at += 3 + fixed
            elif code == STRING:
                at = self.string(at + 3)
            else:
                at = self.value(code, at + 3, depth)
        return at + 1

    def string(self, at: int) -> int:
        size: int
        (size,) = i32_at(self._message, at)
        end = at + 4 + size
        if size < 0 or end > self._end:
            raise WireError(at, f"a string of {size:,} bytes where {self._end - at - 4:,} remain")
        return end

    def value(self, code: int, at: int, depth: int) -> int:
        """Return the offset behind a value; its type code is known to be good, or stands 3 bytes before."""
        if fixed := FIXED_BYTES.get(code):
            return at + fixed
        if code == STRING:
            return self.string(at)
        if code == STRUCT:
            return self.struct(at, depth - 1)
        if code == MAP:
            return self.map(at, depth - 1)
        if code in (LIST, SET):
            return self.list(at, depth - 1)
        raise WireError(at - 3, f"unknown type code {code}")

    def list(self, at: int, depth: int) -> int:
        count: int
        code, count = list_header_at(self._message, at)
        self.open_container((code,), count, at, depth)
        at += 5
        if fixed := FIXED_BYTES.get(code):
            return at + count * fixed
        if code == STRING:
            for _ in range(count):
                at = self.string(at)
        else:
            for _ in range(count):
                at = self.value(code, at, depth)
        return at

    def map(self, at: int, depth: int) -> int:
        key_code, value_code, count = map_header_at(self._message, at)
        self.open_container((key_code, value_code), count, at, depth)
        at += 6
        for _ in range(count):
            at = self.value(key_code, at, depth)
            at = self.value(value_code, at, depth)
        return at

    def open_container(self, codes: tuple[int, ...], count: int, at: int, depth: int) -> None:
        """Check what a container announces before its first item is read."""
        if depth <= 0:
            raise WireError(at, "structs and containers are nested too deeply")
        if count == 0 and not any(codes):
            return  # some writers give an empty container no types
        least = 0
        for code in codes:
            if code not in LEAST_BYTES:
                raise WireError(at, f"a container of the unknown type code {code}")
            least += LEAST_BYTES[code]
        remaining = self._end - at - 4 - len(codes)
        if not 0 <= count * least <= remaining:
            raise WireError(at, f"a container of {count:,} items where {remaining:,} bytes remain")
        self.spend(count * len(codes), at)

    def spend(self, count: int, at: int) -> None:
        self._items_left -= count
        if self._items_left < 0:
            raise WireError(at, f"more than {self._max_items:,} fields and items")
