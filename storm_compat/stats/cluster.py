"""Nimbus, the supervisors and the owners of topologies, as summaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from storm_compat.alive import Alive
from storm_compat.stats.machine import Machine
from storm_compat.stats.topology import topology_summary
from storm_compat.thrift import idl


def nimbus_summary(machine: Machine, now: float) -> Any:
    """Return the NimbusSummary of the only nimbus, which is the leader."""
    return idl.load().NimbusSummary(
        host=machine.host,
        port=machine.port,
        uptime_secs=_uptime_s(machine, now),
        isLeader=True,
        version=machine.version,
        tlsPort=machine.tls_port,
    )


def cluster_summary(topologies: Sequence[Alive], machine: Machine, now: float) -> Any:
    """Return the ClusterSummary, with the one supervisor that streamparse must find."""
    nimbus = nimbus_summary(machine, now)
    return idl.load().ClusterSummary(
        supervisors=[supervisor_summary(topologies, machine, now)],
        nimbus_uptime_secs=nimbus.uptime_secs,
        topologies=[topology_summary(alive, machine, now) for alive in topologies],
        nimbuses=[nimbus],
    )


def supervisor_summary(topologies: Iterable[Alive], machine: Machine, now: float) -> Any:
    """Return the SupervisorSummary of this machine."""
    used = sum(len(alive.kept.packing.containers) for alive in topologies)
    memory, cpu = float(machine.memory_mb), 100.0 * machine.cpu_count
    return idl.load().SupervisorSummary(
        host=machine.host,
        uptime_secs=_uptime_s(machine, now),
        num_workers=machine.slot_count(used),
        num_used_workers=used,
        supervisor_id=machine.supervisor_id,
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


def owner_summaries(
    topologies: Iterable[Alive], machine: Machine, now: float, *, owner: str | None = None
) -> list[Any]:
    """Return an OwnerResourceSummary for each owner, or for the one asked for, who may have no topology."""
    owned: dict[str, list[Any]] = {} if owner is None else {owner: []}
    for alive in topologies:
        if owner in (None, alive.kept.submission.owner):
            owned.setdefault(alive.kept.submission.owner, []).append(topology_summary(alive, machine, now))
    return [_owner_summary(name, summaries) for name, summaries in sorted(owned.items())]


def _owner_summary(owner: str, summaries: Sequence[Any]) -> Any:
    def total(field: str) -> Any:
        return sum(getattr(summary, field) for summary in summaries)

    on_heap, off_heap = float(total("requested_memonheap")), float(total("requested_memoffheap"))
    return idl.load().OwnerResourceSummary(
        owner=owner,
        total_topologies=len(summaries),
        total_executors=total("num_executors"),
        total_workers=total("num_workers"),
        total_tasks=total("num_tasks"),
        memory_usage=0.0,
        cpu_usage=0.0,
        requested_on_heap_memory=on_heap,
        requested_off_heap_memory=off_heap,
        requested_total_memory=on_heap + off_heap,
        requested_cpu=float(total("requested_cpu")),
        assigned_on_heap_memory=0.0,
        assigned_off_heap_memory=0.0,
    )


def _uptime_s(machine: Machine, now: float) -> int:
    return max(0, int(now - machine.started_at_s))
