"""Storm's own commands of 2.8.2, 2.0.0 and 1.2.4, unmodified; numbers are those of the acceptance checks."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.cluster import AnyCluster, Draft, Running, until
from tests.compat import jvm
from tests.compat.conftest import Run, is_real_storm
from tests.compat.storm_client import StormClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def small(count: int = 5, **options: object) -> Draft:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=count)
    draft.bolt("sink", "sink.py", {"numbers": ["value"]}, **options)
    return draft


def listed(storm: StormClient) -> dict[str, list[str]]:
    """Return name -> the columns behind it, of `storm list`."""
    done = storm("list")
    assert done.code == 0, done.output
    _, line, table = done.stdout.partition("-" * 20)
    rows = [row.split() for row in table.splitlines()[1:]] if line else []
    return {row[0]: row[1:] for row in rows if row}


@pytest.fixture
def jar(storm: StormClient, tmp_path: Path) -> Path:
    return storm.shell_jar(tmp_path)


# -- submissions ----------------------------------------------------------------


def test_01_02_an_empty_cluster_has_nothing_to_list(storm: StormClient) -> None:
    done = storm("list")
    assert done.code == 0, done.output
    assert "No topologies running." in done.stdout


def test_03_a_topology_of_shell_components_is_submitted_and_runs(
    storm: StormClient, cluster: AnyCluster, jar: Path, tmp_path: Path
) -> None:
    conf = {"test.count": 5, "test.folder": str(tmp_path)}
    done = storm.jar(jar, "ShellTopology", "wc", conf=conf)
    if is_real_storm(cluster) and storm.version == "1.2.4":
        assert done.code == 1
        assert "could not find a configured compatible version" in done.output
        return
    try:
        assert done.code == 0, done.output
        assert "Finished submitting topology: wc" in done.output
        status, *_ = listed(storm)["wc"]
        assert status == "ACTIVE"
        topology_id = cluster.nimbus.getTopologySummaryByName("wc").id
        assert re.fullmatch(r"wc-\d+-\d{10}", topology_id)
        running = Running(cluster, "wc", topology_id, tmp_path)
        if is_real_storm(cluster) and storm.version == "2.0.0":
            until(lambda: "array length because" in running.log())
            return
        until(lambda: running.counts("numbers").acked == 5)
        assert sorted(note["values"][0] for note in running.notes("sink", what="tuple")) == [0, 1, 2, 3, 4]
        assert len({note["pid"] for note in running.notes("sink", what="handshake")}) == 2
    finally:
        cluster.kill("wc")


def test_04_a_running_name_is_refused_before_anything_is_uploaded(
    storm: StormClient, cluster: AnyCluster, jar: Path, run: Run
) -> None:
    running = run(small(), is_active=False)
    uploaded = set(cluster.root.rglob("stormjar-*.jar"))
    done = storm.jar(jar, "ShellTopology", running.name)
    assert done.code == 1
    if storm.version == "2.8.2":
        text = f"Topology name {running.name} is either not allowed or it already exists on the cluster"
    else:
        text = f"Topology with name `{running.name}` already exists on cluster"
    assert text in done.output
    assert set(cluster.root.rglob("stormjar-*.jar")) == uploaded


@pytest.mark.parametrize("storm", ["2.8.2"], indirect=True)
def test_09_submitted_inactive_it_starts_with_storm_activate(
    storm: StormClient, cluster: AnyCluster, jar: Path, tmp_path: Path
) -> None:
    conf = {"test.count": 5, "test.folder": str(tmp_path)}
    done = storm.jar(jar, "ShellTopology", "wc", "inactive", conf=conf)
    try:
        assert done.code == 0, done.output
        assert listed(storm)["wc"][0] == "INACTIVE"
        running = Running(cluster, "wc", cluster.nimbus.getTopologySummaryByName("wc").id, tmp_path)
        until(lambda: running.info().executors)
        assert running.notes("numbers", what="emit") == []
        assert storm("activate", "wc").code == 0
        until(lambda: running.counts("numbers").acked == 5)
    finally:
        cluster.kill("wc")


# -- life-cycle -----------------------------------------------------------------


def test_10_deactivating_and_activating_twice_is_fine(storm: StormClient, run: Run) -> None:
    running = run(small())
    for command, status in (("deactivate", "INACTIVE"), ("activate", "ACTIVE")):
        for _ in range(2):
            done = storm(command, running.name)
            assert done.code == 0, done.output
            assert running.info().status == status


@pytest.mark.parametrize("words", [("activate",), ("deactivate",), ("kill",), ("rebalance", "-w", "1")])
def test_11_nothing_can_be_done_to_an_unknown_name(storm: StormClient, words: tuple[str, ...]) -> None:
    command, *more = words
    done = storm(command, "nosuch", *more)
    assert done.code == 1
    assert "NotAliveException(msg:nosuch is not alive)" in done.stderr


def test_12_a_kill_waits_and_keeps_the_name(storm: StormClient, run: Run) -> None:
    running = run(small())
    began = time.monotonic()
    done = storm("kill", running.name, "-w", "8")
    assert done.code == 0, done.output
    assert listed(storm)[running.name][0] == "KILLED"
    until(lambda: running.name not in running.cluster.names())
    assert time.monotonic() - began >= 8
    assert running.name not in listed(storm)


def test_13_a_kill_without_a_wait_waits_for_the_message_timeout(storm: StormClient, run: Run) -> None:
    running = run(small(), {"topology.message.timeout.secs": 3})
    began = time.monotonic()
    done = storm("kill", running.name)
    assert done.code == 0, done.output
    until(lambda: running.name not in running.cluster.names())
    assert time.monotonic() - began >= 3


def test_15_a_second_kill_without_a_wait_is_done_at_once(storm: StormClient, run: Run) -> None:
    running = run(small())
    assert storm("kill", running.name, "-w", "600").code == 0
    assert running.info().status == "KILLED"
    assert storm("kill", running.name, "-w", "0").code == 0
    until(lambda: running.name not in running.cluster.names())


def test_16_18_a_rebalance_changes_executors_and_keeps_tasks_and_status(storm: StormClient, run: Run) -> None:
    running = run(small(par=1, conf={"topology.tasks": 4}), is_active=False)
    until(lambda: len(running.info().executors) == 3)

    done = storm("rebalance", running.name, "-w", "1", "-n", "2", "-e", "sink=2")
    assert done.code == 0, done.output

    def tasks() -> list[tuple[int, int]]:
        infos = [e.executor_info for e in running.info().executors if e.component_id == "sink"]
        return sorted((info.task_start, info.task_end) for info in infos)

    until(lambda: running.info().status == "INACTIVE" and len(tasks()) == 2)
    (first, middle), (next_, last) = tasks()
    assert (middle - first, next_ - middle, last - next_) == (1, 1, 1)
    until(lambda: running.cluster.nimbus.getTopologySummaryByName(running.name).num_workers == 2)


def test_17_a_rebalance_of_an_unknown_component_names_it(storm: StormClient, run: Run) -> None:
    running = run(small(), is_active=False)
    done = storm("rebalance", running.name, "-e", "nosuch=2")
    assert done.code == 1
    assert "InvalidTopologyException" in done.stderr
    assert f"Invalid component nosuch for topology {running.name}, valid values are" in done.stderr
    assert running.info().status == "INACTIVE"


# -- what is told -----------------------------------------------------------------


def test_20_monitor_polls_growing_counts_on_one_connection(storm: StormClient, run: Run) -> None:
    running = run(small(count=1_000_000), {"topology.max.spout.pending": 1})
    until(lambda: running.counts("numbers").emitted > 0)
    lines: list[list[str]] = []

    def see(line: str) -> bool:
        if line.startswith(running.name) and "numbers" in line:
            lines.append(line.split())
        return len(lines) == 4

    storm.watch("monitor", running.name, "-m", "numbers", "-i", "1", until=see)
    assert all(words[1] == "numbers" for words in lines), lines
    counts = [int(words[5]) for words in lines]
    assert counts[-1] > 0


def test_21_get_errors_tells_the_last_error_of_each_component(storm: StormClient, run: Run) -> None:
    draft = small()
    draft.bolt("errs", "errs.py", {"numbers": "shuffle"})
    running = run(draft)
    until(lambda: any("trouble" in error for error in running.errors("errs")))
    done = storm("get-errors", running.name)
    assert done.code == 0, done.output
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["Topology Name"] == running.name
    assert "trouble" in told["Comp-Errors"]["errs"]

    done = storm("get-errors", "nosuch")
    assert done.code == 0, done.output
    assert json.loads(done.stdout.splitlines()[-1]) == {"Failure": "No topologies running with name nosuch"}


def test_22_log_levels_are_set_for_a_while(storm: StormClient, run: Run) -> None:
    running = run(small(), is_active=False)
    nimbus = running.cluster.nimbus

    done = storm("set_log_level", "-l", "ROOT=DEBUG:30", running.name)
    assert done.code == 0, done.output
    level = nimbus.getLogConfig(running.topology_id).named_logger_level["ROOT"]
    if not (is_real_storm(running.cluster) and storm.version == "2.0.0"):
        assert level.target_log_level == "DEBUG"
    assert 0 < level.reset_log_level_timeout_epoch / 1000 - time.time() <= 30

    done = storm("set_log_level", "-r", "ROOT", running.name)
    assert done.code == 0, done.output
    assert "ROOT" not in (nimbus.getLogConfig(running.topology_id).named_logger_level or {})

    done = storm("set_log_level", "-l", "ROOT=DEBUG", "nosuch")
    assert done.code == 1
    assert "nosuch is not a running topology" in done.output


def test_23_credentials_are_the_owners_to_give(storm: StormClient, run: Run) -> None:
    running = run(small(), is_active=False)
    done = storm("upload-credentials", running.name, "key", "value")
    assert done.code == 0, done.output
    if storm.version != "1.2.4":  # it cannot name anybody
        done = storm("upload-credentials", running.name, "-u", "otheruser", "key", "value")
        assert done.code == 1
        assert "AuthorizationException" in done.output


@pytest.mark.differs("ClusterSummary has nimbus_uptime_secs")
@pytest.mark.parametrize("storm", ["0.10.2"], indirect=True)
def test_43_storm_0_10_submits_lists_activates_and_kills(
    storm: StormClient, cluster: AnyCluster, jar: Path, tmp_path: Path
) -> None:
    conf = {"test.count": 5, "test.folder": str(tmp_path)}
    done = storm.jar(jar, "ShellTopology", "wc", "inactive", conf=conf)
    try:
        assert done.code == 0, done.output
        assert listed(storm)["wc"][0] == "INACTIVE"
        done = storm("activate", "wc")
        assert done.code == 0, done.output
        running = Running(cluster, "wc", cluster.nimbus.getTopologySummaryByName("wc").id, tmp_path)
        until(lambda: running.counts("numbers").acked == 5)
        done = storm("kill", "wc", "-w", "0")
        assert done.code == 0, done.output
        until(lambda: cluster.names() == [])
    finally:
        cluster.kill("wc")


# -- what others built ------------------------------------------------------------


@pytest.mark.differs("Components in Java are refused, by their names")
@pytest.mark.parametrize("storm", ["2.8.2"], indirect=True)
def test_components_in_java_are_refused_by_their_names(storm: StormClient, cluster: AnyCluster) -> None:
    [starter] = jvm.class_path("storm-starter-1.0.0")
    done = storm.jar(starter, "org.apache.storm.starter.FastWordCountTopology", "fast")
    assert done.code == 1
    assert "InvalidTopologyException" in done.output
    for name, java_class in (
        ("spout", "FastRandomSentenceSpout"),
        ("split", "SplitSentence"),
        ("count", "WordCount"),
    ):
        assert re.search(rf"\[{name}\] [^\[]*FastWordCountTopology\${java_class}\b", done.output), done.output
    assert cluster.names() == []


@pytest.mark.differs("Components of an inactive topology are not started")
@pytest.mark.parametrize("storm", ["2.8.2"], indirect=True)
def test_36_a_topology_of_5000_components_fits_into_the_frames_of_clients(
    storm: StormClient, run: Run
) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=1)
    for number in range(4999):
        draft.bolt(f"component-number-{number}", "sink.py", {"numbers": "shuffle"})
    running = run(draft, is_active=False)
    assert listed(storm)[running.name][:2] == ["INACTIVE", "5001"]
    done = storm("monitor", running.name)
    assert done.code == 0, done.output
    assert "component-number-4998" in done.output
    assert storm("kill", running.name, "-w", "0").code == 0
    until(lambda: running.name not in running.cluster.names())
