"""Which methods a compiled Java class has of its own. Pure.

Reads a class file as far as its method table: enough to tell a ShellBolt's
subclass that only names a command from one that does work in Java.
Source: Java Virtual Machine Specification, chapter 4 (the class file format)
"""

from __future__ import annotations

import struct
from typing import Final

from multilang.errors import JavaStreamError

_MAGIC: Final = 0xCAFEBABE
_UTF8, _LONG, _DOUBLE = 1, 5, 6
_CONSTANT_BYTES: Final = {
    **dict.fromkeys((_LONG, _DOUBLE), 8),
    **dict.fromkeys((3, 4, 9, 10, 11, 12, 17, 18), 4),  # int, float, references, descriptors
    15: 3,  # a method handle
    **dict.fromkeys((7, 8, 16, 19, 20), 2),  # names of things
}
"""By tag; a text has a length of its own."""


def method_names(data: bytes) -> frozenset[str]:
    """Return the names of the methods that a class file defines, inherited ones not among them.

    Raises:
        JavaStreamError: it is no class file, or one of a form that is not known.
    """
    try:
        return _method_names(data)
    except (struct.error, KeyError, IndexError) as exc:
        raise JavaStreamError("it is no class file, or one of a form that is not known") from exc


def _method_names(data: bytes) -> frozenset[str]:
    if _number(data, 0, 4) != _MAGIC:
        raise JavaStreamError("it does not begin as a class file does (CA FE BA BE)")
    texts, at = _constants(data)
    at += 6  # access, this class, superclass
    at += 2 + 2 * _number(data, at)  # interfaces
    _, at = _members(data, at, texts)
    names, _ = _members(data, at, texts)
    return frozenset(names)


def _constants(data: bytes) -> tuple[dict[int, str], int]:
    """Return the texts by index, and where the constants end."""
    texts: dict[int, str] = {}
    count, at = _number(data, 8), 10
    index = 1
    while index < count:
        tag = data[at]
        at += 1
        if tag == _UTF8:
            size = _number(data, at)
            texts[index] = data[at + 2 : at + 2 + size].decode("utf-8", "replace")
            at += 2 + size
        else:
            at += _CONSTANT_BYTES[tag]
        index += 2 if tag in (_LONG, _DOUBLE) else 1  # these two count twice
    return texts, at


def _members(data: bytes, at: int, texts: dict[int, str]) -> tuple[list[str], int]:
    """Return the names in a table of fields or methods, and where it ends."""
    names: list[str] = []
    count = _number(data, at)
    at += 2
    for _ in range(count):
        names.append(texts[_number(data, at + 2)])
        attribute_count = _number(data, at + 6)
        at += 8
        for _ in range(attribute_count):
            at += 6 + _number(data, at + 2, 4)
    return names, at


def _number(data: bytes, at: int, size: int = 2) -> int:
    value: int = struct.unpack_from(">H" if size == 2 else ">I", data, at)[0]
    return value
