"""Which program each component of a Thrift topology is; the refusal of those that are none.

A component arrives in one of three forms:

    shell            command and script: two arguments, whatever the script looks like
    serialized_java  a Java object; runs if it is a ShellBolt or ShellSpout (`multilang.java_object`)
    java_object      a Java class and arguments for its constructor; never runs without a JVM

All that cannot run are named in one message, each with the reason.
"""

from __future__ import annotations

from typing import Any, Final

from multilang.errors import JavaStreamError, NotAShellComponent
from multilang.java_object import ShellObject, read_shell
from storm_compat.errors import InvalidTopology

_ADVICE: Final = (
    "Only shell components run without a JVM: ShellComponent, as streamparse sends it, and what extends "
    "ShellBolt or ShellSpout"
)


def programs(topology: Any) -> dict[str, ShellObject]:
    """Return component id -> what to run, for all spouts and bolts of a StormTopology.

    Raises:
        InvalidTopology: some cannot be run; names all of them.
    """
    objects = {component: (spec.spout_object, True) for component, spec in topology.spouts.items()}
    objects |= {component: (spec.bolt_object, False) for component, spec in topology.bolts.items()}
    found: dict[str, ShellObject] = {}
    refused: list[str] = []
    for component, (part, is_spout) in sorted(objects.items()):
        if part.shell is not None:
            found[component] = _shell(component, part.shell, is_spout=is_spout)
            continue
        try:
            found[component] = _java(part, is_spout=is_spout)
        except (JavaStreamError, NotAShellComponent) as exc:
            refused.append(f"[{component}] ({exc})")
    if refused:
        raise InvalidTopology(
            f"Components that only a JVM can run are not supported yet: {', '.join(refused)}. {_ADVICE}"
        )
    return found


def _shell(component: str, shell: Any, *, is_spout: bool) -> ShellObject:
    if not shell.execution_command:
        raise InvalidTopology(f"Component: [{component}] has a shell object without an execution command")
    script = () if shell.script is None else (shell.script,)
    return ShellObject(is_spout, (shell.execution_command, *script))


def _java(part: Any, *, is_spout: bool) -> ShellObject:
    if part.java_object is not None:
        raise NotAShellComponent(part.java_object.full_class_name)
    try:
        found = read_shell(part.serialized_java)
    except JavaStreamError as exc:
        raise JavaStreamError(f"a serialized Java object that cannot be read: {exc}") from exc
    if found.is_spout is not is_spout:
        kind, place = ("spout", "bolt") if found.is_spout else ("bolt", "spout")
        raise JavaStreamError(f"a shell {kind} in the place of a {place}")
    return found
