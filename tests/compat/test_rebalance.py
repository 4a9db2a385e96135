"""Rebalance of running topologies, by real processes; every tuple is accounted for."""

from __future__ import annotations

import json
import os
import signal
import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from thriftpy2.thrift import TApplicationException

from storm_compat.thrift import idl
from tests.cluster import BIN, Draft, Running, until
from tests.cluster import run as run_command
from tests.compat.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(150),
    pytest.mark.differs("How components run is Heronry's own"),
]


def steady(sink_count: int = 4, spout_count: int = 1) -> Draft:
    """A draft with spouts that emit without end, and bolts that note what they get."""
    draft = Draft()
    draft.spout("numbers", "remembers.py", par=spout_count)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"}, par=sink_count)
    return draft


def rebalance(running: Running, **options: Any) -> dict[str, Any]:
    """Rebalance and return what Nimbus had said it would do, once the topology goes on."""
    order = idl.load().RebalanceOptions(**options)
    nimbus = running.cluster.nimbus
    announced: dict[str, Any] = json.loads(nimbus.getRebalancePlan(running.name, order))
    before = running.info().status
    nimbus.rebalance(running.name, order)
    if options.get("wait_secs"):
        assert running.info().status == "REBALANCING"
    until(lambda: running.info().status == before, f"{before} again")
    up = {"", "starts when it is activated"}
    until(lambda: running.info().sched_status in up, "all containers are up")
    return announced


def pids(running: Running) -> dict[int, int]:
    """Return task -> pid of all components that have said hello and still run."""
    alive = running.processes()
    hellos = [note for name in ("numbers", "sink") for note in running.notes(name, what="handshake")]
    return {note["context"]["taskid"]: note["pid"] for note in hellos if note["pid"] in alive}


def until_containers(running: Running, count: int) -> None:
    until(lambda: len(running.pids("scheduler.run.container")) == count, f"{count} containers run")


def goes_on(running: Running, count: int = 20) -> None:
    """Wait until so many more tuples are acked."""
    before = len(running.notes("numbers", what="ack"))
    until(lambda: len(running.notes("numbers", what="ack")) >= before + count, "more acks")


def settled(running: Running, *, is_counted: bool = True, is_active: bool = True) -> None:
    """Let the spouts rest if they do not, and see that every tuple is delivered, acked, and counted so."""
    if is_active:
        before = len(running.notes("numbers", what="deactivate"))
        running.cluster.nimbus.deactivate(running.name)
        count = len({note["context"]["taskid"] for note in running.notes("numbers", what="handshake")})
        until(lambda: len(running.notes("numbers", what="deactivate")) == before + count, "all spouts rest")
    names = {note["name"] for note in running.notes("numbers", what="emit")}
    until(lambda: {note["name"] for note in running.notes("numbers", what="ack")} == names, "all are acked")
    assert {note["values"][0] for note in running.notes("sink", what="tuple")} == names
    acks = len(running.notes("numbers", what="ack"))
    assert acks == len(names)  # each once
    if is_counted:
        until(lambda: running.counts("numbers").acked == acks, f"{acks} are counted as acked")


def _after_the_move(running: Running, before: dict[int, int], moved: set[int]) -> dict[int, int] | None:
    """Return the pids by task once none is missing and no old one of a task that moves is left."""
    found = pids(running)
    is_done = found.keys() == before.keys() and all(found[task] != before[task] for task in moved)
    return found if is_done else None


def test_only_tasks_that_move_are_started_anew_and_nothing_fails(run: Run) -> None:
    running = run(steady(), {"topology.workers": 2})
    until(lambda: len(pids(running)) == 5)
    goes_on(running)
    for worker_count, container_count in ((3, 3), (1, 1), (99, 5), (2, 2)):
        before = pids(running)
        announced = rebalance(running, wait_secs=1, num_workers=worker_count)
        moved = {move["task"] for move in announced["moves"]}
        assert moved
        until_containers(running, container_count)
        after = until(partial(_after_the_move, running, before, moved), "what moves runs anew")
        assert {task for task in before if before[task] != after[task]} == moved
        summary = running.cluster.nimbus.getTopologySummaryByName(running.name)
        assert summary.num_workers == container_count
        goes_on(running)
    settled(running)
    assert running.notes("numbers", what="fail") == []
    assert running.info().errors == {"__acker": [], "__system": [], "numbers": [], "sink": []}


def test_without_a_wait_nothing_is_lost_either(run: Run) -> None:
    running = run(steady(sink_count=6, spout_count=3), {"topology.workers": 3})
    goes_on(running)
    for worker_count in (1, 4, 2, 3):
        rebalance(running, wait_secs=0, num_workers=worker_count)
        goes_on(running, 5)
    until_containers(running, 3)
    until(lambda: len(pids(running)) == 9, "all run")
    settled(running)


def test_under_load_nothing_is_lost_doubled_or_out_of_order_though_nobody_acks(run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "stamping_spout.py", par=2)
    draft.bolt("relay", "stamping.py", {"numbers": "shuffle"}, par=3)
    draft.bolt("sink", "stamping.py", {"relay": "shuffle"}, par=4)
    running = run(draft, {"topology.workers": 3})
    assert running.folder is not None
    folder = running.folder
    until(lambda: len(got(folder, "sink")) > 1000, "tuples flow")
    for worker_count in (1, 4, 2, 3, 1, 5):
        rebalance(running, wait_secs=0, num_workers=worker_count)
        count = len(got(folder, "sink"))
        until(lambda count=count: len(got(folder, "sink")) > count + 1000, "tuples flow again")  # type: ignore[misc]
    rested = len(running.notes("numbers", what="deactivate"))
    running.cluster.nimbus.deactivate(running.name)
    until(lambda: len(running.notes("numbers", what="deactivate")) == rested + 2, "both spouts rest")
    emitted = {
        number
        for path in folder.glob("emitted-*")
        for (number,) in struct.iter_unpack("q", path.read_bytes())
    }
    for component in ("relay", "sink"):
        until(lambda component=component: {number for _, _, number, _ in got(folder, component)} >= emitted)  # type: ignore[misc]
        found = got(folder, component)
        assert len(found) == len(emitted)
        last: dict[tuple[int, int], int] = {}
        late = []
        for task, source, number, stamp in found:
            if last.setdefault((source, task), 0) > stamp:
                late.append((source, task, number))
            last[source, task] = stamp
        assert late == []


def got(folder: Path, component: str) -> list[tuple[int, int, int, int]]:
    """Return (task, source, number, stamp) of all that the tasks of a component got, by task in order."""
    found = []
    for path in sorted(folder.glob(f"got-{component}-*")):
        data = path.read_bytes()
        task = int(path.name.rpartition("-")[2])
        found += [(task, *entry) for entry in struct.iter_unpack("qqq", data[: len(data) // 24 * 24])]
    return found


def test_16_executors_change_in_what_is_shown_and_in_no_process(run: Run) -> None:
    running = run(steady())
    goes_on(running)
    before = pids(running)
    assert rebalance(running, wait_secs=1, num_executors={"sink": 2}) == {
        "moves": [],
        "started": [],
        "stopped": [],
        "restarted": [],
        "executors": {"sink": [4, 2]},
        "containers": {"1": 5},
    }
    ranges = [
        (e.executor_info.task_start, e.executor_info.task_end)
        for e in running.info().executors
        if e.component_id == "sink"
    ]
    assert ranges == [(3, 4), (5, 6)]
    rebalance(running, wait_secs=0, num_executors={"sink": 99})
    assert sum(e.component_id == "sink" for e in running.info().executors) == 4
    goes_on(running)
    assert pids(running) == before


def test_17_what_does_not_exist_is_refused_in_storms_words(run: Run) -> None:
    running = run(steady())
    storm = idl.load()
    texts = {
        f"Invalid component nosuch for topology {running.name}, valid values are numbers,sink": {"nosuch": 2},
        "Number of executors must be greater than 0": {"sink": 0},
    }
    for text, executors in texts.items():
        with pytest.raises(storm.InvalidTopologyException) as caught:
            running.cluster.nimbus.rebalance(running.name, storm.RebalanceOptions(num_executors=executors))
        assert caught.value.msg == text
    assert running.info().status == "ACTIVE"


def test_18_an_inactive_topology_is_inactive_again_and_starts_nothing(run: Run) -> None:
    running = run(steady(), {"topology.workers": 1}, is_active=False)
    rebalance(running, wait_secs=1, num_workers=2)
    assert running.cluster.nimbus.getTopologySummaryByName(running.name).num_workers == 2
    assert running.pids("") == []
    running.cluster.nimbus.activate(running.name)
    goes_on(running)
    until_containers(running, 2)
    rebalance(running, wait_secs=0, num_workers=3)
    settled(running)
    rebalance(running, wait_secs=0, num_workers=1)
    until_containers(running, 1)
    running.cluster.nimbus.activate(running.name)
    goes_on(running)
    settled(running)


def test_19_a_rebalance_happens_though_nimbus_dies_while_it_waits(run: Run) -> None:
    running = run(steady(), {"topology.workers": 1})
    goes_on(running)
    order = idl.load().RebalanceOptions(
        wait_secs=2, num_workers=2, num_executors={"sink": 1}, topology_conf_overrides='{"my.key": 1}'
    )
    running.cluster.nimbus.rebalance(running.name, order)
    running.cluster.kill_nimbus()
    running.cluster.start()
    assert running.info().status == "REBALANCING"
    until(lambda: running.info().status == "ACTIVE", "ACTIVE again")
    until_containers(running, 2)
    assert sum(e.component_id == "sink" for e in running.info().executors) == 1
    assert json.loads(running.cluster.nimbus.getTopologyConf(running.topology_id))["my.key"] == 1
    goes_on(running)
    settled(running)


def test_a_tuple_that_is_under_way_when_a_topology_rests_finds_its_bolt_in_a_new_container(run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "remembers.py")
    draft.bolt("relay", "relay.py", {"numbers": "shuffle"})
    draft.bolt("sink", "sink.py", {"relay": "shuffle"}, par=4)
    running = run(draft)
    goes_on(running)
    relay = running.notes("relay", what="handshake")[0]
    os.kill(relay["pid"], signal.SIGSTOP)
    at_least = len(running.notes("numbers", what="emit")) + 20
    until(lambda: len(running.notes("numbers", what="emit")) >= at_least, "tuples wait for the relay")
    running.cluster.nimbus.deactivate(running.name)
    until(lambda: running.notes("numbers", what="deactivate"), "the spout rests")
    moves = rebalance(running, wait_secs=0, num_workers=2)["moves"]
    assert moves
    assert {move["component"] for move in moves} == {"sink"}
    os.kill(relay["pid"], signal.SIGCONT)
    settled(running, is_active=False)
    assert running.notes("numbers", what="fail") == []


def test_a_topology_process_that_dies_in_the_middle_ends_in_the_right_plan(run: Run) -> None:
    running = run(steady(sink_count=6, spout_count=2), {"topology.workers": 2})
    goes_on(running)
    for worker_count in (4, 1, 3):
        order = idl.load().RebalanceOptions(wait_secs=0, num_workers=worker_count)
        running.cluster.nimbus.rebalance(running.name, order)
        (master,) = until(lambda: running.pids("scheduler.run.topology"), "one is there again")
        os.kill(master, signal.SIGKILL)
        until(lambda: running.info().status == "ACTIVE", "ACTIVE again")
        until_containers(running, worker_count)
        goes_on(running, 5)
    until(lambda: len(pids(running)) == 8, "all run")
    settled(running, is_counted=False)  # what ended containers had counted died with it


def test_a_kill_ends_a_rebalance(run: Run) -> None:
    running = run(steady())
    storm = idl.load()
    running.cluster.nimbus.rebalance(running.name, storm.RebalanceOptions(wait_secs=60, num_workers=2))
    with pytest.raises(
        TApplicationException, match="No transition for event: REBALANCE, status: REBALANCING"
    ):
        running.cluster.nimbus.rebalance(running.name, storm.RebalanceOptions())
    running.cluster.kill(running.name)
    assert running.processes() == {}


def test_another_conf_is_told_to_the_components_it_concerns_and_to_the_engine(run: Run) -> None:
    running = run(steady(), {"topology.max.spout.pending": 50})
    goes_on(running)
    before = pids(running)
    overrides = {"topology.max.spout.pending": 1, "topology.submitter.user": "eve"}
    announced = rebalance(running, wait_secs=1, topology_conf_overrides=json.dumps(overrides))
    assert announced["restarted"] == ["numbers", "sink"]
    assert announced["moves"] == []
    until(lambda: len(pids(running)) == 5 and not set(pids(running).values()) & set(before.values()))
    hellos = running.notes("numbers", what="handshake")
    assert [hello["conf"]["topology.max.spout.pending"] for hello in hellos] == [50, 1]
    stored = json.loads(running.cluster.nimbus.getTopologyConf(running.topology_id))
    assert stored["topology.max.spout.pending"] == 1
    assert stored["topology.submitter.user"] != "eve"
    goes_on(running)
    settled(running)
    assert running.notes("numbers", what="fail") == []


def test_the_command_line_shows_what_would_move_and_then_moves_it(run: Run, tmp_path: Path) -> None:
    running = run(steady())
    goes_on(running)
    before = pids(running)
    command = [BIN / "heronry", "rebalance", running.name, "--nimbus", running.cluster.address, "-n", "2"]
    code, shown = run_command(*command, "--dry-run", cwd=tmp_path)
    assert code == 0
    assert [line.split() for line in shown.splitlines()] == [
        ["TASK", "COMPONENT", "FROM", "TO"],
        ["5", "sink", "1", "2"],
        ["6", "sink", "1", "2"],
        [],
        ["CONTAINER", "TASKS"],
        ["1", "3", "stays"],
        ["2", "2", "starts"],
    ]
    assert running.info().status == "ACTIVE"
    assert pids(running) == before
    code, shown = run_command(*command, "-w", "1", "-e", "sink=1", cwd=tmp_path)
    assert (code, shown.splitlines()[-1]) == (0, f"{running.name} is ACTIVE")
    until_containers(running, 2)
    until(lambda: len(pids(running)) == 5, "all run")
    after = pids(running)
    assert {task for task in before if before[task] != after[task]} == {5, 6}
    settled(running)
