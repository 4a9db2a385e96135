"""From a Thrift grouping to one of ours; those in Java that are Storm's own are known by their classes.

A custom grouping is a Java object, serialized or yet to be made.  Its class
tells what it does, if it is one of Storm's: partial key (with the fields in
it), shuffle, global.  A class of the user's would have to be run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from multilang.errors import JavaStreamError
from multilang.java_stream import JavaObject, read
from scheduler.topology import Grouping, GroupingKind
from storm_compat.errors import CompatError

_PLAIN: Final = {
    "shuffle": GroupingKind.SHUFFLE,
    "all": GroupingKind.ALL,
    "none": GroupingKind.NONE,
    "direct": GroupingKind.DIRECT,
    "local_or_shuffle": GroupingKind.LOCAL_OR_SHUFFLE,
}
_OF_STORM: Final = {
    "grouping.ShuffleGrouping": GroupingKind.SHUFFLE,
    "grouping.LoadAwareShuffleGrouping": GroupingKind.SHUFFLE,
    "grouping.PartialKeyGrouping": GroupingKind.PARTIAL_KEY,
    "trident.partition.GlobalGrouping": GroupingKind.GLOBAL,
}
_PACKAGES: Final = ("org.apache.storm.", "backtype.storm.")
_DEFAULT_PARTS: Final = {
    "assignmentCreator": "RandomTwoTaskAssignmentCreator",
    "targetSelector": "BalancedTargetSelector",
}
_KNOWN: Final = "shuffle, fields, all, global, none, direct, local or shuffle, partial key"


class NoGrouping(CompatError):
    """A grouping that cannot be honoured; says why, as the end of a sentence."""


def grouping(wire: Any, declared: Sequence[str]) -> Grouping:
    """Return what a Thrift grouping asks for.

    Args:
        declared: the fields of the stream it groups.

    Raises:
        NoGrouping: it is the user's Java code, or it cannot be read.
    """
    if wire.fields is not None:
        fields = tuple(wire.fields)
        return Grouping(GroupingKind.FIELDS, fields) if fields else Grouping(GroupingKind.GLOBAL)
    for arm, kind in _PLAIN.items():
        if getattr(wire, arm) is not None:
            return Grouping(kind)
    if wire.custom_serialized is not None:
        return _serialized(wire.custom_serialized, declared)
    java = wire.custom_object
    kind = _kind(java.full_class_name)
    if java.args_list:
        raise NoGrouping(
            f"a {java.full_class_name} that is to be made with arguments, which takes a JVM; "
            f"use one of {_KNOWN}"
        )
    return Grouping(kind, word="CUSTOM_OBJECT")


def _serialized(data: bytes, declared: Sequence[str]) -> Grouping:
    try:
        value = read(data)
    except JavaStreamError as exc:
        raise NoGrouping(
            f"a grouping that is Java code and cannot be read ({exc}); use one of {_KNOWN}"
        ) from exc
    if not isinstance(value, JavaObject):
        raise NoGrouping(f"a grouping that is no Java object; use one of {_KNOWN}")
    name = value.java_class.name
    kind = _kind(name)
    if kind is not GroupingKind.PARTIAL_KEY:
        return Grouping(kind, word="CUSTOM_SERIALIZED")
    parts = value.fields.get(name, {})
    for part, known in _DEFAULT_PARTS.items():
        found = parts.get(part)
        if isinstance(found, JavaObject) and found.java_class.name != f"{name}${known}":
            raise NoGrouping(f"a partial key grouping whose {part} is Java code: {found.java_class.name}")
    fields = _fields(parts.get("fields"))
    unknown = [field for field in fields if field not in declared]
    if unknown:
        raise NoGrouping(f"a partial key grouping on non-existent fields: [{', '.join(unknown)}]")
    return Grouping(kind, fields, "CUSTOM_SERIALIZED")


def _kind(class_name: str) -> GroupingKind:
    for package in _PACKAGES:
        if class_name.startswith(package) and (kind := _OF_STORM.get(class_name.removeprefix(package))):
            return kind
    raise NoGrouping(
        f"a grouping that is Java code (class {class_name}); that is not supported yet. Use one of {_KNOWN}"
    )


def _fields(value: Any) -> tuple[str, ...]:
    """Return the names in a serialized ``Fields``: ``_fields`` in Storm 1, ``fields`` in 2."""
    if value is None:
        return ()
    parts = value.fields.get(value.java_class.name, {}) if isinstance(value, JavaObject) else {}
    names = parts.get("fields", parts.get("_fields"))
    found = names.extras.get("java.util.ArrayList", []) if isinstance(names, JavaObject) else []
    texts = tuple(name for name in found if not isinstance(name, bytes))
    if not texts or not all(isinstance(name, str) for name in texts):
        raise NoGrouping("a partial key grouping whose fields cannot be read")
    return texts
