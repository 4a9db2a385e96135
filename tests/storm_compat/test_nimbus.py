"""The methods as clients call them: over a real socket, with a client that knows only the interface."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from thriftpy2.protocol import TBinaryProtocolFactory
from thriftpy2.rpc import make_client
from thriftpy2.thrift import TApplicationException
from thriftpy2.transport import TFramedTransportFactory

from storm_compat import conf as confs
from storm_compat.failures import misshapen
from storm_compat.nimbus import Nimbus
from storm_compat.stats import Machine
from storm_compat.thrift import idl
from storm_compat.thrift.server import ThriftServer
from storm_compat.uploads import Uploads
from tests.storm_compat.builders import common, grouping, jar, spout, topology, word_count
from tests.storm_compat.fakes import World, play

pytestmark = pytest.mark.timeout(30)


class Client:
    """A thriftpy2 client with what every story needs."""

    def __init__(self, port: int, world: World) -> None:
        self.thrift: Any = make_client(
            idl.load().Nimbus,
            "127.0.0.1",
            port,
            proto_factory=TBinaryProtocolFactory(),
            trans_factory=TFramedTransportFactory(),
            timeout=7000,
        )
        self.world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self.thrift, name)

    def upload(self, data: bytes | None = None) -> str:
        location: str = self.beginFileUpload()
        data = self.world.jar.read_bytes() if data is None else data
        for start in range(0, len(data), 100):
            self.uploadChunk(location, data[start : start + 100])
        self.finishFileUpload(location)
        return location

    def submit(self, name: str = "wc", code: Any = None, location: str | None = None, **conf: Any) -> None:
        text = json.dumps({key.replace("__", "."): value for key, value in conf.items()})
        self.submitTopology(name, location or self.upload(), text, code or word_count())

    def refusal(self, **submission: Any) -> str:
        with pytest.raises(idl.load().InvalidTopologyException) as caught:
            self.submit(**submission)
        return str(caught.value.msg)


Story = Callable[[Client], None]


@pytest.fixture
def served(tmp_path: Path) -> Callable[[Story], World]:
    """Return a function that plays a blocking story against a nimbus, in a thread beside its loop."""
    world = World(tmp_path)

    async def serve(story: Story) -> None:
        machine = Machine(
            host="h", port=1, version="2.8.2", started_at_s=world.now, cpu_count=2, memory_mb=1000
        )
        conf = confs.cluster({"storm.log.dir": "/logs"})
        async with world.nimbus() as topologies:
            blobs = world.blobs(topologies)
            handler = Nimbus(
                topologies, Uploads(world.layout.inbox), world.depot, machine, conf,
                blobs=blobs, wall=lambda: world.now,
            )  # fmt: skip
            server = ThriftServer(idl.load().Nimbus, handler, misshapen=misshapen)
            _, port = await server.start("127.0.0.1", 0)
            try:
                client = await asyncio.to_thread(Client, port, world)
                await asyncio.to_thread(story, client)
                client.close()
            finally:
                await server.close()
                blobs.close()

    def run(story: Story) -> World:
        play(lambda: serve(story))
        return world

    return run


def test_a_submission_from_upload_to_removal(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        assert client.getTopologySummaries() == []
        assert client.isTopologyNameAllowed("wc") is True
        client.submit(topology__workers=2)
        (summary,) = client.getClusterInfo().topologies
        assert (summary.id, summary.name, summary.status) == ("wc-1-1700000000", "wc", "ACTIVE")
        assert summary == client.getTopologySummaries()[0] == client.getTopologySummaryByName("wc")
        assert summary == client.getTopologySummary("wc-1-1700000000")
        assert client.isTopologyNameAllowed("wc") is False
        info = client.getTopologyInfo("wc-1-1700000000")
        assert info.executors
        assert client.getTopologyInfoByName("wc") == info
        options = idl.load().GetInfoOptions(num_err_choice=1)
        assert client.getTopologyInfoWithOpts("wc-1-1700000000", options).name == "wc"
        assert client.getTopologyInfoByNameWithOpts("wc", options).name == "wc"
        client.deactivate("wc")
        assert client.getTopologySummaryByName("wc").status == "INACTIVE"
        client.activate("wc")
        client.killTopologyWithOpts("wc", idl.load().KillOptions(wait_secs=0))
        while not client.isTopologyNameAllowed("wc"):
            pass
        assert client.getTopologySummaries() == []

    served(story)


def test_the_pages_of_a_topology_its_components_hosts_and_owners(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        client.submit(topology__workers=2)
        topology_id = "wc-1-1700000000"
        page = client.getTopologyPageInfo(topology_id, None, False)
        assert (page.name, page.id_to_bolt_agg_stats.keys()) == ("wc", {"count"})
        assert client.getTopologyPageInfo(topology_id, "600", True).id_to_bolt_agg_stats.keys() == {
            "__acker",
            "__system",
            "count",
        }
        component = client.getComponentPageInfo(topology_id, "count", None, None)
        assert (component.num_tasks, component.errors) == (2, [])
        hosted = client.getSupervisorPageInfo(None, "h", False)
        assert [worker.topology_id for worker in hosted.worker_summaries] == [topology_id] * 2
        [owner] = client.getOwnerResourceSummaries(None)
        assert (owner.owner, owner.total_topologies) == ("me", 1)
        with pytest.raises(TApplicationException, match="Could not find component with id nosuch"):
            client.getComponentPageInfo(topology_id, "nosuch", None, False)
        with pytest.raises(idl.load().NotAliveException):
            client.getTopologyPageInfo("nosuch", None, False)

    served(story)


def test_the_conf_and_both_forms_of_the_topology_come_back(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        client.submit(topology__workers=2, mine={"a": [1, None]})
        conf = json.loads(client.getTopologyConf("wc-1-1700000000"))
        assert conf["mine"] == {"a": [1, None]}
        assert conf["storm.id"] == "wc-1-1700000000"
        assert conf["topology.workers"] == 2
        user = client.getUserTopology("wc-1-1700000000")
        assert set(user.bolts) == {"count"}
        whole = client.getTopology("wc-1-1700000000")
        assert set(whole.bolts) == {"count", "__acker", "__system"}
        assert whole.spouts["words"].common.streams.keys() >= {"default", "__ack_init", "__metrics"}
        own = json.loads(whole.bolts["__acker"].common.json_conf)
        assert own == {"topology.tasks": 2, "topology.tick.tuple.freq.secs": 30}

    served(story)


def test_a_running_name_is_already_alive(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        client.submit()
        with pytest.raises(idl.load().AlreadyAliveException) as caught:
            client.submit()
        assert caught.value.msg == "wc is already alive"

    served(story)


def test_unknown_topologies_are_not_alive(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        not_alive = idl.load().NotAliveException
        for method in (
            "activate",
            "deactivate",
            "killTopology",
            "getTopologySummaryByName",
            "getTopologySummary",
        ):
            with pytest.raises(not_alive) as caught:
                getattr(client, method)("x")
            assert caught.value.msg == "x is not alive"
        for method in ("getTopologyInfo", "getTopologyConf", "getTopology", "getUserTopology"):
            with pytest.raises(not_alive) as caught:
                getattr(client, method)("x-1-2")
            assert caught.value.msg == "x-1-2"

    served(story)


def test_what_is_wrong_is_said_in_storms_words(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        assert "'a/b' is not valid" in client.refusal(name="a/b")
        assert client.refusal(topology__workers=0) == "Field TOPOLOGY_WORKERS must be a Positive Number"
        assert client.refusal(topology__debug="true").startswith("Field TOPOLOGY_DEBUG must be of type class")
        assert client.refusal(code=topology({"__x": spout()})) == "__x is not a valid component id."
        inputs = {("nobody", "default"): grouping("shuffle")}
        text = client.refusal(
            code=topology({"a": spout()}, {"b": idl.load().Bolt(spout().spout_object, common(inputs))})
        )
        assert text == "Component: [b] subscribes from non-existent component [nobody]"
        assert "no spout or bolt with a task" in client.refusal(code=topology({}))
        assert "no intact zip file" in client.refusal(location=client.upload(b"no zip"))
        assert client.getTopologySummaries() == []

    served(story)


def test_only_uploads_can_be_submitted(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        location = client.upload()
        client.submit("first", location=location)
        client.submit("again", location=location)
        assert "not a place that this nimbus gave out" in client.refusal(location="/etc/passwd")
        with pytest.raises(TApplicationException, match=r"does not exist \(or timed out\)") as caught:
            client.uploadChunk("/etc/passwd", b"x")
        assert caught.value.type == TApplicationException.INTERNAL_ERROR

    served(story)


def test_options_decide_whether_spouts_begin_at_once(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        storm = idl.load()
        for name, initial in (("on", "ACTIVE"), ("off", "INACTIVE")):
            status = getattr(storm.TopologyInitialStatus, initial)
            options = storm.SubmitOptions(initial_status=status)
            client.submitTopologyWithOpts(name, client.upload(), "{}", word_count(), options)
            assert client.getTopologySummaryByName(name).status == initial
        for options in (None, storm.SubmitOptions()):
            with pytest.raises(storm.InvalidTopologyException):
                client.submitTopologyWithOpts("x", client.upload(), "{}", word_count(), options)

    served(story)


def test_a_killed_topology_cannot_be_activated_and_the_connection_goes_on(
    served: Callable[[Story], World],
) -> None:
    def story(client: Client) -> None:
        client.submit()
        client.killTopologyWithOpts("wc", idl.load().KillOptions(wait_secs=60))
        assert client.getTopologySummaryByName("wc").status == "KILLED"
        with pytest.raises(TApplicationException, match="No transition for event: ACTIVATE") as caught:
            client.activate("wc")
        assert caught.value.type == TApplicationException.INTERNAL_ERROR
        assert client.getLeader().isLeader is True

    served(story)


def test_the_leader_and_the_conf_of_the_cluster(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        leader = client.getLeader()
        assert (leader.host, leader.port, leader.version, leader.tlsPort) == ("h", 1, "2.8.2", 0)
        conf = json.loads(client.getNimbusConf())
        assert conf["storm.log.dir"] == "/logs"
        assert conf["ui.port"] == 8080
        assert conf["topology.message.timeout.secs"] == 30

    served(story)


def test_java_clients_find_an_empty_blob_store(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        page = client.listBlobs("")
        assert page.keys == []
        assert page.session
        with pytest.raises(idl.load().KeyNotFoundException) as caught:
            client.getBlobMeta("k")
        assert caught.value.msg == "k"

    served(story)


def test_a_blob_from_its_creation_to_its_deletion(served: Callable[[Story], World]) -> None:
    storm = idl.load()
    other = storm.AccessControl(type=storm.AccessControlType.OTHER, name="", access=7)

    def story(client: Client) -> None:
        me = storm.AccessControl(type=storm.AccessControlType.USER, name="me", access=1)
        session = client.beginCreateBlob("k", storm.SettableBlobMeta(acl=[me], replication_factor=-1))
        client.uploadBlobChunk(session, b"abc")
        assert client.isRemoteBlobExists("k") is False
        assert client.isRemoteBlobExists("../keys/k\0") is False
        client.finishBlobUpload(session)
        client.createStateInZookeeper("k")
        assert client.isRemoteBlobExists("k") is True
        with pytest.raises(storm.KeyAlreadyExistsException) as caught:
            client.beginCreateBlob("k", storm.SettableBlobMeta(acl=[]))
        assert caught.value.msg == "k"
        meta = client.getBlobMeta("k")
        assert meta.settable == storm.SettableBlobMeta(acl=[me, other], replication_factor=1)
        assert client.updateBlobReplication("k", 3) == client.getBlobReplication("k") == 3
        client.setBlobMeta("k", storm.SettableBlobMeta(acl=[]))
        assert client.getBlobMeta("k").settable == storm.SettableBlobMeta(acl=[other], replication_factor=3)
        update = client.beginUpdateBlob("k")
        client.cancelBlobUpload(update)
        with pytest.raises(TApplicationException, match=r"^Blob for session .* does not exist"):
            client.uploadBlobChunk(update, b"x")
        download = client.beginBlobDownload("k")
        assert (download.version, download.data_size) == (meta.version, 3)
        chunks = [client.downloadBlobChunk(download.session) for _ in range(2)]
        assert chunks == [b"abc", b""]
        client.deleteBlob("k")
        with pytest.raises(storm.KeyNotFoundException):
            client.deleteBlob("k")

    served(story)


def test_the_blobs_of_a_topology_live_as_long_as_it(served: Callable[[Story], World]) -> None:
    storm = idl.load()

    def story(client: Client) -> None:
        client.submit()
        keys = client.listBlobs("").keys
        assert keys == [
            f"wc-1-1700000000-{kind}" for kind in ("stormcode.ser", "stormconf.ser", "stormjar.jar")
        ]
        download = client.beginBlobDownload(keys[1])
        conf = json.loads(gzip.decompress(client.downloadBlobChunk(download.session)))
        assert conf == json.loads(client.getTopologyConf("wc-1-1700000000"))
        jar = client.beginBlobDownload(keys[2])
        assert client.downloadBlobChunk(jar.session) == client.world.jar.read_bytes()
        with pytest.raises(storm.IllegalStateException, match="from under active topology wc-1-1700000000"):
            client.deleteBlob(keys[2])
        client.killTopologyWithOpts("wc", storm.KillOptions(wait_secs=0))
        for _ in range(1000):
            if not client.listBlobs("").keys:
                break
        with pytest.raises(storm.KeyNotFoundException):
            client.deleteBlob(keys[2])

    served(story)


@pytest.mark.parametrize("acl", [None, [(None, 7)]])
def test_meta_data_of_a_blob_must_be_whole(served: Callable[[Story], World], acl: Any) -> None:
    storm = idl.load()

    def story(client: Client) -> None:
        entries = acl and [storm.AccessControl(type=kind, access=mask) for kind, mask in acl]
        with pytest.raises(TApplicationException, match="is required, but not set"):
            client.beginCreateBlob("k", storm.SettableBlobMeta(acl=entries))

    served(story)


def test_a_rebalance_cannot_link_to_a_blob_that_is_not_there(served: Callable[[Story], World]) -> None:
    storm = idl.load()

    def story(client: Client) -> None:
        client.submit()
        overrides = json.dumps({"topology.blobstore.map": {"k": {}}})
        options = storm.RebalanceOptions(topology_conf_overrides=overrides)
        with pytest.raises(storm.InvalidTopologyException) as caught:
            client.rebalance("wc", options)
        assert caught.value.msg == "Key not found: k"
        with pytest.raises(storm.NotAliveException):
            client.rebalance("nope", options)
        assert client.getTopologySummaryByName("wc").status == "ACTIVE"

    served(story)


def test_supervisors_of_storms_are_answered(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        storm = idl.load()
        client.submit("wc")
        assert client.getSupervisorAssignments("x").storm_assignment == {}
        known, unknown = (
            storm.SupervisorWorkerHeartbeat(storm_id=topology_id, executors=[], time_secs=1)
            for topology_id in (client.getTopologySummaryByName("wc").id, "nope")
        )
        client.sendSupervisorWorkerHeartbeat(known)
        with pytest.raises(storm.NotAliveException):
            client.sendSupervisorWorkerHeartbeat(unknown)
        client.sendSupervisorWorkerHeartbeats(
            storm.SupervisorWorkerHeartbeats(supervisor_id="s", worker_heartbeats=[known, unknown])
        )
        client.processWorkerMetrics(
            storm.WorkerMetrics("nope", 6700, "h", storm.WorkerMetricList(metrics=[]))
        )

    served(story)


def test_nulls_are_answered_and_not_fatal(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        storm = idl.load()
        location = client.upload()
        for arguments in (
            (None, location, "{}", word_count()),
            ("a", None, "{}", word_count()),
            ("a", location, None, word_count()),
            ("a", location, "{}", None),
            ("a", location, "{}", storm.StormTopology()),
        ):
            with pytest.raises(storm.InvalidTopologyException):
                client.submitTopology(*arguments)
        with pytest.raises(storm.NotAliveException):
            client.killTopologyWithOpts(None, None)
        assert client.isTopologyNameAllowed(None) is False

    served(story)


def test_a_large_jar_is_unpacked(served: Callable[[Story], World]) -> None:
    def story(client: Client) -> None:
        data = jar(client.world.folder / "large.jar", {f"resources/{i}": str(i) * 50 for i in range(300)})
        client.submit(location=client.upload(data.read_bytes()))
        folder = client.world.layout.resources("wc-1-1700000000")
        assert len(list(folder.iterdir())) == 300

    served(story)
