"""Find where a message ends that no frame announces, as its bytes come.

    end = MessageEnd(limits, max_bytes)
    end.feed(chunk) -> None: go on reading | how many of all bytes fed belong to the message

Looks at each byte once, however small the pieces are, so a client that sends them one by one costs no more
than others. Only lengths and type codes count here; `wire_scan` checks the message again, as a whole.
"""

from __future__ import annotations

from storm_compat.thrift.wire_scan import (
    FIXED_BYTES,
    LIST,
    MAP,
    MAX_NAME_BYTES,
    SET,
    STOP,
    STRING,
    STRUCT,
    ScanLimits,
    WireError,
    i32_at,
    list_header_at,
    map_header_at,
)

_STRICT = b"\x80\x01"
_HEADER_BYTES = 12  # version and kind, length of the name, sequence number


class MessageEnd:
    """Reads one strict message. ``_at`` may run ahead of what has come: that much is skipped unseen."""

    def __init__(self, limits: ScanLimits, max_bytes: int) -> None:
        self._limits = limits
        self._max_bytes = max_bytes
        self._items_left = limits.max_items
        self._data = bytearray()
        self._at = 0
        self._open: list[list[int]] = []
        """What is open, the innermost last: the type codes of its items in turn, then how many are to come; a
        struct is empty."""
        self._value_code: int | None = None
        """The value that begins at ``_at``; None: the innermost that is open says what comes."""
        self._has_header = False

    @property
    def data(self) -> bytes:
        """All that was fed."""
        return bytes(self._data)

    def feed(self, chunk: bytes) -> int | None:
        """Return the length of the message once it is there, None as long as it is not.

        Raises:
            WireError: it is none, or too much of one.
        """
        self._data += chunk
        if not self._has_header and not self._header():
            return None
        is_complete = False
        while not is_complete and self._step():
            is_complete = not self._open
        if self._at > self._max_bytes:
            raise WireError(self._at, f"more than {self._max_bytes:,} bytes")
        return self._at if is_complete and self._at <= len(self._data) else None

    def _header(self) -> bool:
        data = self._data
        if not _STRICT.startswith(data[:2]) and not data.startswith(_STRICT):
            raise WireError(
                0, "unknown protocol version: on this port there are no frames, and messages are strict"
            )
        if len(data) < 8:
            return False
        (size,) = i32_at(data, 4)
        if not 0 <= size <= MAX_NAME_BYTES:
            raise WireError(
                4, f"the method name is {size:,} bytes long, at most {MAX_NAME_BYTES} are accepted"
            )
        self._at = _HEADER_BYTES + size
        self._has_header = True
        self._open.append([])
        return True

    def _step(self) -> bool:
        """Go on by one value, or by what opens or closes one; return False if its bytes have not come."""
        if self._value_code is not None:
            return self._value(self._value_code)
        innermost = self._open[-1]
        if innermost:
            return self._item(innermost)
        if self._at >= len(self._data):
            return False
        code = self._data[self._at]
        if code == STOP:
            self._at += 1
            self._open.pop()
        else:
            self._spend(1)
            self._at += 3
            self._value_code = code
        return True

    def _item(self, container: list[int]) -> bool:
        *codes, left = container
        if not left:
            self._open.pop()
        else:
            container[-1] = left - 1
            self._value_code = codes[-left % len(codes)]
        return True

    def _value(self, code: int) -> bool:
        """Pass a plain value, or open one that holds others."""
        if fixed := FIXED_BYTES.get(code):
            self._at += fixed
        elif code == STRING:
            if len(self._data) < self._at + 4:
                return False
            (size,) = i32_at(self._data, self._at)
            if size < 0:
                raise WireError(self._at, f"a string of {size:,} bytes")
            self._at += 4 + size
        elif code == STRUCT:
            self._push([])
        elif code == MAP:
            if len(self._data) < self._at + 6:
                return False
            key_code, item_code, count = map_header_at(self._data, self._at)
            self._at += 6
            self._container([key_code, item_code], count)
        elif code in (LIST, SET):
            if len(self._data) < self._at + 5:
                return False
            item_code, count = list_header_at(self._data, self._at)
            self._at += 5
            self._container([item_code], count)
        else:
            raise WireError(self._at, f"unknown type code {code}")
        self._value_code = None
        return True

    def _container(self, codes: list[int], count: int) -> None:
        if count < 0:
            raise WireError(self._at, f"a container of {count:,} items")
        self._spend(count * len(codes))
        self._push([*codes, count * len(codes)])

    def _push(self, opened: list[int]) -> None:
        self._open.append(opened)
        if len(self._open) > self._limits.max_depth:
            raise WireError(self._at, "structs and containers are nested too deeply")

    def _spend(self, count: int) -> None:
        self._items_left -= count
        if self._items_left < 0:
            raise WireError(self._at, f"more than {self._limits.max_items:,} fields and items")
