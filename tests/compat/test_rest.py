"""HTTP of a real cluster: logs, orders, clients that mean no good; numbers are of the acceptance checks."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import psutil
import pytest

from tests.cluster import Cluster, Draft, until
from tests.compat.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.differs("Storm's UI and logviewer are not on Maven Central"),
]

DATED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster") / "root", "--rest-writes") as cluster:
        yield cluster


def ask(
    cluster: Cluster, path: str, method: str = "GET", data: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """Return the status and the body of /api/v1/PATH."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"http://{cluster.ui}/api/v1/{path}", method=method, data=data, headers=sent
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def page(cluster: Cluster, path: str) -> Any:
    status, body = ask(cluster, path)
    assert status == 200, body
    return json.loads(body)


def is_served(cluster: Cluster) -> bool:
    try:
        return ask(cluster, "cluster/summary")[0] == 200
    except OSError:  # turned away
        return False


def numbers() -> Draft:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=10)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"})
    return draft


def test_lines_of_logs_are_dated_and_no_name_leads_out_of_their_folder(cluster: Cluster, run: Run) -> None:
    running = run(numbers())
    until(lambda: running.counts("numbers").acked == 10)
    name = f"{running.topology_id}%2F6700%2Fworker.log"
    status, body = ask(cluster, f"download?file={name}")
    path = cluster.root / "logs" / "workers-artifacts" / running.topology_id / "6700" / "worker.log"
    assert status == 200
    assert path.read_bytes().startswith(body)
    assert all(DATED.match(line) for line in body.decode().splitlines())
    for wrong in (
        "..%2F..%2Fetc%2Fpasswd",
        "..%2F..%2F..%2F..%2F..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        f"{running.topology_id}%2F6700%2F..%2F..%2F..%2Fnimbus.log",
        f"{running.topology_id}%2F6700",
    ):
        assert ask(cluster, f"download?file={wrong}")[0] == 404, wrong
        assert ask(cluster, f"log?file={wrong}")[0] == 404, wrong


def test_links_in_pages_lead_to_logs(cluster: Cluster, run: Run) -> None:
    running = run(numbers())
    until(lambda: running.info().sched_status == "")
    shown = page(cluster, f"topology/{running.topology_id}")
    links = [worker["workerLogLink"] for worker in shown["workers"]]
    links += [nimbus["nimbusLogLink"] for nimbus in page(cluster, "nimbus/summary")["nimbuses"]]
    links += [machine["logLink"] for machine in page(cluster, "supervisor/summary")["supervisors"]]
    assert len(links) == 3
    for link in links:
        with urllib.request.urlopen(link, timeout=30) as answer:
            assert b"<pre" in answer.read()


def test_rest_and_thrift_say_the_same(cluster: Cluster, run: Run) -> None:
    running = run(numbers())
    until(lambda: running.counts("numbers").acked == 10)
    shown = page(cluster, f"topology/{running.topology_id}")
    (spout,) = shown["spouts"]
    counts = running.counts("numbers")
    assert (spout["emitted"], spout["acked"], spout["failed"]) == (
        counts.emitted,
        counts.acked,
        counts.failed,
    )
    assert shown["configuration"]["topology.name"] == running.name
    (listed,) = [t for t in page(cluster, "topology/summary")["topologies"] if t["name"] == running.name]
    assert listed["status"] == running.info().status


def test_orders_without_a_token_and_none_from_strangers_pages(cluster: Cluster, run: Run) -> None:
    running = run(numbers())
    base = f"topology/{running.topology_id}"
    for headers in (
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        assert ask(cluster, f"{base}/deactivate", "POST", **headers)[0] == 403
    assert running.info().status == "ACTIVE"
    assert ask(cluster, f"{base}/deactivate", "POST")[0] == 200
    assert running.info().status == "INACTIVE"
    assert ask(cluster, f"{base}/activate", "POST")[0] == 200
    assert running.info().status == "ACTIVE"
    assert ask(cluster, f"{base}/kill/0", "POST")[0] == 200
    until(lambda: running.name not in cluster.names())


def test_orders_change_what_runs(cluster: Cluster, run: Run) -> None:
    running = run(numbers())
    until(lambda: running.counts("numbers").acked == 10)
    base = f"topology/{running.topology_id}"
    levels = b'{"namedLoggerLevels": {"ROOT": {"target_level": "DEBUG", "timeout": 60}}}'
    status, body = ask(cluster, f"{base}/logconfig", "POST", levels)
    assert (status, json.loads(body)["namedLoggerLevels"]["ROOT"]["target_level"]) == (200, "DEBUG")
    assert (
        cluster.nimbus.getLogConfig(running.topology_id).named_logger_level["ROOT"].target_log_level
        == "DEBUG"
    )

    (worker,) = page(cluster, base)["workers"]
    before = set(running.pids("scheduler.run.container"))
    status, body = ask(cluster, f"{base}/profiling/restartworker/{worker['host']}:{worker['port']}", "POST")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    until(lambda: len(now := set(running.pids("scheduler.run.container"))) == 1 and not now & before)

    ask(cluster, f"{base}/rebalance/0", "POST", b'{"rebalanceOptions": {"numWorkers": 2}}')
    until(lambda: page(cluster, base)["workersTotal"] == 2 and page(cluster, base)["status"] == "ACTIVE")


def test_metrics_count_what_thrift_counts(cluster: Cluster, run: Run) -> None:
    running = run(numbers())
    until(lambda: running.counts("numbers").acked == 10)
    with urllib.request.urlopen(f"http://{cluster.ui}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    labels = f'component="numbers",stream="default",topology="{running.name}"'
    assert f"heronry_spout_acked_tuples_total{{{labels}}} 10.0" in lines


def test_hostile_clients_of_http_do_no_harm(cluster: Cluster) -> None:
    page(cluster, "cluster/summary")
    nimbus = psutil.Process(cluster.pid)
    host, _, port = cluster.ui.partition(":")
    order = b"POST /api/v1/topology/x/rebalance/0 HTTP/1.1\r\nHost: localhost\r\n"
    garbage = [
        b"\0" * 100_000,
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 100_000 + b"\r\n",
        order + b"Content-Length: 99999999999\r\n\r\n",
        order + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x80\x01\x00\x01",
    ]
    before = nimbus.num_fds()
    for _ in range(20):
        for data in garbage:
            with socket.create_connection((host, int(port)), timeout=10) as client, suppress(OSError):
                client.sendall(data)
        assert cluster.nimbus.getLeader().isLeader
    assert page(cluster, "cluster/summary")["supervisors"] == 1
    until(lambda: nimbus.num_fds() < before + 20)
    # They are told, but nobody else must read about it.
    assert "Traceback" not in (cluster.root / "logs" / "nimbus.log").read_text()


def test_many_idle_clients_of_http_leave_thrift_alone(cluster: Cluster) -> None:
    host, _, port = cluster.ui.partition(":")
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        assert cluster.nimbus.getClusterInfo().supervisors
    until(lambda: is_served(cluster))
