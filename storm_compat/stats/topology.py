"""TopologySummary, a line about a topology, and TopologyInfo, its executors and errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from scheduler.control.messages import Answer
from scheduler.topology import DEFAULT_STREAM, Component
from storm_compat.alive import Alive
from storm_compat.compile import java_order
from storm_compat.stats import fitting, resources
from storm_compat.stats.fitting import Detail
from storm_compat.stats.machine import Machine
from storm_compat.stats.view import Sums, View, executor_ranges
from storm_compat.system import SYSTEM
from storm_compat.thrift import idl

MAX_FRAME_BYTES: Final = 1024 * 1024
"""Storm's default of ``nimbus.thrift.max_buffer_size``."""

OTHER_BYTES: Final = 4096
"""For all of a TopologyInfo but executors and errors, and for the head of the reply."""

_ERRORS_BYTES: Final = 9
"""Of a list of errors and its component's name in the binary encoding, but for the characters."""

_ERROR_BYTES: Final = 29
"""Of one error in the binary encoding, but for its text and host."""

SHOW_TROUBLE_S: Final = 60.0
"""How long the last thing that nimbus saw go wrong stands in a topology's scheduler status."""


def topology_summary(alive: Alive, machine: Machine, now: float) -> Any:
    """Return the TopologySummary; counts are those of the packing plan."""
    return idl.load().TopologySummary(
        id=alive.topology_id,
        name=alive.name,
        status=alive.status.status.value,
        uptime_secs=max(0, int(now - alive.kept.submission.submitted_at_s)),
        topology_version=topology_version(alive),
        **sizes(alive),
        **about(alive, machine, None, now),
    )


def topology_info(
    alive: Alive,
    answer: Answer,
    machine: Machine,
    now: float,
    *,
    choice: int | None = None,
    limit_bytes: int = MAX_FRAME_BYTES,
) -> Any:
    """Return the TopologyInfo.

    Args:
        choice: a NumErrorsChoice; None: ALL.
        limit_bytes: of the frame; executors of a large topology tell less (`storm_compat.stats.fitting`), and
            of many errors the oldest are left out.
    """
    view = View(alive, answer, machine, now)
    errors, errors_bytes = _errors(view, choice, limit_bytes // 4)
    return idl.load().TopologyInfo(
        id=alive.topology_id,
        name=alive.name,
        uptime_secs=view.uptime_s,
        executors=_executors(view, limit_bytes - errors_bytes - OTHER_BYTES),
        status=alive.status.status.value,
        errors=errors,
        component_debug={key: debug_options(alive, key) for key in alive.settings.debug},
        **about(alive, machine, answer, now),
    )


def sizes(alive: Alive) -> dict[str, int]:
    """Return the numbers of tasks, executors and workers, by the names that all structs use."""
    components = alive.kept.topology.components
    return {
        "num_tasks": sum(len(component.tasks) for component in components),
        "num_executors": sum(component.executor_count for component in components),
        "num_workers": len(alive.kept.packing.containers),
    }


def about(alive: Alive, machine: Machine, answer: Answer | None, now: float) -> dict[str, Any]:
    """Return the optional fields that summaries, infos and pages share."""
    return {
        "storm_version": alive.kept.submission.storm_version or machine.version,
        "sched_status": _sched_status(alive, answer, now),
        "owner": alive.kept.submission.owner,
        "replication_count": 1,
        **resources.of_topology(alive.kept.topology),
    }


def debug_options(alive: Alive, key: str) -> Any:
    """Return the DebugOptions of a component, or under the topology's id of all; None: none were set."""
    debug = alive.settings.debug.get(key)
    if debug is None:
        return None
    return idl.load().DebugOptions(enable=debug.is_enabled, samplingpct=debug.sampling_pct)


def topology_version(alive: Alive) -> str | None:
    """Return what the submitter calls the version of the topology."""
    version = alive.kept.topology.conf.get("topology.version")
    return None if version is None else str(version)


def _sched_status(alive: Alive, answer: Answer | None, now: float) -> str:
    if alive.troubles and now - alive.troubles[-1].time_s < SHOW_TROUBLE_S:
        return alive.troubles[-1].text
    if not alive.has_started:
        return "starts when it is activated"
    if answer is None or answer.is_complete:
        return ""
    up_count = sum(container.is_registered for container in answer.containers)
    return f"{up_count} of {len(alive.kept.packing.containers)} containers are up"


def _executors(view: View, limit_bytes: int) -> list[Any]:
    components = view.topology.components
    detail, room_bytes = fitting.choose(components, view.machine.host, limit_bytes)
    executors = [(component, tasks) for component in components for tasks in executor_ranges(component)]
    told = {tasks[0] for _, tasks in executors}
    if detail is Detail.SOME:
        told = _busiest(view, executors, room_bytes)
    return [
        executor_summary(
            view,
            component,
            tasks,
            None
            if component.is_system or tasks[0] not in told
            else _executor_stats(view, component, tasks, detail),
        )
        for component, tasks in executors
    ]


def _busiest(view: View, executors: Sequence[tuple[Component, tuple[int, ...]]], room_bytes: int) -> set[int]:
    """Return the first tasks of the executors that emitted most, as many as there is room for."""
    emitted = {tasks[0]: sum(view.sums(tasks).emitted.values()) for _, tasks in executors}
    told = set()
    for component, tasks in sorted(executors, key=lambda executor: -emitted[executor[1][0]]):
        room_bytes -= fitting.stats_bytes(component, Detail.SOME)
        if room_bytes < 0:
            break
        told.add(tasks[0])
    return told


def executor_summary(view: View, component: Component, tasks: tuple[int, ...], stats: Any) -> Any:
    """Return the ExecutorSummary of some tasks, shown where the first of them lives."""
    storm = idl.load()
    return storm.ExecutorSummary(
        executor_info=storm.ExecutorInfo(tasks[0], tasks[-1]),
        component_id=component.component,
        host=view.machine.host,
        port=view.port(tasks[0]),
        uptime_secs=view.task_uptime_s(tasks),
        stats=stats,
    )


def _executor_stats(view: View, component: Component, tasks: tuple[int, ...], detail: Detail) -> Any:
    storm = idl.load()
    sums = {window: view.sums(tasks, window) for window in detail.windows}
    declared = [*component.streams] or [DEFAULT_STREAM]
    told = sums if detail.has_specific else {}
    specific = _spout_stats(told, declared) if component.is_spout else _bolt_stats(told, component)
    return storm.ExecutorStats(
        emitted={window: _filled(declared, s.emitted) for window, s in sums.items()},
        transferred={window: _filled(declared, s.transferred) for window, s in sums.items()},
        specific=specific,
        rate=1.0,
    )


def _spout_stats(sums: Mapping[str, Sums], declared: Iterable[str]) -> Any:
    storm = idl.load()
    stats = storm.SpoutStats(
        acked={window: _filled(declared, s.acked) for window, s in sums.items()},
        failed={window: _filled(declared, s.failed) for window, s in sums.items()},
        complete_ms_avg={
            window: {key: s.latency_ms([key]) for key in _filled(declared, s.acked)}
            for window, s in sums.items()
        },
    )
    return storm.ExecutorSpecificStats(spout=stats)


def _bolt_stats(sums: Mapping[str, Sums], component: Component) -> Any:
    storm = idl.load()
    ids = input_ids(component)

    def keyed(values: Mapping[str, int]) -> dict[Any, int]:
        return {ids[key]: count for key, count in _filled(ids, values).items() if key in ids}

    stats = storm.BoltStats(
        acked={window: keyed(s.acked) for window, s in sums.items()},
        failed={window: keyed(s.failed) for window, s in sums.items()},
        process_ms_avg={window: {ids[key]: s.latency_ms([key]) for key in ids} for window, s in sums.items()},
        executed={window: keyed(s.executed) for window, s in sums.items()},
        execute_ms_avg={window: dict.fromkeys(ids.values(), s.execute_ms()) for window, s in sums.items()},
    )
    return storm.ExecutorSpecificStats(bolt=stats)


def input_ids(component: Component) -> dict[str, Any]:
    """Return the GlobalStreamId of each input, by the key that counters use.

    Component ids may hold colons, so keys are looked up by what is subscribed to and never taken apart.
    """
    storm = idl.load()
    return {f"{i.source}:{i.stream}": storm.GlobalStreamId(i.source, i.stream) for i in component.inputs}


def _filled(keys: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts; those of ``keys`` are there even if nothing was counted."""
    return dict.fromkeys(keys, 0) | dict(counts)


def _errors(view: View, choice: int | None, limit_bytes: int) -> tuple[dict[str, list[Any]], int]:
    """Return the errors of every component, newest first, maybe none, and how many bytes they take."""
    storm = idl.load()
    most = {storm.NumErrorsChoice.NONE: 0, storm.NumErrorsChoice.ONE: 1}.get(choice)
    found = sorted({SYSTEM, *(c.component for c in view.topology.components)}, key=java_order)
    chosen = {component: view.errors(component)[:most] for component in found}
    used_bytes = sum(len(component.encode()) + _ERRORS_BYTES for component in found)
    limit_bytes = max(limit_bytes, used_bytes)
    kept = set()
    for error in sorted((e for of in chosen.values() for e in of), key=lambda e: e.time_s, reverse=True):
        error_bytes = len(error.text.encode()) + len(view.machine.host.encode()) + _ERROR_BYTES
        if used_bytes + error_bytes > limit_bytes:
            break
        used_bytes += error_bytes
        kept.add(id(error))
    infos = {
        component: [view.error_info(error) for error in errors if id(error) in kept]
        for component, errors in chosen.items()
    }
    return infos, used_bytes
