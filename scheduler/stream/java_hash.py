"""Hash JSON values as Java hashes what Storm makes of them.

A fields grouping must send a key to the same task whoever emits it, and to
the task where Storm sent it, so the arithmetic is Java's: 32-bit wrap-around,
strings over UTF-16 units, ``Arrays.deepHashCode`` over the selected values.
Python's own ``hash`` is no use: it differs from process to process.

    "abc" -> 96354     [1, "a"] -> 31 * (31 * 1 + 1) + 97

Source: storm:storm-client/src/jvm/org/apache/storm/daemon/GrouperFactory.java (FieldsGrouper)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

_MASK = 0xFFFFFFFF


def java_hash(value: Any) -> int:
    """Return Java's ``hashCode`` of a JSON value, 0 to 2**32 - 1.

    Integers hash as ``Long``, beyond 64 bits as ``BigInteger``; floats as ``Double``.
    """
    match value:
        case None:
            return 0
        case bool():
            return 1231 if value else 1237
        case int():
            return _hash_integer(value)
        case float():
            return _fold(struct.unpack(">Q", struct.pack(">d", value))[0])
        case str():
            return _hash_string(value)
        case list() | tuple():
            return deep_hash(value)
        case dict():
            return sum(java_hash(k) ^ java_hash(v) for k, v in value.items()) & _MASK
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON value")


def deep_hash(values: Sequence[Any]) -> int:
    """Return Java's ``Arrays.deepHashCode``, 0 to 2**32 - 1."""
    total = 1
    for value in values:
        total = (31 * total + java_hash(value)) & _MASK
    return total


def task_index(values: Sequence[Any], task_count: int) -> int:
    """Return which of ``task_count`` tasks a key belongs to: Java's ``floorMod`` of the signed hash."""
    total = deep_hash(values)
    return (total - (1 << 32) if total & 0x80000000 else total) % task_count


def _hash_string(text: str) -> int:
    total = 0
    if text.isascii():
        for unit in text.encode("ascii"):
            total = (31 * total + unit) & _MASK
        return total
    units = text.encode("utf-16-be", errors="surrogatepass")
    for (unit,) in struct.iter_unpack(">H", units):
        total = (31 * total + unit) & _MASK
    return total


def _hash_integer(value: int) -> int:
    if -(1 << 63) <= value < 1 << 63:
        return _fold(value & 0xFFFFFFFFFFFFFFFF)
    total = 0
    magnitude = abs(value)
    words = (magnitude.bit_length() + 31) // 32
    for position in reversed(range(words)):
        total = (31 * total + ((magnitude >> (32 * position)) & _MASK)) & _MASK
    return total if value > 0 else -total & _MASK


def _fold(bits: int) -> int:
    return (bits ^ (bits >> 32)) & _MASK
