"""Check the arguments of a call against the interface, on the bytes, before any object is made of them.

thriftpy2 skips a field of the wrong type, enforces no `required`, takes a union with no arm or two, and reads
any number as an enum. Java's Thrift refuses all of it, so what got in that way could not be handed out again,
and a handler would meet None where the interface promises a value.

    call -> wire_scan.read_header -> the shape of its arguments -> scan_arguments -> safe to decode

The same pass checks the bounds that `wire_scan` does. Fields that the interface does not know are checked for
these alone: a newer client may send more than we read. Where shapes come from is not known here: see `idl`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from reprlib import Repr

from storm_compat.thrift import ThriftError
from storm_compat.thrift.wire_scan import (
    FIXED_BYTES,
    LIST,
    MAP,
    SET,
    STOP,
    STRING,
    STRUCT,
    Scan,
    ScanLimits,
    WireError,
    i32_at,
    list_header_at,
    map_header_at,
    whole,
)

_i16_at = struct.Struct(">h").unpack_from
_TYPE_NAMES = {
    2: "bool", 3: "byte", 4: "double", 6: "i16", 8: "i32", 10: "i64",
    STRING: "string", STRUCT: "struct", MAP: "map", SET: "set", LIST: "list",
}  # fmt: skip

_shorten = Repr()
_shorten.maxstring = 100


class ShapeError(ThriftError):
    """The bytes are sound, but not what the interface wants at ``path``, which leads there from the call."""

    def __init__(self, step: str, reason: str, *, inner: str = "") -> None:
        self._steps = step + inner
        self.path = self._steps.removeprefix(".")
        self.reason = reason
        super().__init__(f"{self.path} {reason}")

    def below(self, step: str) -> ShapeError:
        """Return the same error as seen from one level further out."""
        return ShapeError(step, self.reason, inner=self._steps)


@dataclass(frozen=True, slots=True)
class ValueShape:
    """What a value must be: a type code and what that leaves open.

    ``parts`` are the shape of the items of a list or set, those of key and value of a map, else none.
    """

    code: int
    parts: tuple[ValueShape, ...] = ()
    struct: StructShape | None = None
    enum: Mapping[int, str] | None = None


@dataclass(slots=True, eq=False)
class StructShape:
    """What a struct must be. Not frozen, as structs may hold themselves: `idl` fills in the fields."""

    is_union: bool = False
    fields: dict[int, tuple[str, ValueShape]] = field(default_factory=dict)
    required: frozenset[int] = frozenset()


def scan_arguments(message: bytes, offset: int, shape: StructShape, limits: ScanLimits) -> None:
    """Return if ``message`` holds from ``offset`` to its end one struct of that shape, safe to decode.

    Finds the first problem only.

    Raises:
        WireError: see `wire_scan.scan_struct`.
        ShapeError: a known field has another type, a required one is missing, a union does not have exactly
            one arm, or an enum has no such value.
    """
    scan = _ShapedScan(message, limits)
    with whole(message) as check_end:
        check_end(scan.shaped_struct(shape, offset, limits.max_depth))


class _ShapedScan(Scan):
    """A scan that knows what should come."""

    __slots__ = ()

    def shaped_struct(self, shape: StructShape, at: int, depth: int) -> int:
        message = self._message
        if depth <= 0:
            raise WireError(at, "structs and containers are nested too deeply")
        seen: list[int] = []
        fields = shape.fields
        while (code := message[at]) != STOP:
            self.spend(1, at)
            (number,) = _i16_at(message, at + 1)
            seen.append(number)
            known = fields.get(number)
            if known is None:
                at = self.value(code, at + 3, depth)
                continue
            name, wanted = known
            if code != wanted.code:
                raise ShapeError(f".{name}", _is_not(code, wanted.code))
            try:
                at = self.shaped_value(wanted, at + 3, depth)
            except ShapeError as error:
                raise error.below(f".{name}") from None
        _check_complete(shape, seen)
        return at + 1

    def shaped_value(self, shape: ValueShape, at: int, depth: int) -> int:
        code = shape.code
        if code == STRING:
            return self.string(at)
        if shape.enum is not None:
            _check_enum(shape.enum, i32_at(self._message, at)[0])
            return at + 4
        if fixed := FIXED_BYTES.get(code):
            return at + fixed
        if shape.struct is not None:
            return self.shaped_struct(shape.struct, at, depth - 1)
        if code == MAP:
            return self._shaped_map(shape.parts[0], shape.parts[1], at, depth - 1)
        return self._shaped_list(shape.parts[0], at, depth - 1)

    def _shaped_list(self, item: ValueShape, at: int, depth: int) -> int:
        count: int
        code, count = list_header_at(self._message, at)
        self.open_container((code,), count, at, depth)
        if count and code != item.code:
            raise ShapeError("[0]", _is_not(code, item.code))
        at += 5
        if item.enum is None and (fixed := FIXED_BYTES.get(code)):
            return at + count * fixed
        for index in range(count):
            try:
                at = self.shaped_value(item, at, depth)
            except ShapeError as error:
                raise error.below(f"[{index}]") from None
        return at

    def _shaped_map(self, key: ValueShape, item: ValueShape, at: int, depth: int) -> int:
        key_code, item_code, count = map_header_at(self._message, at)
        self.open_container((key_code, item_code), count, at, depth)
        if count and key_code != key.code:
            raise ShapeError(" key", _is_not(key_code, key.code))
        if count and item_code != item.code:
            raise ShapeError(" value", _is_not(item_code, item.code))
        at += 6
        for _ in range(count):
            key_at = at
            try:
                at = self.shaped_value(key, at, depth)
            except ShapeError as error:
                raise error.below(" key") from None
            try:
                at = self.shaped_value(item, at, depth)
            except ShapeError as error:
                raise error.below(f"[{self._key_text(key, key_at)}]") from None
        return at

    def _key_text(self, key: ValueShape, at: int) -> str:
        """Return what tells a key of a map apart for a person."""
        if key.code != STRING:
            return _TYPE_NAMES[key.code]
        text = self._message[at + 4 : self.string(at)].decode(errors="replace")
        return _shorten.repr(text)


def _check_complete(shape: StructShape, seen: list[int]) -> None:
    if shape.is_union:
        if len(seen) != 1 or seen[0] not in shape.fields:
            arms = ", ".join(name for name, _ in shape.fields.values())
            found = [
                shape.fields[number][0] if number in shape.fields else f"{number}" for number in seen[:9]
            ]
            raise ShapeError("", f"needs exactly one of {arms}; set: {' and '.join(found) or 'none'}")
        return
    for number in sorted(shape.required.difference(seen)):
        raise ShapeError(f".{shape.fields[number][0]}", "is required, but not set")


def _check_enum(enum: Mapping[int, str], value: int) -> None:
    if value not in enum:
        known = ", ".join(f"{number} ({name})" for number, name in enum.items())
        raise ShapeError("", f"is {value}; known values are {known}")


def _is_not(code: int, wanted: int) -> str:
    found = _TYPE_NAMES.get(code, f"of the unknown type code {code}")
    return f"must be {_TYPE_NAMES[wanted]}, but is {found}"
