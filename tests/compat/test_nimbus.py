"""Nimbus as Thrift clients see it; numbers are those of the list of acceptance checks."""

from __future__ import annotations

import csv
import json
import os
import socket
import struct
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from thriftpy2.thrift import TApplicationException

from storm_compat.thrift import idl
from storm_compat.thrift.check import check
from tests.cluster import CHILDREN, Cluster, Draft, Running, jar_of, until
from tests.compat.conftest import Run, is_real_storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

STORM = idl.load()
INTERFACE = Path(__file__).parents[1] / "storm_compat" / "thrift" / "storm-interface.tsv"
META = STORM.SettableBlobMeta(acl=[])
# thriftpy2's own servers close after 3 s; CI waits the five minutes that a user may take over lunch.
IDLE_S = float(os.environ.get("HERONRY_TEST_IDLE_S", "5"))
OPTIONS = STORM.SubmitOptions(initial_status=STORM.TopologyInitialStatus.ACTIVE)
PROFILE = STORM.ProfileRequest(
    nodeInfo=STORM.NodeInfo(node="x", port=[6700]), action=STORM.ProfileAction.JVM_RESTART
)


@pytest.fixture(scope="module")
def streamparse_idl() -> ModuleType:
    """The interface as streamparse has it: that of Storm 1.2."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports are from another age
        from streamparse.thrift import storm_thrift
    module: ModuleType = storm_thrift
    return module


def small(count: int = 5) -> Draft:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=count)
    draft.bolt("sink", "sink.py", {"numbers": ["value"]})
    return draft


def refusal(cluster: Cluster, draft: Draft, conf: Mapping[str, Any] | None = None) -> str:
    """Return why a submission is refused; nothing of it may stay."""
    with pytest.raises(STORM.InvalidTopologyException) as caught:
        cluster.submit("refused", draft, conf)
    assert "refused" not in cluster.names()
    message: str = caught.value.msg
    return message


def status(running: Running) -> str | None:
    """Return the status in the cluster's summary, None when it is gone."""
    summaries = {s.name: s for s in running.cluster.nimbus.getClusterInfo().topologies}
    return summaries[running.name].status if running.name in summaries else None


# -- submissions ----------------------------------------------------------------


def test_05_a_running_name_is_already_alive(cluster: Cluster, run: Run) -> None:
    running = run(small())
    assert cluster.nimbus.isTopologyNameAllowed(running.name) is False
    jar = cluster.upload(b"")
    with pytest.raises(STORM.AlreadyAliveException) as caught:
        cluster.nimbus.submitTopology(running.name, jar, "{}", small().build(STORM))
    assert caught.value.msg == f"{running.name} is already alive"
    until(lambda: running.counts("numbers").acked == 5)  # and nothing happened to it


@pytest.mark.parametrize(
    ("source", "grouping", "text"),
    [
        ("nobody", "shuffle", "Component: [sink] subscribes from non-existent component [nobody]"),
        (
            "numbers:none",
            "shuffle",
            "Component: [sink] subscribes from non-existent stream: [none] of component [numbers]",
        ),
        (
            "numbers",
            ["value", "no", "nor"],
            (
                "Component: [sink] subscribes from stream: [default] of component [numbers] "
                "+ with non-existent fields: [no, nor]"
            ),
        ),
    ],
)
def test_06_an_input_that_does_not_exist_is_named(
    cluster: Cluster, source: str, grouping: Any, text: str
) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py")
    draft.bolt("sink", "sink.py", {source: grouping})
    assert refusal(cluster, draft) == text


@pytest.mark.parametrize(
    ("conf", "name"),
    [
        ({"topology.workers": 0}, "TOPOLOGY_WORKERS"),
        ({"topology.workers": "2"}, "TOPOLOGY_WORKERS"),
        ({"topology.debug": "true"}, "TOPOLOGY_DEBUG"),
    ],
)
def test_07_a_wrong_value_is_refused_by_its_key(cluster: Cluster, conf: dict[str, Any], name: str) -> None:
    assert name in refusal(cluster, small(), conf).upper().replace(".", "_")


def test_08_ids_that_belong_to_storm_are_refused(cluster: Cluster) -> None:
    draft = Draft()
    draft.spout("__x", "counting.py")
    assert refusal(cluster, draft) == "__x is not a valid component id."


@pytest.mark.differs("Components of an inactive topology are not started")
def test_09_submitted_inactive_nothing_runs_until_it_is_activated(run: Run) -> None:
    running = run(small(), is_active=False)
    another = run(small())
    until(lambda: another.counts("numbers").acked == 5)
    assert running.info().status == "INACTIVE"
    assert running.notes("numbers") == running.notes("sink") == []
    assert running.counts("numbers").emitted == 0
    running.cluster.nimbus.activate(running.name)
    assert status(running) == "ACTIVE"
    until(lambda: running.counts("numbers").acked == 5)


@pytest.mark.differs("Components of an inactive topology are not started before it is activated")
def test_09_submitted_inactive_it_has_no_process_at_all(run: Run) -> None:
    running = run(small(), is_active=False)
    another = run(small())
    until(lambda: another.counts("numbers").acked == 5)
    assert running.info().sched_status == "starts when it is activated"
    assert running.pids("") == []
    running.cluster.nimbus.activate(running.name)
    until(lambda: running.pids("scheduler.run.container") and running.info().sched_status == "")


# -- life-cycle -----------------------------------------------------------------


def test_10_deactivating_and_activating_twice_is_fine(cluster: Cluster, run: Run) -> None:
    running = run(small())
    for _ in range(2):
        assert cluster.nimbus.deactivate(running.name) is None
        assert status(running) == running.info().status == "INACTIVE"
    for _ in range(2):
        assert cluster.nimbus.activate(running.name) is None
        assert status(running) == running.info().status == "ACTIVE"


def test_11_nothing_can_be_done_to_an_unknown_name(cluster: Cluster) -> None:
    calls = [
        ("activate", ()),
        ("deactivate", ()),
        ("killTopology", ()),
        ("killTopologyWithOpts", (STORM.KillOptions(wait_secs=0),)),
    ]
    for method, more in calls:
        with pytest.raises(STORM.NotAliveException) as caught:
            getattr(cluster.nimbus, method)("nosuch", *more)
        assert caught.value.msg == "nosuch is not alive"


def test_12_a_kill_waits_keeps_the_name_and_frees_it(cluster: Cluster, run: Run) -> None:
    running = run(small())
    until(lambda: running.counts("numbers").acked == 5)
    until(lambda: running.info().uptime_secs >= 1)
    uptime_s = running.info().uptime_secs
    began = time.monotonic()
    cluster.kill_later(running.name, 3)
    assert status(running) == "KILLED"
    assert running.info().uptime_secs >= uptime_s
    assert cluster.nimbus.isTopologyNameAllowed(running.name) is False
    with pytest.raises(STORM.AlreadyAliveException):
        cluster.submit(running.name, small())
    until(lambda: status(running) is None)
    assert time.monotonic() - began >= 3
    assert cluster.nimbus.isTopologyNameAllowed(running.name) is True
    again = cluster.submit(running.name, small(), {"test.folder": str(running.folder)})
    assert again != running.topology_id
    until(lambda: cluster.nimbus.getTopologyInfo(again).executors)


def test_13_a_kill_without_a_wait_waits_for_the_message_timeout(cluster: Cluster, run: Run) -> None:
    running = run(small(), {"topology.message.timeout.secs": 2})
    began = time.monotonic()
    cluster.nimbus.killTopology(running.name)
    assert status(running) == "KILLED"
    until(lambda: status(running) is None, timeout_s=20)
    assert time.monotonic() - began >= 2
    until(lambda: running.processes() == {})


def test_14_15_activating_the_killed_fails_but_killing_it_again_sooner_works(
    cluster: Cluster, run: Run
) -> None:
    running = run(small())
    cluster.kill_later(running.name, 60)
    client = cluster.connect()
    with pytest.raises(TApplicationException) as caught:
        client.activate(running.name)
    assert caught.value.type == TApplicationException.INTERNAL_ERROR
    assert client.getTopologySummaryByName(running.name).status == "KILLED"
    began = time.monotonic()
    client.killTopologyWithOpts(running.name, STORM.KillOptions(wait_secs=0))
    until(lambda: status(running) is None, timeout_s=20)
    assert time.monotonic() - began < 20
    until(lambda: running.processes() == {})


# -- the wire -------------------------------------------------------------------


def test_37_hostile_frames_close_their_own_connection_only(cluster: Cluster) -> None:
    unframed = b"\x80\x01\x00\x01\x00\x00\x00\x09getLeader\x00\x00\x00\x01\x00"
    nested = b"\x80\x01\x00\x01" + struct.pack(">i", 8) + b"activate" + b"\0\0\0\1" + b"\x0c\0\x09" * 100_000
    hostile = [
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        struct.pack(">i", 2**31 - 1) + b"x" * 100,
        struct.pack(">i", -1),
        struct.pack(">i", 0),
        unframed,
        struct.pack(">i", 40) + b"\xff" * 40,
        struct.pack(">i", len(nested)) + nested,
    ]
    bystander = cluster.connect()
    before = bystander.getLeader()
    unfinished = socket.create_connection((cluster.host, cluster.port))
    with unfinished:
        unfinished.sendall(struct.pack(">i", 10_000_000) + b"\x80\x01")
        for data in hostile:
            with socket.create_connection((cluster.host, cluster.port), timeout=20) as sender:
                sender.sendall(data)
                answer = b""
                while chunk := sender.recv(65536):
                    answer += chunk
            assert len(answer) < 1000, data
            assert bystander.getLeader().port == before.port
    if not is_real_storm(cluster):
        assert cluster.output().count("Traceback") == 0


@pytest.mark.timeout(IDLE_S + 60)
def test_38_a_connection_may_idle(cluster: Cluster) -> None:
    client = cluster.connect()
    assert client.getLeader().isLeader
    silent_until = time.monotonic() + IDLE_S
    until(lambda: time.monotonic() > silent_until, timeout_s=IDLE_S + 10)
    assert client.getLeader().isLeader


@pytest.mark.differs("ClusterSummary has nimbus_uptime_secs")
def test_43_a_client_of_the_first_versions_finds_the_uptime_it_requires(
    cluster: Cluster, streamparse_idl: ModuleType
) -> None:
    summary = cluster.connect(streamparse_idl.Nimbus).getClusterInfo()
    assert isinstance(summary.nimbus_uptime_secs, int)
    assert summary.nimbus_uptime_secs == summary.nimbuses[0].uptime_secs


def test_44_a_component_page_needs_no_window(cluster: Cluster, run: Run) -> None:
    running = run(small())
    until(lambda: running.counts("numbers").acked == 5)
    for component in ("numbers", "sink"):
        page = cluster.nimbus.getComponentPageInfo(running.topology_id, component, None, False)
        assert (page.component_id, page.num_executors, page.num_tasks) == (component, 1, 1)
        assert {":all-time", "600", "10800", "86400"} == set(page.window_to_stats)
        assert len(page.exec_stats) == 1
        [stats] = page.exec_stats
        assert stats.exec_summary.component_id == component
    if not is_real_storm(cluster):  # which has no inputs for a window that nobody named
        page = cluster.nimbus.getComponentPageInfo(running.topology_id, "sink", None, False)
        assert page.gsid_to_input_stats


@pytest.mark.differs("There are no supervisors of Storm's")
def test_every_method_of_the_interface_is_answered_on_one_connection(cluster: Cluster, run: Run) -> None:
    running = run(small())
    name, topology_id = running.name, running.topology_id
    jar = cluster.upload(jar_of(CHILDREN))
    upload = cluster.nimbus.beginFileUpload()
    blob = cluster.nimbus.beginCreateBlob("every", META)
    cancelled = cluster.nimbus.beginCreateBlob("every2", META)
    heartbeat = STORM.SupervisorWorkerHeartbeat(topology_id, [], 1)
    supported: dict[str, tuple[Any, ...]] = {
        "beginFileUpload": (),
        "uploadChunk": (upload, b"x"),
        "finishFileUpload": (upload,),
        "submitTopology": ("all", jar, "{}", small().build(STORM)),
        "submitTopologyWithOpts": ("all2", jar, "{}", small().build(STORM), OPTIONS),
        "isTopologyNameAllowed": ("fresh",),
        "activate": (name,),
        "deactivate": (name,),
        "killTopology": ("all",),
        "killTopologyWithOpts": ("all2", STORM.KillOptions(wait_secs=0)),
        "getLeader": (),
        "getClusterInfo": (),
        "getNimbusConf": (),
        "getTopologySummaries": (),
        "getTopologySummaryByName": (name,),
        "getTopologySummary": (topology_id,),
        "getTopologyInfo": (topology_id,),
        "getTopologyInfoWithOpts": (topology_id, STORM.GetInfoOptions()),
        "getTopologyInfoByName": (name,),
        "getTopologyInfoByNameWithOpts": (name, STORM.GetInfoOptions()),
        "getTopologyPageInfo": (topology_id, ":all-time", False),
        "getComponentPageInfo": (topology_id, "sink", None, False),
        "getSupervisorPageInfo": (None, None, True),
        "getOwnerResourceSummaries": (None,),
        "getTopologyConf": (topology_id,),
        "getTopology": (topology_id,),
        "getUserTopology": (topology_id,),
        "listBlobs": ("",),
        "uploadBlobChunk": (blob, b"x"),
        "finishBlobUpload": (blob,),
        "cancelBlobUpload": (cancelled,),
        "beginCreateBlob": ("every3", META),
        "beginUpdateBlob": ("every",),
        "getBlobMeta": ("every",),
        "setBlobMeta": ("every", META),
        "beginBlobDownload": ("every",),
        "downloadBlobChunk": (cluster.nimbus.beginBlobDownload(f"{topology_id}-stormjar.jar").session,),
        "getBlobReplication": ("every",),
        "updateBlobReplication": ("every", 2),
        "isRemoteBlobExists": ("every",),
        "createStateInZookeeper": ("every",),
        "deleteBlob": ("every",),
        "rebalance": (name, STORM.RebalanceOptions(wait_secs=0)),
        "setLogConfig": (topology_id, STORM.LogConfig(named_logger_level={})),
        "getLogConfig": (topology_id,),
        "debug": (name, "numbers", False, 10.0),
        "uploadNewCredentials": (name, STORM.Credentials(creds={"key": "value"})),
        "setWorkerProfiler": (topology_id, PROFILE),
        "getComponentPendingProfileActions": (topology_id, "numbers", STORM.ProfileAction.JSTACK_DUMP),
        "getTopologyHistory": ("me",),
        "beginFileDownload": (f"{topology_id}-stormjar.jar",),
        "downloadChunk": (cluster.nimbus.beginFileDownload(f"{topology_id}-stormjar.jar"),),
        "getSupervisorAssignments": ("elsewhere",),
        "sendSupervisorWorkerHeartbeats": (STORM.SupervisorWorkerHeartbeats("s", [heartbeat]),),
        "sendSupervisorWorkerHeartbeat": (heartbeat,),
        "processWorkerMetrics": (STORM.WorkerMetrics(topology_id, 6700, "h", STORM.WorkerMetricList([])),),
    }
    nothing = {
        "uploadChunk",
        "finishFileUpload",
        "submitTopology",
        "submitTopologyWithOpts",
        "activate",
        "deactivate",
        "killTopology",
        "killTopologyWithOpts",
        "uploadBlobChunk",
        "finishBlobUpload",
        "cancelBlobUpload",
        "setBlobMeta",
        "createStateInZookeeper",
        "deleteBlob",
        "rebalance",
        "setLogConfig",
        "debug",
        "uploadNewCredentials",
        "setWorkerProfiler",
        "sendSupervisorWorkerHeartbeats",
        "sendSupervisorWorkerHeartbeat",
        "processWorkerMetrics",
    }
    with INTERFACE.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    every = [row["name"] for row in rows if (row["kind"], row["owner"]) == ("method", "Nimbus")]
    assert len(every) == 55
    client = cluster.connect(timeout_s=20)
    for method, arguments in supported.items():
        answer = getattr(client, method)(*arguments)
        assert (answer is None) is (method in nothing), method
        if answer is not None:  # thriftpy2 does not mind what is missing, Java does
            check(getattr(STORM.Nimbus, f"{method}_result")(success=answer), method)
    assert set(every) <= supported.keys()
    assert json.loads(client.getNimbusConf())["nimbus.thrift.port"] == cluster.port
    cluster.kill("all")


@pytest.mark.parametrize("state", ["ACTIVE", "INACTIVE", "KILLED", "REBALANCING"])
def test_replies_have_all_that_the_interface_requires_in_every_status(
    cluster: Cluster, run: Run, state: str
) -> None:
    running = run(small(), is_active=state != "INACTIVE")
    name, topology_id, nimbus = running.name, running.topology_id, cluster.nimbus
    if state == "KILLED":
        cluster.kill_later(name, 600)
    elif state == "REBALANCING":
        nimbus.rebalance(name, STORM.RebalanceOptions(wait_secs=600))
    for is_include_sys in (False, True):
        check(nimbus.getTopologyPageInfo(topology_id, None, is_include_sys), "page")
        for component in ("numbers", "sink", "__acker"):
            check(nimbus.getComponentPageInfo(topology_id, component, None, is_include_sys), component)
        check(nimbus.getSupervisorPageInfo(None, nimbus.getLeader().host, is_include_sys), "supervisors")
    info = nimbus.getTopologyInfo(topology_id)
    check(info, "info")
    assert info.status == state
    check(nimbus.getClusterInfo(), "cluster")
    check(nimbus.getTopology(topology_id), "topology")


def test_clients_of_another_idl_submit_look_and_kill(cluster: Cluster, streamparse_idl: ModuleType) -> None:
    storm: Any = streamparse_idl
    client = cluster.connect(storm.Nimbus, timeout_s=7)
    location = client.beginFileUpload()
    client.uploadChunk(location, jar_of(CHILDREN))
    client.finishFileUpload(location)
    options = storm.SubmitOptions(initial_status=storm.TopologyInitialStatus.INACTIVE)
    conf = json.dumps({"topology.workers": 1, "topology.message.timeout.secs": 30})
    client.submitTopologyWithOpts("other", location, conf, small().build(storm), options)

    def summary() -> Any:
        [found] = [s for s in client.getClusterInfo().topologies if s.name == "other"]
        return found

    until(lambda: (summary().num_workers, summary().num_tasks) == (1, 3))
    assert summary().status == "INACTIVE"
    assert {e.component_id for e in client.getTopologyInfo(summary().id).executors} == {
        "numbers",
        "sink",
        "__acker",
    }
    client.killTopologyWithOpts("other", storm.KillOptions(wait_secs=0))
    until(lambda: "other" not in {s.name for s in client.getClusterInfo().topologies})
