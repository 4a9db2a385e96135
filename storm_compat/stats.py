"""The numbers and pages that Storm's clients ask for, made from records and reports. Pure.

    Alive (records)  +  Answer (what the topology process knows)  ->  Thrift structs, required fields all set

An executor is Storm's unit and only a way to group tasks here: each task is
a process of its own, and an executor is shown where its first task lives.
Ackers have no process; they are shown spread over the containers, without
numbers.  Counters are exact, so `rate` is 1.

Every time window shows the all-time numbers; windows of their own are not
kept yet.  Declared streams show a zero from the first moment, because
`storm monitor` gives up on a stream that it does not find.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from scheduler.control.messages import Answer, ErrorReport, TaskReport
from scheduler.layout import slot
from scheduler.topology import DEFAULT_STREAM, Component
from storm_compat.alive import Alive
from storm_compat.compile import java_order
from storm_compat.system import SYSTEM
from storm_compat.thrift import idl

V = TypeVar("V")

WINDOWS: Final = ("600", "10800", "86400", ":all-time")
SHOW_TROUBLE_S: Final = 60.0
"""How long the last thing that nimbus saw go wrong stands in a topology's scheduler status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """This machine and this nimbus, as clients see them."""

    host: str
    """What clients are told to connect to."""

    port: int
    version: str
    started_at_s: float
    """Seconds since the epoch."""

    cpu_count: int
    memory_mb: int

    def slot_count(self, used: int) -> int:
        """Return how many containers fit: a number to show, not a limit, so never fewer than are there."""
        return max(4 * self.cpu_count, used, 1)


def nimbus_summary(machine: Machine, now: float) -> Any:
    """Return the NimbusSummary of the only nimbus, which is the leader."""
    return idl.load().NimbusSummary(
        host=machine.host,
        port=machine.port,
        uptime_secs=_seconds(machine.started_at_s, now),
        isLeader=True,
        version=machine.version,
        tlsPort=0,
    )


def cluster_summary(topologies: Sequence[Alive], machine: Machine, now: float) -> Any:
    """Return the ClusterSummary, with the one supervisor that streamparse must find."""
    nimbus = nimbus_summary(machine, now)
    return idl.load().ClusterSummary(
        supervisors=[_supervisor_summary(topologies, machine, now)],
        nimbus_uptime_secs=nimbus.uptime_secs,
        topologies=[topology_summary(alive, machine, now) for alive in topologies],
        nimbuses=[nimbus],
    )


def topology_summary(alive: Alive, machine: Machine, now: float) -> Any:
    """Return the TopologySummary; counts are those of the packing plan."""
    components = alive.kept.topology.components
    return idl.load().TopologySummary(
        id=alive.topology_id,
        name=alive.name,
        num_tasks=sum(len(component.tasks) for component in components),
        num_executors=sum(component.executor_count for component in components),
        num_workers=len(alive.kept.packing.containers),
        uptime_secs=_seconds(alive.kept.submission.submitted_at_s, now),
        status=alive.status.status.value,
        topology_version=_text_or_none(alive.kept.topology.conf.get("topology.version")),
        **_about(alive, machine, None, now),
    )


def topology_info(
    alive: Alive, answer: Answer, machine: Machine, now: float, *, choice: int | None = None
) -> Any:
    """Return the TopologyInfo; ``choice`` is a NumErrorsChoice, None meaning ALL."""
    return idl.load().TopologyInfo(
        id=alive.topology_id,
        name=alive.name,
        uptime_secs=_seconds(alive.kept.submission.submitted_at_s, now),
        executors=_executors(alive, answer, machine),
        status=alive.status.status.value,
        errors=_errors(alive, answer.errors, machine, choice),
        component_debug={},
        **_about(alive, machine, answer, now),
    )


def executor_ranges(component: Component) -> list[tuple[int, ...]]:
    """Return the tasks of each executor: contiguous, the larger ranges first."""
    if not component.executor_count:
        return []
    size, larger_count = divmod(len(component.tasks), component.executor_count)
    ranges, start = [], 0
    for index in range(component.executor_count):
        end = start + size + (index < larger_count)
        ranges.append(component.tasks[start:end])
        start = end
    return ranges


def _about(alive: Alive, machine: Machine, answer: Answer | None, now: float) -> dict[str, Any]:
    """Return the optional fields that TopologySummary and TopologyInfo share."""
    return {
        "storm_version": alive.kept.submission.storm_version or machine.version,
        "sched_status": _sched_status(alive, answer, now),
        "owner": alive.kept.submission.owner,
        "replication_count": 1,
        "requested_memonheap": 0.0,
        "requested_memoffheap": 0.0,
        "requested_cpu": 0.0,
        "assigned_memonheap": 0.0,
        "assigned_memoffheap": 0.0,
        "assigned_cpu": 0.0,
    }


def _sched_status(alive: Alive, answer: Answer | None, now: float) -> str:
    if alive.troubles and now - alive.troubles[-1].time_s < SHOW_TROUBLE_S:
        return alive.troubles[-1].text
    if answer is None or answer.is_complete:
        return ""
    up_count = sum(container.is_registered for container in answer.containers)
    return f"{up_count} of {len(alive.kept.packing.containers)} containers are up"


def _supervisor_summary(topologies: Iterable[Alive], machine: Machine, now: float) -> Any:
    used = sum(len(alive.kept.packing.containers) for alive in topologies)
    memory, cpu = float(machine.memory_mb), 100.0 * machine.cpu_count
    return idl.load().SupervisorSummary(
        host=machine.host,
        uptime_secs=_seconds(machine.started_at_s, now),
        num_workers=machine.slot_count(used),
        num_used_workers=used,
        supervisor_id=f"{machine.host}-local",
        version=machine.version,
        total_resources={
            "supervisor.memory.capacity.mb": memory,
            "memory.mb": memory,
            "supervisor.cpu.capacity": cpu,
            "cpu.pcore.percent": cpu,
        },
        used_mem=0.0,
        used_cpu=0.0,
        fragmented_mem=0.0,
        fragmented_cpu=0.0,
        blacklisted=False,
    )


def _executors(alive: Alive, answer: Answer, machine: Machine) -> list[Any]:
    storm = idl.load()
    reports = {report.task: report for report in answer.tasks}
    place = _places(alive)
    summaries = []
    for component in alive.kept.topology.components:
        for tasks in executor_ranges(component):
            known = [reports[task] for task in tasks if task in reports]
            summaries.append(
                storm.ExecutorSummary(
                    executor_info=storm.ExecutorInfo(tasks[0], tasks[-1]),
                    component_id=component.component,
                    host=machine.host,
                    port=slot(place.get(tasks[0], 1)),
                    uptime_secs=math.ceil(min((report.uptime_s for report in known), default=0.0)),
                    stats=None if component.is_system else _executor_stats(component, known),
                )
            )
    return summaries


def _places(alive: Alive) -> dict[int, int]:
    """Return task -> container, with the tasks that live nowhere dealt out to the containers in turn."""
    place = alive.kept.packing.container_of()
    count = len(alive.kept.packing.containers)
    homeless = [task for task in sorted(alive.kept.topology.component_of()) if task not in place]
    return place | {task: index % count + 1 for index, task in enumerate(homeless)}


def _executor_stats(component: Component, reports: Sequence[TaskReport]) -> Any:
    storm = idl.load()
    declared = [*component.streams] or [DEFAULT_STREAM]
    return storm.ExecutorStats(
        emitted=_windows(_summed(declared, (report.emitted for report in reports))),
        transferred=_windows(_summed(declared, (report.transferred for report in reports))),
        specific=_spout_stats(component, reports) if component.is_spout else _bolt_stats(component, reports),
        rate=1.0,
    )


def _spout_stats(component: Component, reports: Sequence[TaskReport]) -> Any:
    storm = idl.load()
    declared = [*component.streams] or [DEFAULT_STREAM]
    stats = storm.SpoutStats(
        acked=_windows(_summed(declared, (report.acked for report in reports))),
        failed=_windows(_summed(declared, (report.failed for report in reports))),
        complete_ms_avg=_windows(_averages(declared, reports)),
    )
    return storm.ExecutorSpecificStats(spout=stats)


def _bolt_stats(component: Component, reports: Sequence[TaskReport]) -> Any:
    storm = idl.load()
    # Component ids may hold colons, so reports are looked up by what is subscribed to, never taken apart.
    ids = {f"{i.source}:{i.stream}": storm.GlobalStreamId(i.source, i.stream) for i in component.inputs}

    def keyed(values: Mapping[str, V]) -> dict[Any, V]:
        return {ids[key]: value for key, value in values.items() if key in ids}

    stats = storm.BoltStats(
        acked=_windows(keyed(_summed(ids, (report.acked for report in reports)))),
        failed=_windows(keyed(_summed(ids, (report.failed for report in reports)))),
        process_ms_avg=_windows(keyed(_averages(ids, reports))),
        executed=_windows(keyed(_summed(ids, (report.executed for report in reports)))),
        execute_ms_avg=_windows(dict.fromkeys(ids.values(), 0.0)),
    )
    return storm.ExecutorSpecificStats(bolt=stats)


def _summed(keys: Iterable[str], counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums by key; those of ``keys`` are there even if nothing was counted."""
    sums = dict.fromkeys(keys, 0)
    for counter in counters:
        for key, count in counter.items():
            sums[key] = sums.get(key, 0) + count
    return sums


def _averages(keys: Iterable[str], reports: Sequence[TaskReport]) -> dict[str, float]:
    """Return the mean latency in milliseconds by key; 0 where nothing was sampled."""
    counts = _summed(keys, (report.latency_count for report in reports))
    sums = dict.fromkeys(counts, 0.0)
    for report in reports:
        for key, latency_ms in report.latency_ms_sum.items():
            sums[key] = sums.get(key, 0.0) + latency_ms
    return {key: sums[key] / count if count else 0.0 for key, count in counts.items()}


def _windows(values: V) -> dict[str, V]:
    return dict.fromkeys(WINDOWS, values)


def _errors(
    alive: Alive, errors: Sequence[ErrorReport], machine: Machine, choice: int | None
) -> dict[str, Any]:
    """Return the errors of every component, newest first; a component without any has an empty list."""
    storm = idl.load()
    place = _places(alive)
    components = [component.component for component in alive.kept.topology.components]
    found: dict[str, list[Any]] = {c: [] for c in sorted({*components, SYSTEM}, key=java_order)}
    if choice == storm.NumErrorsChoice.NONE:
        return found
    for error in sorted((*errors, *alive.troubles), key=lambda error: error.time_s, reverse=True):
        of_component = found.setdefault(error.component, [])
        if choice == storm.NumErrorsChoice.ONE and of_component:
            continue
        of_component.append(
            storm.ErrorInfo(
                error=error.text,
                error_time_secs=int(error.time_s),
                host=machine.host,
                port=slot(place.get(error.task, 1)),
            )
        )
    return found


def _seconds(since_s: float, now: float) -> int:
    return max(0, int(now - since_s))


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)
