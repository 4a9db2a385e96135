"""A word count of two containers, as nimbus knows it, and what its tasks may report."""

from __future__ import annotations

from typing import Any

from scheduler.control.messages import Answer, TaskReport
from scheduler.packing.round_robin import round_robin
from scheduler.state.records import Status, StatusRecord, SubmissionRecord
from storm_compat import conf as confs
from storm_compat.alive import Alive, Kept
from storm_compat.compile import compile_topology
from storm_compat.stats import Machine
from tests.storm_compat.builders import word_count

NOW = 1_700_000_100.0
MACHINE = Machine(host="h", port=6627, version="2.8.2", started_at_s=NOW - 50, cpu_count=2, memory_mb=1000)
NOTHING = Answer(False, [], [], [])


def alive(**change: Any) -> Alive:
    conf = confs.cluster({"topology.workers": 2, "topology.version": "7"})
    topology = compile_topology("wc", "wc-1-17", conf, word_count()).topology
    kept = Kept(topology, SubmissionRecord(NOW - 20.5, "me", "1.2.4"), round_robin(topology, 2))
    return Alive(**({"kept": kept, "status": StatusRecord(Status.ACTIVE)} | change))


def report(task: int, component: str, **change: Any) -> TaskReport:
    values: dict[str, Any] = {
        "task": task,
        "component": component,
        "state": "running",
        "pid": 7,
        "uptime_s": 3.2,
        "restart_count": 0,
        "emitted": {},
        "transferred": {},
        "executed": {},
        "acked": {},
        "failed": {},
        "latency_ms_sum": {},
        "latency_count": {},
        "pending_count": 0,
        "queued_bytes": 0,
        "held_ms": 0,
        "busy_ms": 0,
    }
    return TaskReport(**(values | change))
