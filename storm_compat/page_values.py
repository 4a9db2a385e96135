"""The pages of a topology and of a component, as plain values: what `heronry stats` shows.

Made from Storm's TopologyPageInfo and ComponentPageInfo, of which most fields may be unset; a count that is
not told is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storm_compat.client_values import ALL_TIME, ErrorSummary

WINDOWS = {"600": "10m", "10800": "3h", "86400": "1d", ALL_TIME: "all"}
"""Storm's windows of time, by what people call them; in the order of their length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What was counted of something within a window; None is what is not told, or makes no sense there."""

    emitted: int | None = None
    transferred: int | None = None
    acked: int | None = None
    failed: int | None = None
    executed: int | None = None
    complete_ms: float | None = None
    """Spouts: from the emit to the ack of the whole tree."""

    process_ms: float | None = None
    """Bolts: from the delivery of a tuple to its ack."""

    execute_ms: float | None = None
    """Bolts: how long one tuple keeps a task at work."""

    capacity: float | None = None
    """Bolts: which part of the last ten minutes the busiest task was at work."""


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component within one window."""

    component: str
    is_spout: bool
    executor_count: int
    task_count: int
    numbers: Numbers
    last_error: ErrorSummary | None


@dataclass(frozen=True, slots=True)
class TopologyPage:
    """A topology over all windows, and its components in one."""

    topology_id: str
    name: str
    status: str
    uptime_s: int
    window: str
    """Which one the components are about."""

    by_window: dict[str, Numbers]
    components: tuple[ComponentRow, ...]
    """Spouts first."""


@dataclass(frozen=True, slots=True)
class ExecutorRow:
    """Some tasks of a component, where they run, and what they counted."""

    first_task: int
    last_task: int
    host: str
    port: int
    uptime_s: int
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class ComponentPage:
    """A component over all windows, and its streams and executors in one."""

    component: str
    is_spout: bool
    topology_id: str
    name: str
    """The topology's."""

    status: str
    window: str
    executor_count: int
    task_count: int
    by_window: dict[str, Numbers]
    outputs: dict[str, Numbers]
    """By stream."""

    inputs: tuple[tuple[str, str, Numbers], ...]
    """Component and stream that are subscribed to."""

    executors: tuple[ExecutorRow, ...]
    errors: tuple[ErrorSummary, ...]
    """Newest first."""


def topology_page(found: Any, window: str) -> TopologyPage:
    """Return a TopologyPageInfo as values."""
    rows = [
        _row(component, stats, is_spout=is_spout)
        for is_spout, by_id in ((True, found.id_to_spout_agg_stats), (False, found.id_to_bolt_agg_stats))
        for component, stats in sorted((by_id or {}).items())
    ]
    return TopologyPage(
        topology_id=found.id,
        name=found.name,
        status=found.status,
        uptime_s=found.uptime_secs,
        window=window,
        by_window=_topology_windows(found.topology_stats),
        components=tuple(rows),
    )


def component_page(found: Any, window: str) -> ComponentPage:
    """Return a ComponentPageInfo as values."""
    windows, outputs = found.window_to_stats or {}, found.sid_to_output_stats or {}
    return ComponentPage(
        component=found.component_id,
        is_spout=_is_spout(found.component_type),
        topology_id=found.topology_id,
        name=found.topology_name,
        status=found.topology_status,
        window=window,
        executor_count=found.num_executors or 0,
        task_count=found.num_tasks or 0,
        by_window={key: numbers(windows[key]) for key in WINDOWS if key in windows},
        outputs={stream: numbers(outputs[stream]) for stream in sorted(outputs)},
        inputs=tuple(
            sorted(
                (
                    (source.componentId, source.streamId, numbers(stats))
                    for source, stats in (found.gsid_to_input_stats or {}).items()
                ),
                key=lambda row: row[:2],
            )
        ),
        executors=tuple(
            sorted(map(_executor, found.exec_stats or ()), key=lambda executor: executor.first_task)
        ),
        errors=tuple(
            sorted((_error(found.component_id, e) for e in found.errors or ()), key=lambda e: -e.time_s)
        ),
    )


def numbers(stats: Any) -> Numbers:
    """Return a ComponentAggregateStats as values."""
    common, specific = stats.common_stats, stats.specific_stats
    spout, bolt = (specific.spout, specific.bolt) if specific else (None, None)
    return Numbers(
        emitted=common.emitted if common else None,
        transferred=common.transferred if common else None,
        acked=common.acked if common else None,
        failed=common.failed if common else None,
        executed=bolt.executed if bolt else None,
        complete_ms=spout.complete_latency_ms if spout else None,
        process_ms=bolt.process_latency_ms if bolt else None,
        execute_ms=bolt.execute_latency_ms if bolt else None,
        capacity=bolt.capacity if bolt else None,
    )


def _row(component: str, stats: Any, *, is_spout: bool) -> ComponentRow:
    common = stats.common_stats
    return ComponentRow(
        component=component,
        is_spout=is_spout,
        executor_count=(common and common.num_executors) or 0,
        task_count=(common and common.num_tasks) or 0,
        numbers=numbers(stats),
        last_error=_error(component, stats.last_error) if stats.last_error else None,
    )


def _topology_windows(stats: Any) -> dict[str, Numbers]:
    return {
        window: Numbers(
            emitted=(stats.window_to_emitted or {}).get(window),
            transferred=(stats.window_to_transferred or {}).get(window),
            acked=(stats.window_to_acked or {}).get(window),
            failed=(stats.window_to_failed or {}).get(window),
            complete_ms=(stats.window_to_complete_latencies_ms or {}).get(window),
        )
        for window in WINDOWS
    }


def _executor(found: Any) -> ExecutorRow:
    summary = found.exec_summary
    return ExecutorRow(
        first_task=summary.executor_info.task_start,
        last_task=summary.executor_info.task_end,
        host=summary.host,
        port=summary.port,
        uptime_s=summary.uptime_secs,
        numbers=numbers(found.stats),
    )


def _error(component: str, found: Any) -> ErrorSummary:
    return ErrorSummary(component, found.error, found.error_time_secs, found.host, found.port)


def _is_spout(component_type: int) -> bool:
    from storm_compat.thrift import idl

    return bool(component_type == idl.load().ComponentType.SPOUT)
