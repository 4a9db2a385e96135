"""MessagePack components: their objects into the JSON texts that all else works with, and back.

    object object ob|ject ...        nothing between them, so each is measured before it is read

JSON has fewer values, so some change on the way in: bytes become base64
texts, numbers as keys become texts, and an extension its bytes; on the way
out integers beyond 64 bits become texts, and half characters ``?``.

A message is a map.  What a ``print`` leaves between messages reads as small
numbers, one a character, and is handed on as the text it was.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any, Final

import msgspec
import simplejson

from multilang import codec
from multilang.errors import RemoteProtocolError
from multilang.framing import END, MAX_MESSAGE_BYTES

_FIXED: Final = {
    0xC0: 0, 0xC2: 0, 0xC3: 0,
    0xCA: 4, 0xCB: 8,
    0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8,
    0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
"""Nil, booleans, numbers and short extensions: bytes behind the tag."""

_SIZED: Final = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0),
    0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1),
    0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0),
}  # fmt: skip
"""Bytes, extensions and texts: bytes of the length, and bytes besides what it measures."""

_COUNTED: Final = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
"""Lists and maps: bytes of the count, and values for each."""


class MessageReader:
    """Collect bytes until whole objects are there; the counterpart of `framing.FrameReader`."""

    def __init__(self, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._at = 0
        """Up to where the unfinished object is measured."""
        self._missing = 1
        """Values that it lacks."""

    @property
    def buffered_bytes(self) -> int:
        """Size of the unfinished object."""
        return len(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the objects completed by ``data`` as JSON texts, and what is none as the text it was.

        Raises:
            RemoteProtocolError: a byte that begins nothing, or an object that is larger than ``max_bytes``.
        """
        self._data += data
        texts: list[bytes] = []
        noise = bytearray()
        start = 0
        while self._measure():
            if self._at - start == 1 and self._data[start] < 0x80:
                noise.append(self._data[start])
            else:
                if noise:
                    texts.append(bytes(noise))
                    noise.clear()
                texts.append(_to_json(bytes(self._data[start : self._at])))
            start, self._missing = self._at, 1
        if noise:
            texts.append(bytes(noise))
        del self._data[:start]
        self._at -= start
        if len(self._data) > self._max_bytes:
            raise RemoteProtocolError(f"a MessagePack object exceeds {self._max_bytes} bytes")
        return texts

    def finish(self) -> list[bytes]:
        """Return nothing: what the end of the stream cuts off is dropped."""
        self._data.clear()
        self._at, self._missing = 0, 1
        return []

    def _measure(self) -> bool:
        """Return whether the object is complete, having gone as far as the bytes do."""
        data = self._data
        while self._missing:
            at = self._at
            if at >= len(data):
                return False
            tag = data[at]
            size, inner = 1, 0
            if tag < 0x80 or tag >= 0xE0:
                pass
            elif tag < 0x90:
                inner = 2 * (tag & 0x0F)
            elif tag < 0xA0:
                inner = tag & 0x0F
            elif tag < 0xC0:
                size += tag & 0x1F
            elif tag in _FIXED:
                size += _FIXED[tag]
            elif tag in _SIZED:
                width, more = _SIZED[tag]
                size += width + more + int.from_bytes(data[at + 1 : at + 1 + width], "big")
            elif tag in _COUNTED:
                width, each = _COUNTED[tag]
                size += width
                inner = each * int.from_bytes(data[at + 1 : at + 1 + width], "big")
            else:
                raise RemoteProtocolError(f"no MessagePack object begins with the byte {tag:#04x}")
            if at + size > len(data):
                return False
            self._at = at + size
            self._missing += inner - 1
        return True


def _to_json(data: bytes) -> bytes:
    try:
        value = msgspec.msgpack.decode(data)
        text = simplejson.dumps(value, separators=(",", ":"), ignore_nan=True, default=_plain, encoding=None)
        return text.encode("ascii")
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as exc:
        # What is no JSON object is shown and passed over.
        return f"a MessagePack object that cannot be read: {exc}".encode()


def _plain(value: Any) -> str:
    """Return what stands in JSON for a value that it has no form for."""
    if isinstance(value, msgspec.msgpack.Ext):
        value = value.data
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def from_json(data: bytes) -> bytes:
    """Return whole JSON messages, each closed by ``end``, as MessagePack objects."""
    return b"".join(_pack(codec.read_json(text)) for text in data.split(END) if text)


def _pack(message: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(message)
    except (OverflowError, UnicodeEncodeError):
        return msgspec.msgpack.encode(_fitting(message))


def _fitting(value: Any) -> Any:
    """Return a value without what MessagePack cannot hold."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_fitting(item) for item in value]
    if isinstance(value, dict):
        return {_fitting(key): _fitting(item) for key, item in value.items()}
    return value
