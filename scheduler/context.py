"""What a component is told about its topology in the handshake. Pure.

Built from the user's part of the topology, so no system stream appears, but
with the task ids of all components, system ones included.  Shapes and words
are Storm's; a global grouping shows as a fields grouping without fields.
Source: storm:storm-client/src/jvm/org/apache/storm/task/TopologyContext.java (toJSONString)
"""

from __future__ import annotations

from typing import Any

from scheduler.topology import Component, Grouping, GroupingKind, Topology

_WORDS = {
    GroupingKind.SHUFFLE: "SHUFFLE",
    GroupingKind.FIELDS: "FIELDS",
    GroupingKind.GLOBAL: "FIELDS",
    GroupingKind.ALL: "ALL",
    GroupingKind.NONE: "NONE",
    GroupingKind.DIRECT: "DIRECT",
    GroupingKind.LOCAL_OR_SHUFFLE: "LOCAL_OR_SHUFFLE",
    GroupingKind.PARTIAL_KEY: "CUSTOM_SERIALIZED",
}


def shell_context(topology: Topology, task: int) -> dict[str, Any]:
    """Return the ``context`` of a task's handshake, ready for JSON.

    Raises:
        KeyError: the topology has no such task.
    """
    component_of = topology.component_of()
    component = topology.component(component_of[task])
    sources = _by_source(component)
    return {
        "taskid": task,
        "componentid": component.component,
        "task->component": {str(t): c for t, c in sorted(component_of.items())},
        "streams": sorted(component.streams),
        "stream->outputfields": {s: list(d.fields) for s, d in component.streams.items()},
        "stream->target->grouping": _targets(topology, component),
        "source->stream->grouping": {
            source: {stream: _grouping(g) for stream, g in streams.items()}
            for source, streams in sources.items()
        },
        # All streams of a subscribed source, also those not subscribed to.
        "source->stream->fields": {
            source: {s: list(d.fields) for s, d in topology.component(source).streams.items()}
            for source in sources
        },
    }


def _targets(topology: Topology, component: Component) -> dict[str, dict[str, Any]]:
    targets = {
        stream: {c.component: _grouping(g) for c, g in topology.consumers(component.component, stream)}
        for stream in component.streams
    }
    return {stream: consumers for stream, consumers in targets.items() if consumers}


def _by_source(component: Component) -> dict[str, dict[str, Grouping]]:
    sources: dict[str, dict[str, Grouping]] = {}
    for subscribed in component.inputs:
        sources.setdefault(subscribed.source, {})[subscribed.stream] = subscribed.grouping
    return sources


def _grouping(grouping: Grouping) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": grouping.word or _WORDS[grouping.kind]}
    if shown["type"] == "FIELDS":
        shown["fields"] = list(grouping.fields)
    return shown
