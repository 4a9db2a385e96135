"""Counters, latencies and windows of real topologies, through all that may end meanwhile."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from storm_compat.thrift import idl
from tests.cluster import Draft, Running, until
from tests.compat.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.differs("Log levels, debugging and counters are looked at inside Heronry"),
]


def counting(count: int) -> Draft:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=count)
    draft.bolt("sink", "sink.py", {"numbers": ["value"]})
    return draft


def steady() -> Draft:
    draft = Draft()
    draft.spout("numbers", "steady.py", pause_s=0.01)
    draft.bolt("sink", "sink.py", {"numbers": ["value"]})
    return draft


def page(running: Running) -> Any:
    return running.cluster.nimbus.getTopologyPageInfo(running.topology_id, None, False)


@pytest.mark.differs("Counters are exact")
@pytest.mark.parametrize("rate", [1.0, 0.05])
def test_42_counters_are_exact_at_any_sample_rate(run: Run, rate: float) -> None:
    running = run(counting(107), {"topology.stats.sample.rate": rate, "topology.workers": 2})
    until(lambda: running.counts("numbers").acked == 107)
    until(lambda: running.counts("sink").acked == 107)
    found = page(running)
    spout = found.id_to_spout_agg_stats["numbers"]
    assert (spout.common_stats.emitted, spout.common_stats.acked, spout.common_stats.failed) == (107, 107, 0)
    assert found.id_to_bolt_agg_stats["sink"].specific_stats.bolt.executed == 107
    assert set(found.topology_stats.window_to_acked.values()) == {107}


def test_latencies_and_capacity_tell_how_long_a_bolt_is_at_work(run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=3)
    draft.bolt("held", "sink.py", {"numbers": ["value"]}, answer="hold")
    running = run(draft)
    until(lambda: len(running.notes("held", what="tuple")) == 1)
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 1)
    assert running.folder is not None
    (running.folder / "release").touch()
    until(lambda: running.counts("numbers").acked == 3)
    until(lambda: page(running).id_to_bolt_agg_stats["held"].specific_stats.bolt.executed == 3)
    bolt = page(running).id_to_bolt_agg_stats["held"].specific_stats.bolt
    # It had all three for a second or more, and nothing to do afterwards.
    assert bolt.execute_latency_ms > 333
    assert 0 < bolt.capacity < 1
    info = running.info()
    [executor] = [e for e in info.executors if e.component_id == "held"]
    [execute_ms] = executor.stats.specific.bolt.execute_ms_avg[":all-time"].values()
    assert execute_ms == bolt.execute_latency_ms


def test_all_time_counters_never_go_down(run: Run) -> None:
    running = run(steady())
    seen = 0

    def more() -> bool:
        """Tell whether the count has grown; it is never smaller than it once was."""
        nonlocal seen
        acked = running.counts("sink").acked
        assert acked >= seen
        has_grown, seen = acked > seen, acked
        return has_grown

    def grows() -> None:
        for _ in range(3):
            until(more)

    def kill(words: str) -> None:
        [pid] = running.pids(words)
        os.kill(pid, signal.SIGKILL)
        until(lambda: running.pids(words) not in ([], [pid]))

    until(lambda: seen > 50 or (more() and False))
    kill("scheduler.run.container")
    grows()
    kill("scheduler.run.topology")
    grows()
    kill("scheduler.run.container")
    grows()


def test_component_pages_and_those_of_the_system_agree_with_the_rest(run: Run) -> None:
    running = run(counting(20), {"topology.workers": 2})
    until(lambda: running.counts("sink").acked == 20)
    nimbus, storm = running.cluster.nimbus, idl.load()
    found = nimbus.getComponentPageInfo(running.topology_id, "sink", "600", True)
    assert found.component_type == storm.ComponentType.BOLT
    [(source, received)] = found.gsid_to_input_stats.items()
    assert (source.componentId, source.streamId) == ("numbers", "default")
    assert received.specific_stats.bolt.executed == 20
    assert [row.common_stats.acked for row in found.window_to_stats.values()] == [20] * 4
    [executor] = found.exec_stats
    workers = page(running).workers
    assert executor.exec_summary.port in {worker.port for worker in workers}
    assert sum(sum(worker.component_to_num_tasks.values()) for worker in workers) == 2
    whole = nimbus.getTopologyPageInfo(running.topology_id, None, True)
    assert whole.id_to_bolt_agg_stats["__acker"].common_stats.num_tasks == 2
    assert nimbus.getComponentPageInfo(running.topology_id, "__acker", None, True).num_tasks == 2
    [supervisor] = nimbus.getClusterInfo().supervisors
    hosted = nimbus.getSupervisorPageInfo(supervisor.supervisor_id, None, True).worker_summaries
    assert [w.port for w in hosted if w.topology_id == running.topology_id] == [w.port for w in workers]
