"""The command inside a Java object that is a shell component: a ShellBolt or ShellSpout, without a JVM. Pure.

Storm's Java clients send every component as a serialized object, those that
run Python included: a class of the user's that extends ShellBolt or
ShellSpout and hands it a command.  Java writes the topmost class first, and
ShellBolt is the topmost that is serializable, so all we need comes before
anything of the user's, and nothing the user's class holds can hide it.

    class A extends ShellBolt      chain: A, ShellBolt      parts: ShellBolt | A
                                                            read ---------> stop

Field names by version of Storm: ``_command`` to 2.0, ``command`` since 2.1;
``env`` and ``changeDirectory`` since 1.x; packages ``backtype.storm`` below 1.0.
Source: storm:storm-client/src/jvm/org/apache/storm/task/ShellBolt.java, spout/ShellSpout.java
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from multilang.errors import JavaStreamError, NotAShellComponent
from multilang.java_stream import JavaArray, JavaObject, outermost_class, read

_SHELL_CLASSES: Final = {
    f"{package}.{name}": name == "spout.ShellSpout"
    for package in ("org.apache.storm", "backtype.storm")
    for name in ("task.ShellBolt", "spout.ShellSpout")
}
"""Name -> whether it is a spout."""

_WRAPPERS: Final = ("topology.BasicBoltExecutor", "topology.CheckpointTupleForwarder")
_MAPS: Final = (
    "java.util.HashMap",
    "java.util.LinkedHashMap",
    "java.util.TreeMap",
    "java.util.Hashtable",
    "java.util.concurrent.ConcurrentHashMap",
    "java.util.CollSer",  # what Map.of makes
)
"""All write key, value, key, value."""

_VIEWS: Final = ("java.util.Collections$UnmodifiableMap", "java.util.Collections$SynchronizedMap")
MAX_ARGUMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class ShellObject:
    """What a ShellBolt or ShellSpout would run."""

    is_spout: bool
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """From setEnv: on top of the container's environment, PATH behind the one there."""

    changes_directory: bool = True
    """Whether it runs in the folder of the topology's code; else in the container's."""

    classes: tuple[str, ...] = ()
    """The user's classes, from that of the object to the one below ShellBolt; empty if there are none."""


def read_shell(data: bytes) -> ShellObject:
    """Return what a serialized component would run.

    Raises:
        NotAShellComponent: it is some other Java class; names it.
        JavaStreamError: it cannot be read, or it names no command.
    """
    java_class = outermost_class(data)
    names = [] if java_class is None else [ancestor.name for ancestor in java_class.chain()]
    shell = next((name for name in names if name in _SHELL_CLASSES), None)
    if shell is None:
        raise NotAShellComponent(_describe(data, names[0]) if names else None)
    found = read(data, stop_behind=_SHELL_CLASSES)
    part = found.fields.get(shell, {})
    return ShellObject(
        is_spout=_SHELL_CLASSES[shell],
        command=_command(names[0], part.get("command", part.get("_command"))),
        environment=_environment(names[0], part.get("env")),
        changes_directory=part.get("changeDirectory", True) is not False,
        classes=tuple(names[: names.index(shell)]),
    )


def _describe(data: bytes, name: str) -> str:
    """Return the class's name; behind a wrapper of Storm's that of what it wraps."""
    if name.partition(".storm.")[2] not in _WRAPPERS:
        return name
    try:
        parts = read(data).fields.values()
    except JavaStreamError:
        return name
    wrapped = [part.get("bolt", part.get("_bolt")) for part in parts]
    inner = next((found for found in wrapped if isinstance(found, JavaObject)), None)
    return name if inner is None else inner.java_class.name


def _command(name: str, value: Any) -> tuple[str, ...]:
    words = value.items if isinstance(value, JavaArray) else []
    if not words:
        raise JavaStreamError(f"{name} is a shell component without a command")
    if len(words) > MAX_ARGUMENTS:
        raise JavaStreamError(f"{name} has a command of {len(words)} words, at most {MAX_ARGUMENTS}")
    if not all(isinstance(word, str) for word in words):
        raise JavaStreamError(f"{name} has a command in which a word is null or no string")
    return tuple(words)


def _environment(name: str, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    entries = _entries(value) if isinstance(value, JavaObject) else None
    if entries is None:
        kind = value.java_class.name if isinstance(value, JavaObject) else "no map"
        raise JavaStreamError(f"{name} has its environment in {kind}; only a JVM can read it. Use a HashMap")
    for key, text in entries:
        if (
            not isinstance(key, str)
            or not isinstance(text, str)
            or not key
            or "=" in key
            or "\0" in key + text
        ):
            raise JavaStreamError(f"{name} has an environment with something else than names and texts")
    return dict(entries)


def _entries(value: JavaObject) -> list[tuple[Any, Any]] | None:
    """Return the entries of one of Java's own maps; None if it is of another kind."""
    kind = value.java_class.name
    fields = value.fields.get(kind, {})
    if kind == "java.util.Collections$EmptyMap":
        return []
    if kind == "java.util.Collections$SingletonMap":
        return [(fields.get("k"), fields.get("v"))]
    if kind in _VIEWS:
        inner = fields.get("m")
        # One view may lie over another, and a stream can make a ring of them.
        if not isinstance(inner, JavaObject) or inner.java_class.name in _VIEWS:
            return None
        return _entries(inner)
    if kind not in _MAPS:
        return None
    items = [item for extra in value.extras.values() for item in extra if not isinstance(item, bytes)]
    pairs = list(zip(items[::2], items[1::2], strict=False))
    if kind == "java.util.concurrent.ConcurrentHashMap":
        pairs = [pair for pair in pairs if pair != (None, None)]  # it ends with a pair of nulls
    return pairs
