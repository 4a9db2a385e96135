"""What Nimbus tells, as plain values: the parts of Storm's reply structs that people look at.

Counts are those since the start (Storm's window ":all-time") and leave out the streams of the system.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALL_TIME = ":all-time"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class TopologySummary:
    """One line of a list of topologies."""

    topology_id: str
    name: str
    status: str
    uptime_s: int
    worker_count: int
    executor_count: int
    task_count: int
    owner: str | None


@dataclass(frozen=True, slots=True)
class ClusterSummary:
    """The cluster at a glance."""

    version: str
    uptime_s: int
    hosts: tuple[str, ...]
    """Those that run containers; Storm calls them supervisors."""

    slot_count: int
    used_slot_count: int
    topologies: tuple[TopologySummary, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """Tuples since the start; a latency is the mean of a spout's complete or a bolt's process time."""

    emitted: int = 0
    transferred: int = 0
    executed: int | None = None
    """None for a spout, and where nimbus leaves it out: a large topology must fit into a client's frame."""

    acked: int | None = 0
    failed: int | None = 0
    """None where nimbus leaves it out."""

    latency_ms: float | None = None
    """None while nothing was acked."""

    is_spout: bool = False


@dataclass(frozen=True, slots=True)
class ExecutorSummary:
    """Where some tasks of one component run."""

    component: str
    first_task: int
    last_task: int
    host: str
    port: int
    uptime_s: int
    counts: Counts | None
    """None until the executor has reported."""

    @property
    def task_count(self) -> int:
        return self.last_task - self.first_task + 1


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """What a component reported, or what was found wrong with it."""

    component: str
    text: str
    time_s: int
    """Seconds since the epoch."""

    host: str | None
    port: int | None

    @property
    def kind(self) -> str:
        """What is the same when the same thing happens again.

        A traceback is known by the places in it, other text by its first line without the numbers: process
        ids, times and the values of tuples come and go.
        """
        first, *rest = self.text.split("\n")
        places = [line for line in rest if line.startswith('  File "')]
        return "\n".join(places) or _NUMBER.sub("0", first)


@dataclass(frozen=True, slots=True)
class TopologyInfo:
    """Everything Nimbus tells about one topology."""

    topology_id: str
    name: str
    status: str
    uptime_s: int
    owner: str | None
    scheduler_status: str
    """What keeps it from running, empty if nothing does."""

    executors: tuple[ExecutorSummary, ...]
    errors: tuple[ErrorSummary, ...]
    """Newest first."""

    def own_executors(self) -> list[ExecutorSummary]:
        """Return the executors of the user's components, without those of the system."""
        return [e for e in self.executors if not e.component.startswith("__")]

    def components(self) -> dict[str, tuple[ExecutorSummary, ...]]:
        """Return the executors of each component, by the component's id."""
        found: dict[str, tuple[ExecutorSummary, ...]] = {}
        for executor in self.executors:
            found[executor.component] = (*found.get(executor.component, ()), executor)
        return found


def cluster_summary(found: Any) -> ClusterSummary:
    """Return a Thrift ClusterSummary as values."""
    leaders = [n for n in found.nimbuses if n.isLeader] or found.nimbuses
    return ClusterSummary(
        version=leaders[0].version if leaders else "",
        uptime_s=leaders[0].uptime_secs if leaders else 0,
        hosts=tuple(s.host for s in found.supervisors),
        slot_count=sum(s.num_workers for s in found.supervisors),
        used_slot_count=sum(s.num_used_workers for s in found.supervisors),
        topologies=tuple(
            TopologySummary(
                t.id, t.name, t.status, t.uptime_secs, t.num_workers, t.num_executors, t.num_tasks, t.owner
            )
            for t in sorted(found.topologies, key=lambda t: str(t.name))
        ),
    )


def topology_info(found: Any) -> TopologyInfo:
    """Return a Thrift TopologyInfo as values."""
    errors = [
        ErrorSummary(component, e.error, e.error_time_secs, e.host, e.port)
        for component, of_component in found.errors.items()
        for e in of_component
    ]
    return TopologyInfo(
        topology_id=found.id,
        name=found.name,
        status=found.status,
        uptime_s=found.uptime_secs,
        owner=found.owner,
        scheduler_status=found.sched_status or "",
        executors=tuple(sorted(map(_executor, found.executors), key=lambda e: (e.component, e.first_task))),
        errors=tuple(sorted(errors, key=lambda e: -e.time_s)),
    )


def _executor(found: Any) -> ExecutorSummary:
    tasks = found.executor_info
    return ExecutorSummary(
        found.component_id,
        tasks.task_start,
        tasks.task_end,
        found.host,
        found.port,
        found.uptime_secs,
        _counts(found.stats) if found.stats else None,
    )


def _counts(stats: Any) -> Counts:
    bolt, spout = stats.specific.bolt, stats.specific.spout
    own = bolt or spout
    acked = own.acked.get(ALL_TIME)
    latencies = (bolt.process_ms_avg if bolt else spout.complete_ms_avg).get(ALL_TIME, {})
    weight = sum((acked or {}).get(key, 0) for key in latencies)
    weighted_ms = sum(ms * (acked or {}).get(key, 0) for key, ms in latencies.items())
    return Counts(
        emitted=_user_streams(stats.emitted.get(ALL_TIME, {})),
        transferred=_user_streams(stats.transferred.get(ALL_TIME, {})),
        executed=_total(bolt.executed.get(ALL_TIME)) if bolt else None,
        acked=_total(acked),
        failed=_total(own.failed.get(ALL_TIME)),
        latency_ms=weighted_ms / weight if weight else None,
        is_spout=bolt is None,
    )


def _total(counts: Mapping[Any, int] | None) -> int | None:
    return None if counts is None else sum(counts.values())


def _user_streams(by_stream: Mapping[str, int]) -> int:
    return sum(count for stream, count in by_stream.items() if not stream.startswith("__"))
