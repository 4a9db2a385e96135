"""Read what Java's ObjectOutputStream wrote, without a JVM and without trust. Pure.

    AC ED 00 05  |  object: class descriptions first, then the fields, those of the topmost class first

`read` returns plain Python values for nulls, strings, numbers and booleans,
and the classes below for the rest; nothing is ever instantiated by name.
What a class wrote with code of its own is kept as a list of raw blocks and
values.  Such code may also leave the fields out, and no reader can know; a
stream like that is refused, unless the caller has enough before: reading may
stop behind the part of one class of the outermost object, and `outermost_class`
does not look at its fields at all.

A stream cannot ask for more than its own size: lengths are held against the
bytes that are left before anything is made, nesting and superclasses have a
limit, and what was written once is shared, not copied.
Source: Java Object Serialization Specification, chapter 6 (grammar of the stream)
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from multilang.errors import JavaStreamError

MAGIC: Final = b"\xac\xed\x00\x05"
MAX_DEPTH: Final = 60
"""Objects inside objects; a shell component needs three."""

MAX_CLASSES: Final = 60
"""Superclasses above one class, and dimensions of an array."""

MAX_VALUES: Final = 200_000
"""Values, and parts of objects, in one stream: some hundred bytes each, however few it takes to write one."""

_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY, _JAVA_CLASS = range(0x70, 0x77)
_BLOCK, _END_BLOCK, _RESET, _LONG_BLOCK, _EXCEPTION, _LONG_STRING, _PROXY_CLASS, _ENUM = range(0x77, 0x7F)
_HAS_WRITER, _IS_SERIALIZABLE, _IS_EXTERNALIZABLE, _HAS_BLOCKS = 1, 2, 4, 8
_FIRST_HANDLE = 0x7E0000

_PRIMITIVES: Final = {
    "B": struct.Struct(">b"),
    "C": struct.Struct(">H"),
    "D": struct.Struct(">d"),
    "F": struct.Struct(">f"),
    "I": struct.Struct(">i"),
    "J": struct.Struct(">q"),
    "S": struct.Struct(">h"),
    "Z": struct.Struct(">?"),
}


@dataclass(slots=True, eq=False)
class JavaClass:
    """A class as the stream describes it."""

    name: str
    flags: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Name and type; a type is a letter as in Java's signatures."""

    parent: JavaClass | None = None

    def chain(self) -> list[JavaClass]:
        """Return the class and its serializable superclasses, the class itself first."""
        found: list[JavaClass] = []
        current: JavaClass | None = self
        while current is not None:
            found.append(current)
            if len(found) > MAX_CLASSES:
                raise JavaStreamError(f"more than {MAX_CLASSES} superclasses of {self.name}")
            current = current.parent
        return found


@dataclass(slots=True, eq=False)
class JavaObject:
    """An object: for each class of its chain the fields, and what the class wrote besides."""

    java_class: JavaClass
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Class name -> field name -> value."""

    extras: dict[str, list[Any]] = field(default_factory=dict)
    """Class name -> blocks and values from its own writeObject; for collections, their content."""


@dataclass(slots=True, eq=False)
class JavaArray:
    """An array of objects; one of numbers is kept as the bytes it came as."""

    java_class: JavaClass
    items: list[Any]


@dataclass(slots=True, eq=False)
class JavaEnum:
    """A constant of an enum."""

    java_class: JavaClass
    name: str = ""


def read(data: bytes, *, stop_behind: Collection[str] = ()) -> Any:
    """Return the first value of a stream; what follows it is not looked at.

    Args:
        stop_behind: names of classes; once the outermost object's part of one of them is read, it is
            returned as it is then.

    Raises:
        JavaStreamError: it is no such stream, or it is cut off, nested too deeply, or inconsistent.
    """
    return _Reader(data, stop_behind).value()


def outermost_class(data: bytes) -> JavaClass | None:
    """Return the class of the object that a stream begins with; None if it begins with something else.

    Raises:
        JavaStreamError: as for `read`.
    """
    return _Reader(data, ()).outermost_class()


class _Reader:
    """One pass over one stream."""

    def __init__(self, data: bytes, stop_behind: Collection[str]) -> None:
        self._data = data
        self._at = 0
        self._handles: list[Any] = []
        self._stop_behind = stop_behind
        self._depth = 0
        self._left = MAX_VALUES
        if self._take(len(MAGIC)) != MAGIC:
            raise JavaStreamError("it does not begin as a Java serialization stream does (AC ED 00 05)")

    def outermost_class(self) -> JavaClass | None:
        return self._class() if self._byte() == _OBJECT else None

    # -- bytes --------------------------------------------------------------

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise JavaStreamError(f"it is cut off: {size} bytes wanted at {self._at}, of {len(self._data)}")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _byte(self) -> int:
        return self._take(1)[0]

    def _number(self, letter: str) -> Any:
        unpack = _PRIMITIVES[letter]
        return unpack.unpack(self._take(unpack.size))[0]

    def _count(self) -> int:
        count: int = self._number("I")
        if not 0 <= count <= len(self._data) - self._at:
            raise JavaStreamError(
                f"a length of {count} at {self._at - 4}, where only {len(self._data) - self._at} bytes follow"
            )
        return count

    def _short_text(self) -> str:
        return _text(self._take(int.from_bytes(self._take(2), "big")))

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise JavaStreamError(f"more than {MAX_VALUES} values")

    # -- values -------------------------------------------------------------

    def value(self) -> Any:
        """Return the value that begins here, blocks of raw bytes excepted."""
        self._spend()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise JavaStreamError(f"objects nested more than {MAX_DEPTH} deep")
        tag = self._byte()
        while tag == _RESET:
            self._handles.clear()
            tag = self._byte()
        value = self._tagged(tag)
        self._depth -= 1
        return value

    def _tagged(self, tag: int) -> Any:
        if tag == _NULL:
            return None
        if tag == _REFERENCE:
            return self._reference()
        if tag == _OBJECT:
            return self._object()
        if tag == _STRING:
            return self._shared(self._short_text())
        if tag == _LONG_STRING:
            size: int = self._number("J")
            if not 0 <= size <= len(self._data) - self._at:
                raise JavaStreamError(
                    f"a string of {size} bytes, where only {len(self._data) - self._at} follow"
                )
            return self._shared(_text(self._take(size)))
        if tag == _ARRAY:
            return self._array()
        if tag == _ENUM:
            value = JavaEnum(self._class())
            self._handles.append(value)
            name = self.value()
            value.name = name if isinstance(name, str) else ""
            return value
        if tag == _JAVA_CLASS:
            return self._shared(self._class())
        if tag in (_CLASS, _PROXY_CLASS):
            self._at -= 1
            return self._class()
        if tag == _EXCEPTION:
            raise JavaStreamError("writing it failed: it ends in an exception")
        raise JavaStreamError(f"no value begins with the byte {tag:#04x}, at {self._at - 1}")

    def _shared(self, value: Any) -> Any:
        self._handles.append(value)
        return value

    def _reference(self) -> Any:
        handle = self._number("I") - _FIRST_HANDLE
        if not 0 <= handle < len(self._handles):
            raise JavaStreamError(
                f"a reference to object {handle}, but only {len(self._handles)} came before"
            )
        return self._handles[handle]

    def _array(self) -> Any:
        java_class = self._class()
        letter = java_class.name[1:2]
        if not java_class.name.startswith("[") or java_class.name.count("[") > MAX_CLASSES:
            raise JavaStreamError(f"an array of class {java_class.name[:100]!r}")
        handle = len(self._handles)
        array = JavaArray(java_class, [])
        self._handles.append(array)
        count = self._count()
        if letter in _PRIMITIVES:
            self._handles[handle] = data = self._take(count * _PRIMITIVES[letter].size)
            return data
        array.items += [self.value() for _ in range(count)]
        return array

    # -- classes ------------------------------------------------------------

    def _class(self) -> JavaClass:
        """Return the class that is described, or referred to, here."""
        described = self._class_or_none()
        if described is None:
            raise JavaStreamError(f"a value without a class at {self._at}")
        return described

    def _class_or_none(self) -> JavaClass | None:
        """Read a description and those of the superclasses behind it, without recursion."""
        first: JavaClass | None = None
        child: JavaClass | None = None
        for _ in range(MAX_CLASSES):
            tag = self._byte()
            is_last = tag in (_NULL, _REFERENCE)
            if tag == _NULL:
                found = None
            elif tag == _REFERENCE:
                found = self._reference()
                if not isinstance(found, JavaClass):
                    raise JavaStreamError("a reference to something that is no class, where a class must be")
            elif tag in (_CLASS, _PROXY_CLASS):
                found = self._described() if tag == _CLASS else self._proxy()
            else:
                raise JavaStreamError(f"no class begins with the byte {tag:#04x}, at {self._at - 1}")
            if child is not None:
                child.parent = found
            first = found if child is None else first
            if is_last or found is None:
                return first
            child = found
        raise JavaStreamError(f"a class with more than {MAX_CLASSES} superclasses")

    def _described(self) -> JavaClass:
        described = JavaClass(self._short_text())
        self._take(8)  # serialVersionUID: what we read has kept its shape over all versions
        self._handles.append(described)
        described.flags = self._byte()
        field_count = int.from_bytes(self._take(2), "big")
        for _ in range(field_count):
            letter = chr(self._byte())
            name = self._short_text()
            if letter in "L[":
                self.value()  # the exact type: a string
            elif letter not in _PRIMITIVES:
                raise JavaStreamError(f"field {name!r} of {described.name} has no type {letter!r}")
            described.fields.append((name, letter))
        self._extras()
        return described

    def _proxy(self) -> JavaClass:
        described = JavaClass("", _IS_SERIALIZABLE)
        self._handles.append(described)
        names = [self._short_text() for _ in range(self._count())]
        described.name = f"a proxy of {', '.join(names)[:200]}"
        self._extras()
        return described

    # -- objects ------------------------------------------------------------

    def _object(self) -> JavaObject:
        value = JavaObject(self._class())
        self._handles.append(value)
        for java_class in reversed(value.java_class.chain()):
            self._part(value, java_class)
            if self._depth == 1 and java_class.name in self._stop_behind:
                break
        return value

    def _part(self, value: JavaObject, java_class: JavaClass) -> None:
        """Read what one class of the chain wrote of an object."""
        self._spend()
        name, flags = java_class.name, java_class.flags
        if flags & _IS_EXTERNALIZABLE:
            if not flags & _HAS_BLOCKS:
                raise JavaStreamError(f"{name} wrote itself in a form that only it can read")
            value.extras[name] = self._extras()
            return
        if not flags & _IS_SERIALIZABLE:
            return
        value.fields[name] = {
            field_name: self.value() if letter in "L[" else self._number(letter)
            for field_name, letter in java_class.fields
        }
        if flags & _HAS_WRITER:
            value.extras[name] = self._extras()

    def _extras(self) -> list[Any]:
        """Return the blocks and values up to the end of what a class wrote by itself."""
        found: list[Any] = []
        while (tag := self._byte()) != _END_BLOCK:
            self._spend()
            if tag == _BLOCK:
                found.append(self._take(self._byte()))
            elif tag == _LONG_BLOCK:
                found.append(self._take(self._count()))
            else:
                self._at -= 1
                found.append(self.value())
        return found


def _text(data: bytes) -> str:
    """Return Java's own UTF-8: NUL takes two bytes, others beyond 16 bits two halves of three."""
    try:
        halves = data.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
        if data.isascii():
            return halves
        return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError as exc:
        raise JavaStreamError(f"a text that is not in Java's UTF-8: {exc.reason}") from exc
