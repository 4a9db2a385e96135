"""The unmodified `sparse` of streamparse 5; numbers are those of the list of acceptance checks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from tests.cluster import Cluster, Running, until
from tests.compat.conftest import is_real_storm
from tests.compat.word_count import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


class User:
    """Somebody with a project; `running` tells of what they submitted."""

    def __init__(self, project: Project, cluster: Cluster) -> None:
        self.project = project
        self.cluster = cluster
        self.sparse, self.submit = project.sparse, project.submit

    def running(self, name: str) -> Running:
        topology_id = self.cluster.nimbus.getTopologySummaryByName(name).id
        return Running(self.cluster, name, topology_id)


@pytest.fixture
def user(cluster: Cluster, tmp_path: Path) -> Iterator[User]:
    user = User(Project(tmp_path, cluster), cluster)
    yield user
    for name in cluster.names():
        user.running(name).show()
        cluster.kill(name)


def test_29_33_submit_list_and_kill(user: User) -> None:
    began = time.monotonic()
    code, output = user.submit("wc", "-j", user.project.jar, "-o", "word_count.sentences=50")
    assert code == 0, output
    assert "done" in output
    assert time.monotonic() - began < 30
    running = user.running("wc")
    until(lambda: running.counts("sentence_spout").acked == 50)
    started = {line.partition(" ")[2] for line in running.processes().values() if "streamparse_run" in line}
    assert {line.partition("streamparse_run")[2] for line in started} == {
        " -s json bolts.count.CountBolt",
        " -s json bolts.split.SplitBolt",
        " -s json spouts.sentences.SentenceSpout",
    }
    assert user.cluster.nimbus.getTopologySummaryByName("wc").num_workers == 1

    code, output = user.sparse("list", "-e", "prod")
    assert code == 0, output
    # The table is narrow, so its cells are cut over several lines.
    rows = [line.split("|") for line in output.splitlines() if line.startswith("|")]
    columns = {"".join(cell.strip() for cell in cells) for cells in zip(*rows, strict=True)}
    assert {"namewc", "statusACTIVE", "num_workers1", f"id{running.topology_id}"} <= columns, output

    code, output = user.sparse("kill", "-e", "prod", "-n", "wc", "--wait", "0")
    assert code == 0, output
    until(lambda: user.cluster.names() == [])
    until(lambda: running.processes() == {})


def test_30_submit_with_force_replaces_what_runs(user: User) -> None:
    assert user.submit("wc", "-j", user.project.jar)[0] == 0
    first = user.running("wc").topology_id
    code, output = user.submit("wc", "-f", "--wait", "1", "-j", user.project.jar)
    assert code == 0, output
    assert "Killed." in output
    second = user.running("wc").topology_id
    assert second != first
    assert user.cluster.names() == ["wc"]


def test_31_submitting_a_running_name_is_refused(user: User) -> None:
    assert user.submit("wc", "-j", user.project.jar)[0] == 0
    first = user.running("wc").topology_id
    code, output = user.submit("wc", "-j", user.project.jar)
    assert code == 1
    assert "ValueError: Nimbus says wc is an invalid name for a Storm topology." in output
    assert user.running("wc").topology_id == first


def test_32_a_jar_that_is_there_already_may_be_named_but_no_other_file(user: User) -> None:
    location = user.cluster.upload(user.project.jar.read_bytes())
    code, output = user.submit("wc", "-R", location, "-o", "word_count.sentences=5")
    assert code == 0, output
    until(lambda: user.running("wc").counts("sentence_spout").acked == 5)
    code, output = user.submit("thief", "-R", "/etc/passwd")
    if is_real_storm(user.cluster):
        assert code == 0, output
        return
    assert code == 1
    assert "InvalidTopologyException" in output
    assert user.cluster.names() == ["wc"]


def test_33_killing_what_is_not_there_says_so(user: User) -> None:
    code, output = user.sparse("kill", "-e", "prod", "-n", "nope", "--wait", "0")
    assert code == 1
    assert "NotAliveException" in output
    assert "nope is not alive" in output


def test_submitted_inactive_no_component_runs(user: User) -> None:
    assert user.submit("wc", "-i", "-j", user.project.jar)[0] == 0
    running = user.running("wc")
    assert running.info().status == "INACTIVE"
    assert running.pids("streamparse_run") == []


@pytest.mark.differs("Storm's UI and logviewer are not on Maven Central")
@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="sparse stats needs a setuptools older than Python 3.12"
)
def test_34_stats_of_all_kinds_are_complete(user: User) -> None:
    user.project.know_ui(int(user.cluster.ui.rpartition(":")[2]))
    assert user.submit("wc", "-j", user.project.jar, "-o", "word_count.sentences=50")[0] == 0
    running = user.running("wc")
    until(lambda: running.counts("sentence_spout").acked == 50)

    def shown(*words: str) -> dict[str, list[dict[str, str]]]:
        code, output = user.sparse(*words, "-e", "prod")
        assert code == 0, output
        assert "MISSING" not in output
        return tables(output)

    cluster = shown("stats")
    (summary,) = cluster["Cluster summary"]
    assert (summary["stormVersion"], summary["supervisors"], summary["slotsUsed"]) == ("2.8.2", "1", "1")
    (topology,) = cluster["Topology summary"]
    assert (topology["name"], topology["id"], topology["status"]) == ("wc", running.topology_id, "ACTIVE")
    assert len(cluster["Supervisor summary"]) == 1

    whole = shown("stats", "-n", "wc")
    windows = ["10m 0s", "3h 0m 0s", "1d 0h 0m 0s", "All time"]
    assert [row["windowPretty"] for row in whole["Topology stats"]] == windows
    assert [row["acked"] for row in whole["Topology stats"]] == ["50"] * 4
    assert [row["spoutId"] for row in whole["Spouts (All time)"]] == ["sentence_spout"]
    assert {row["boltId"]: row["lastError"] for row in whole["Bolt (All time)"]} == {"count": "", "split": ""}

    spout = shown("stats", "-n", "wc", "-c", "sentence_spout")
    (row,) = spout["Spout stats"]
    assert (row["windowPretty"], row["emitted"]) == ("All time", "50")
    assert (row["acked"], row["failed"]) == ("50", "0")
    assert [row["stream"] for row in spout["Output stats (All time)"]] == ["default"]
    assert [row["port"] for row in spout["Executors (All time)"]] == ["6700"]

    bolt = shown("stats", "-n", "wc", "-c", "count")
    assert [row["windowPretty"] for row in bolt["Bolt stats"]] == windows
    (row,) = bolt["Input stats (All time)"]
    assert (row["component"], row["stream"], row["executed"]) == ("split", "default", row["acked"])

    (row,) = shown("slot_usage")["Slot (and Executor) Counts by Topology"]
    assert row == {"Host": "127.0.0.1", "wc": "1 (5)"}

    workers = shown("worker_uptime")["Worker Stats"]
    assert len(workers) == 5
    link = urlsplit(workers[0]["Log URL"].replace(" ", ""))
    assert (link.netloc, link.path) == (user.cluster.ui, "/api/v1/log")
    with urlopen(link.geturl(), timeout=20) as page:
        assert b"component started task=" in page.read()


def tables(output: str) -> dict[str, list[dict[str, str]]]:
    """Return title -> rows of the tables that sparse draws; cells cut over several lines are whole."""
    found: dict[str, list[dict[str, str]]] = {}
    rows: list[list[str]] = []
    for line in output.splitlines():
        if line.startswith("# "):
            title, rows = line[2:], []
        elif line.startswith("+"):
            if len(rows) > 1:
                found[title] = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
            rows.append([])
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows[-1] = [f"{a}{b}" for a, b in zip(rows[-1], cells, strict=True)] if rows[-1] else cells
    return found
