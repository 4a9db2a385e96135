"""ComponentAggregateStats: what the tasks of a component, or some of them, counted, as one row of a page.

    for a component, an executor, a window        of_tasks
    for one stream that is emitted                of_output
    for one stream that is received               of_input

Storm's latencies are means, weighted by what was counted.  Its capacity is
the largest of any executor; here it is that of any task, since each task is
a process that works on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.topology import DEFAULT_STREAM, Component
from storm_compat.stats import resources
from storm_compat.stats.view import ALL_TIME, Sums, View, shown
from storm_compat.thrift import idl


def of_tasks(
    view: View, component: Component, tasks: Sequence[int], *, window: str = ALL_TIME, is_include_sys: bool
) -> Any:
    """Return what some tasks of a component counted in a window, over all streams that are shown."""
    sums = view.sums(tasks, window)
    if component.is_spout:
        specific = _spout(sums.latency_ms(shown(sums.latency_count, is_include_sys=is_include_sys)))
    else:
        specific = _bolt(sums, [*sums.executed], view.capacity(tasks))

    def total(counts: Mapping[str, int]) -> int:
        return _total(counts, shown(counts, is_include_sys=is_include_sys))

    return _row(
        component,
        specific,
        emitted=total(sums.emitted),
        transferred=total(sums.transferred),
        # A bolt's are by what it received, and from whom may have any name.
        acked=total(sums.acked) if component.is_spout else sum(sums.acked.values()),
        failed=total(sums.failed) if component.is_spout else sum(sums.failed.values()),
    )


def of_component(view: View, component: Component, *, window: str = ALL_TIME, is_include_sys: bool) -> Any:
    """Return the row of a whole component: with its size, what it asks for and its last error."""
    row = of_tasks(view, component, component.tasks, window=window, is_include_sys=is_include_sys)
    row.common_stats.num_executors = component.executor_count
    row.common_stats.num_tasks = len(component.tasks)
    row.common_stats.resources_map = resources.of_component(view.topology, component)
    errors = view.errors(component.component)
    if errors:
        row.last_error = view.error_info(errors[0])
    return row


def of_output(component: Component, sums: Sums, stream: str) -> Any:
    """Return what was emitted to one stream."""
    specific = _spout(sums.latency_ms([stream])) if component.is_spout else _bolt(sums, [], 0.0)
    return _row(
        component,
        specific,
        emitted=sums.emitted.get(stream, 0),
        transferred=sums.transferred.get(stream, 0),
        acked=sums.acked.get(stream, 0),
        failed=sums.failed.get(stream, 0),
    )


def of_input(component: Component, sums: Sums, key: str) -> Any:
    """Return what a bolt received from one stream; ``key`` is ``component:stream``."""
    return _row(
        component,
        _bolt(sums, [key], 0.0),
        emitted=0,
        transferred=0,
        acked=sums.acked.get(key, 0),
        failed=sums.failed.get(key, 0),
    )


def declared_streams(component: Component, sums: Sums, *, is_include_sys: bool) -> list[str]:
    """Return the streams that a component has or might have emitted to, without those that are not shown."""
    streams = dict.fromkeys([*component.streams, *sums.emitted]) or {DEFAULT_STREAM: None}
    return shown(streams, is_include_sys=is_include_sys)


def component_type(component: Component) -> Any:
    """Return the ComponentType."""
    kinds = idl.load().ComponentType
    return kinds.SPOUT if component.is_spout else kinds.BOLT


def _row(
    component: Component, specific: Any, *, emitted: int, transferred: int, acked: int, failed: int
) -> Any:
    storm = idl.load()
    return storm.ComponentAggregateStats(
        type=component_type(component),
        common_stats=storm.CommonAggregateStats(
            emitted=emitted, transferred=transferred, acked=acked, failed=failed
        ),
        specific_stats=specific,
    )


def _spout(complete_latency_ms: float) -> Any:
    storm = idl.load()
    return storm.SpecificAggregateStats(
        spout=storm.SpoutAggregateStats(complete_latency_ms=complete_latency_ms)
    )


def _bolt(sums: Sums, keys: Sequence[str], capacity: float) -> Any:
    storm = idl.load()
    executed = _total(sums.executed, keys)
    stats = storm.BoltAggregateStats(
        execute_latency_ms=sums.execute_ms() if executed else 0.0,
        process_latency_ms=sums.latency_ms(keys),
        executed=executed,
        capacity=capacity,
    )
    return storm.SpecificAggregateStats(bolt=stats)


def _total(counts: Mapping[str, int], keys: Sequence[str]) -> int:
    return sum(counts.get(key, 0) for key in keys)
