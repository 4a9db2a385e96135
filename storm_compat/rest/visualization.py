"""The graph of a topology as Storm's page draws it: components, what they read, how busy they are. Pure.

The capacity of a bolt is that of its busiest executor: the share of the last ten minutes it spent executing.

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/UIHelpers.java (getVisualizationData)
Source: storm:storm-client/src/jvm/org/apache/storm/stats/StatsUtil.java (computeBoltCapacity)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from storm_compat.rest.cluster import Page
from storm_compat.rest.texts import encoded

CAPACITY_WINDOW: Final = "600"
ROW_LENGTH: Final = 4

_UNUSUAL = re.compile(r"[^A-Za-z_\-.]")
_GROUPINGS: Final = (
    "fields",
    "shuffle",
    "all",
    "none",
    "direct",
    "custom_object",
    "custom_serialized",
    "local_or_shuffle",
)

Sum = dict[str, float]


def graph(topology: Any, info: Any, window: str, *, has_system: bool) -> Page:
    """Return component -> node, of a StormTopology with system parts and a TopologyInfo."""
    executors: dict[str, list[Any]] = {}
    for executor in info.executors:
        executors.setdefault(executor.component_id, []).append(executor)
    nodes: Page = {}
    for is_spout, specs in ((True, topology.spouts), (False, topology.bolts)):
        for component, spec in sorted((specs or {}).items()):
            own = executors.get(component)
            if own is None or (_is_system(component) and not has_system):
                continue
            inputs = spec.common.inputs or {}
            nodes[component] = {
                ":type": "spout" if is_spout else "bolt",
                ":capacity": 0 if is_spout else max(map(_capacity, own), default=0.0),
                ":latency": _latencies(own, window, is_spout=is_spout, has_system=has_system),
                ":transferred": _transferred(own, window, has_system=has_system),
                ":stats": [_executor(executor) for executor in own],
                ":link": f"/component.html?id={encoded(component)}&topology_id={encoded(info.id)}",
                ":inputs": [_input(source, inputs[source]) for source in sorted(inputs, key=_source_order)],
            }
    return nodes


def stream_boxes(nodes: Mapping[str, Page]) -> Page:
    """Return the streams of a `graph` in rows of four, those of the system not checked."""
    streams = {edge[":stream"] for node in nodes.values() for edge in node[":inputs"]}
    boxes = [
        {":stream": stream, ":sani-stream": sanitized(stream), ":checked": not _is_system(stream)}
        for stream in sorted(streams)
    ]
    rows = [boxes[start : start + ROW_LENGTH] for start in range(0, len(boxes), ROW_LENGTH)]
    return {"visualizationTable": [{":row": row} for row in rows]}


def sanitized(stream: str) -> str:
    """Return a stream's name as part of an id in a page."""
    prefix = "" if stream[:1].isalpha() else "_s"
    return prefix + _UNUSUAL.sub("_", stream)


def _is_system(name: str) -> bool:
    return name.startswith("__")


def _source_order(source: Any) -> tuple[str, str]:
    return source.componentId, source.streamId


def _input(source: Any, grouping: Any) -> Page:
    return {
        ":component": source.componentId,
        ":stream": source.streamId,
        ":sani-stream": sanitized(source.streamId),
        ":grouping": next((arm for arm in _GROUPINGS if getattr(grouping, arm) is not None), None),
    }


def _executor(executor: Any) -> Page:
    transferred = None
    if executor.stats is not None:
        transferred = {
            window: {sanitized(stream): count for stream, count in counts.items()}
            for window, counts in executor.stats.transferred.items()
        }
    return {
        ":host": executor.host,
        ":port": executor.port,
        ":uptime_secs": executor.uptime_secs,
        ":transferred": transferred,
    }


def _capacity(executor: Any) -> float:
    """Return the share of the last ten minutes, or of its life if that is shorter, that it executed."""
    if executor.stats is None:
        return 0.0
    bolt = executor.stats.specific.bolt
    executed = bolt.executed.get(CAPACITY_WINDOW, {})
    averages = bolt.execute_ms_avg.get(CAPACITY_WINDOW, {})
    busy_ms = sum(count * averages.get(source, 0.0) for source, count in executed.items())
    span_s = min(executor.uptime_secs, int(CAPACITY_WINDOW))
    return busy_ms / (span_s * 1000) if span_s > 0 else 0.0


def _transferred(executors: Iterable[Any], window: str, *, has_system: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    for executor in executors:
        if executor.stats is not None:
            for stream, count in executor.stats.transferred.get(window, {}).items():
                if has_system or not _is_system(stream):
                    found[stream] = found.get(stream, 0) + count
    return found


def _latencies(executors: Sequence[Any], window: str, *, is_spout: bool, has_system: bool) -> Sum:
    """Return the mean complete or process latency in milliseconds, by stream or by component:stream."""
    name: Callable[[Any], str]
    if is_spout:
        counts, averages, name = "acked", "complete_ms_avg", str
    else:
        counts, averages, name = "acked", "process_ms_avg", _source_name
    sums: Sum = {}
    totals: dict[str, int] = {}
    for executor in executors:
        if executor.stats is None:
            continue
        specific = executor.stats.specific.spout if is_spout else executor.stats.specific.bolt
        own = getattr(specific, counts).get(window, {})
        for key, average in getattr(specific, averages).get(window, {}).items():
            stream = key if is_spout else key.streamId
            if has_system or not _is_system(stream):
                sums[name(key)] = sums.get(name(key), 0.0) + average * own.get(key, 0)
                totals[name(key)] = totals.get(name(key), 0) + own.get(key, 0)
    return {key: total / totals[key] if totals[key] else 0.0 for key, total in sums.items()}


def _source_name(source: Any) -> str:
    return f"{source.componentId}:{source.streamId}"
