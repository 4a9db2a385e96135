"""The example from end to end: exact counts, and what happens when its processes are killed or cannot start.

Kills are real: SIGKILL to a component, a container, the topology process and nimbus.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cluster import BIN, Cluster, Counts, Draft, Running, mark_of, until
from tests.cluster import run as run_command
from tests.compat.conftest import Run
from tests.compat.word_count import Project, counted, counted_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.differs("How components run is Heronry's own"),
]

SPLIT, COUNT, SPOUT = "bolts.split.SplitBolt", "bolts.count.CountBolt", "spouts.sentences.SentenceSpout"

# Without the help of a timeout: what a dead process had must fail at once.
KILLED = {
    "word_count.sentences": 8000,
    "topology.max.spout.pending": 300,
    "topology.message.timeout.secs": 600,
}

Submit = Callable[..., Running]


@pytest.fixture
def submit(cluster: Cluster, tmp_path: Path) -> Iterator[Submit]:
    """Submit the example by sparse, with options; it is killed after the test."""
    project = Project(tmp_path, cluster)
    results = tmp_path / "results"
    results.mkdir()

    def submit_wc(workers: int = 1, *, par: Mapping[int, int] | None = None, **options: object) -> Running:
        project.change_par(par or {})
        options = {"topology.workers": workers, "word_count.result_file": results, **options}
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        code, output = project.submit("wc", "-j", project.jar, *words)
        assert code == 0, output
        topology_id = cluster.nimbus.getTopologySummaryByName("wc").id
        return Running(cluster, "wc", topology_id, results)

    yield submit_wc
    for name in cluster.names():
        Running(cluster, name, cluster.nimbus.getTopologySummaryByName(name).id).show()
        cluster.kill(name)


def results(running: Running) -> Path:
    assert running.folder is not None
    return running.folder


def said_all_acked(running: Running) -> tuple[int, int]:
    """Wait for the spout's own word; return how many were acked and how many failed before."""
    pattern = r"all (\d+) sentences were acked, after (\d+) fails"
    found = until(lambda: re.findall(pattern, running.log()), "the spout said that all were acked")
    assert len(found) == 1
    acked, failed = found[0]
    return int(acked), int(failed)


def place_of_tasks(running: Running) -> dict[str, set[int]]:
    ports: dict[str, set[int]] = {}
    for executor in running.info().executors:
        ports.setdefault(executor.component_id, set()).add(executor.port)
    return ports


@pytest.mark.parametrize(("workers", "spouts", "bolts"), [(1, 1, 2), (2, 1, 2), (3, 2, 4)])
def test_2000_sentences_are_counted_exactly(submit: Submit, workers: int, spouts: int, bolts: int) -> None:
    running = submit(workers, par={1: spouts, 2: bolts}, **{"word_count.sentences": 2000 // spouts})
    wanted = counted(2000)
    until(lambda: running.log().count(f"all {2000 // spouts} sentences were acked, after 0 fails") == spouts)
    until(lambda: counted_in(results(running)) == wanted, "the result files are complete")
    until(lambda: running.counts("count").acked == wanted.total())
    until(lambda: running.counts("sentence_spout") == Counts(emitted=2000, acked=2000, failed=0))
    until(lambda: running.counts("split") == Counts(emitted=wanted.total(), acked=2000, failed=0))
    assert len(running.pids("scheduler.run.container")) == workers
    assert [len(running.pids(words)) for words in (SPOUT, SPLIT, COUNT)] == [spouts, bolts, bolts]
    assert {e.error for errors in running.info().errors.values() for e in errors} == set()
    # A word is counted by one task only.
    files = [set(json.loads(path.read_text())) for path in results(running).glob("*.json")]
    assert sum(map(len, files)) == len(wanted)


def test_the_unmodified_project_runs_accelerated(submit: Submit) -> None:
    running = submit(2, par={2: 2}, **{"word_count.sentences": 2000, "heronry.accelerate": "true"})
    wanted = counted(2000)
    said_all_acked(running)
    until(lambda: counted_in(results(running)) == wanted, "the result files are complete")
    until(lambda: running.counts("sentence_spout") == Counts(emitted=2000, acked=2000, failed=0))
    for words in (SPOUT, SPLIT, COUNT):
        for pid in running.pids(words):
            mapped = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PYTHONPATH=" in mapped
            assert b"multilang/standin/path" in mapped
    assert "pystorm StormHandler" not in running.log()
    assert "logging to the host from level" in running.log()


# -- kills ----------------------------------------------------------------------


def test_a_killed_component_loses_no_sentence_and_disturbs_no_other(submit: Submit) -> None:
    running = submit(1, **KILLED)
    until(lambda: running.counts("sentence_spout").acked > 0)
    before = {words: running.pids(words) for words in (SPLIT, COUNT, SPOUT, "scheduler.run")}
    victim, survivor = before[SPLIT]
    os.kill(victim, signal.SIGSTOP)  # so that it has work in hand when it dies
    until(lambda: _pending(running) == 300)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(pids := running.pids(SPLIT)) == 2 and victim not in pids, "it runs again")
    assert survivor in running.pids(SPLIT)
    for words in (COUNT, SPOUT, "scheduler.run"):
        assert running.pids(words) == before[words]
    [error] = until(lambda: running.errors("split"))
    assert "signal 9" in error
    assert "(restart 1)" in error
    acked, failed = said_all_acked(running)
    assert acked == 8000
    assert 0 < failed <= 300
    # At least once: what failed was said again.
    wanted = counted(8000)
    until(lambda: counted_in(results(running)) >= wanted)
    until(lambda: running.counts("sentence_spout") == Counts(8000 + failed, 8000, failed))


def test_a_killed_container_is_replaced_and_in_the_end_all_is_acked(submit: Submit) -> None:
    running = submit(2, **KILLED)
    until(lambda: running.counts("sentence_spout").acked > 0)
    spout = running.pids(SPOUT)
    home = _container_of(spout[0])
    containers = {_container_of(pid): pid for pid in running.pids("scheduler.run.container")}
    [(other, victim)] = [(number, pid) for number, pid in containers.items() if number != home]
    its_components = {pid for pid in running.processes() if _container_of(pid) == other}
    os.kill(victim, signal.SIGSTOP)
    until(lambda: _pending(running) == 300)
    os.kill(victim, signal.SIGKILL)
    until(lambda: not its_components & running.processes().keys(), "its components are gone")
    until(lambda: len(running.pids("scheduler.run.container")) == 2, "it is replaced")
    acked, failed = said_all_acked(running)
    assert acked == 8000
    assert 0 < failed <= 300
    assert running.pids(SPOUT) == spout
    assert containers[home] in running.pids("scheduler.run.container")
    [error] = running.errors("__system")
    assert f"container {other} " in error
    assert "signal 9" in error


def test_without_the_topology_process_tuples_go_on_and_its_successor_adopts(submit: Submit) -> None:
    running = submit(2, **{"topology.max.spout.pending": 300})
    until(lambda: running.counts("sentence_spout").acked > 0)
    before = _pids_below_the_master(running)
    [master] = running.pids("scheduler.run.topology")
    os.kill(master, signal.SIGKILL)
    until(lambda: running.pids("scheduler.run.topology") not in ([], [master]), "there is another one")
    _goes_on_and_counts_exactly(running)
    assert _pids_below_the_master(running) == before


def test_without_nimbus_tuples_go_on_and_the_next_one_adopts_and_kills(submit: Submit) -> None:
    running = submit(2, **{"topology.max.spout.pending": 300})
    cluster = running.cluster
    until(lambda: running.counts("sentence_spout").acked > 0)
    before = running.processes().keys()
    cluster.kill_nimbus()
    so_far = counted_in(results(running)).total()
    until(lambda: counted_in(results(running)).total() > so_far + 1000)
    cluster.start()
    assert cluster.names() == ["wc"]
    assert running.info().status == "ACTIVE"
    _goes_on_and_counts_exactly(running)
    assert running.processes().keys() == before
    cluster.kill("wc")
    assert running.processes() == {}


def test_19_a_kill_that_waits_happens_though_nimbus_dies(submit: Submit) -> None:
    running = submit()
    until(lambda: running.counts("sentence_spout").acked > 0)
    cluster = running.cluster
    cluster.kill_later("wc", 2)
    cluster.kill_nimbus()
    cluster.start()
    until(lambda: cluster.names() == [])
    assert running.processes() == {}


def _pending(running: Running) -> int:
    spout = running.counts("sentence_spout")
    return spout.emitted - spout.acked - spout.failed


def _goes_on_and_counts_exactly(running: Running) -> None:
    """Look that sentences go on; then stop them, and compare what was said with what was counted."""
    so_far = until(lambda: running.counts("sentence_spout").acked)
    until(lambda: running.counts("sentence_spout").acked > so_far + 500)
    running.cluster.nimbus.deactivate(running.name)
    until(lambda: running.info().status == "INACTIVE" and _pending(running) == 0)
    spout = running.counts("sentence_spout")
    assert spout == Counts(emitted=spout.emitted, acked=spout.emitted, failed=0)
    wanted = counted(spout.emitted)
    until(lambda: counted_in(results(running)) == wanted, "exactly what was said is counted")


def _pids_below_the_master(running: Running) -> set[int]:
    return {pid for pid, line in running.processes().items() if "scheduler.run.topology" not in line}


def _container_of(pid: int) -> int:
    return int(mark_of(pid).rpartition("/")[2] or -1)


# -- what cannot run --------------------------------------------------------------


def broken(command: str, script: str) -> Draft:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=3)
    draft.bolt("fine", "sink.py", {"numbers": "shuffle"})
    draft.bolt("broken", script, {"fine": "shuffle"}, command=command)
    return draft


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        (("no_such_program", "x.py"), ["no program 'no_such_program' on PATH"]),
        (
            ("streamparse_run", "-s json bolts.nowhere.NoBolt"),
            ["streamparse_run '-s json bolts.nowhere.NoBolt'", "code 1", "No module named"],
        ),
        (("/bin/sh", "ends.sh"), ["/bin/sh ends.sh", "code 2", "ends.sh"]),
    ],
)
def test_a_component_that_cannot_run_is_explained_and_tried_again(
    run: Run, cluster: Cluster, tmp_path: Path, command: tuple[str, str], texts: list[str]
) -> None:
    running = run(broken(*command))
    error = until(lambda: [e for e in running.errors("broken") if "(restart 2)" in e])[0]
    folder = cluster.root / "topologies" / running.topology_id / "resources"
    for text in (*texts, str(folder)):
        assert text in error
    until(lambda: running.counts("numbers").acked == 3)
    [pid] = {note["pid"] for note in running.notes("fine")}
    assert running.pids("sink.py") == [pid]
    code, output = _heronry("status", running.name, cluster=cluster, cwd=tmp_path)
    assert code == 0, output
    for text in texts:
        assert text in output
    assert "restart" in output


def _heronry(*words: str, cluster: Cluster, cwd: Path) -> tuple[int, str]:
    return run_command(BIN / "heronry", *words, cwd=cwd, HERONRY_NIMBUS=cluster.address, COLUMNS="400")
