"""The routes, over HTTP, with the real handler behind them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from scheduler.state.records import Status
from storm_compat.thrift import idl
from tests.storm_compat.rest.served import Site, serve
from tests.storm_compat.views import MACHINE

pytestmark = pytest.mark.timeout(30)


def test_pages_of_an_empty_cluster(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        assert (await site.get("cluster/summary"))["topologies"] == 0
        assert (await site.get("cluster/configuration"))["storm.log.dir"] == str(site.logs)
        assert [nimbus["status"] for nimbus in (await site.get("nimbus/summary"))["nimbuses"]] == ["Leader"]
        assert len((await site.get("supervisor/summary"))["supervisors"]) == 1
        assert (await site.get("topology/summary"))["topologies"] == []
        assert (await site.get("owner-resources"))["owners"] == []
        assert (await site.get("owner-resources/nobody"))["totalTopologies"] == 0

    serve(tmp_path, story)


def test_every_page_of_a_topology(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        (listed,) = (await site.get("topology/summary"))["topologies"]
        assert listed["id"] == topology_id
        whole = await site.get(f"topology/{topology_id}")
        assert await site.get(f"topology/{topology_id}/metrics") == whole
        assert [spout["spoutId"] for spout in whole["spouts"]] == ["words"]
        assert (await site.get(f"topology/{topology_id}?window=600"))["windowHint"] == "10m 0s"
        for component, kind in (("words", "spout"), ("count", "bolt")):
            page = await site.get(f"topology/{topology_id}/component/{component}")
            assert (page["id"], page["componentType"], page["topologyId"]) == (component, kind, topology_id)
        assert (await site.get(f"topology-workers/{topology_id}"))["hostPortList"] == [
            {"host": "h", "port": 6700}
        ]
        assert (await site.get(f"topology/{topology_id}/visualization")).keys() == {"words", "count"}
        boxes = await site.get(f"topology/{topology_id}/visualization-init")
        assert {":stream": "default", ":sani-stream": "default", ":checked": True} in [
            box for row in boxes["visualizationTable"] for box in row[":row"]
        ]
        assert await site.get(f"topology/{topology_id}/lag") == {}
        assert (await site.get("owner-resources/me"))["topologies"][0]["id"] == topology_id
        (supervisor,) = (await site.get("supervisor/summary"))["supervisors"]
        workers = (await site.get(f"supervisor?id={supervisor['id']}"))["workers"]
        assert [worker["topologyId"] for worker in workers] == [topology_id]

    serve(tmp_path, story)


def test_names_with_odd_letters_may_come_encoded_or_not(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit("{my} top+\u00fc")
        assert (await site.get(f"topology/{quote(topology_id, safe='')}"))["name"] == "{my} top+\u00fc"
        await site.get(f"topology-workers/{quote(topology_id, safe='')}")
        page = await site.get(f"topology/{quote(topology_id)}/component/nope%2Fno", 500)
        assert "nope/no" in page["errorMessage"]
        page = await site.get(f"topology/{quote(topology_id)}/component/nope/no", 500)
        assert "nope/no" in page["errorMessage"]
        page = await site.get(f"topology/{quote(topology_id)}/component/a%0Ab", 500)
        assert "a\nb" in page["errorMessage"]

    serve(tmp_path, story)


def test_orders_change_the_topology(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        for order, status in (
            ("deactivate", Status.INACTIVE),
            ("activate", Status.ACTIVE),
            ("kill/60", Status.KILLED),
        ):
            done = await site.post(f"topology/{topology_id}/{order}")
            operation = order.partition("/")[0]
            assert done == {"topologyOperation": operation, "topologyId": topology_id, "status": "success"}
            assert site.topologies.named("wc").status.status is status
        assert site.topologies.named("wc").status.wait_s == 60

    serve(tmp_path, story)


def test_a_rebalance_waits_and_takes_numbers_from_its_body(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        body = {"rebalanceOptions": {"numWorkers": 2, "executors": {"count": 1}}}
        done = await site.post(f"topology/{topology_id}/rebalance/60", body=body)
        assert done["topologyOperation"] == "rebalance"
        status = site.topologies.named("wc").status
        assert (status.status, status.wait_s) == (Status.REBALANCING, 60)
        body = {"rebalanceOptions": {"executors": {"nosuch": 1}}}
        other = await site.submit("other")
        refused = await site.post(f"topology/{other}/rebalance/60", 500, body=body)
        assert "nosuch" in refused["errorMessage"]

    serve(tmp_path, story)


def test_orders_are_refused_when_read_only(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        refused = await site.post(f"topology/{topology_id}/kill/0", 403)
        assert refused["error"] == "403 Forbidden"
        assert "--rest-writes" in refused["errorMessage"]
        assert site.topologies.named("wc").status.status is Status.ACTIVE

    serve(tmp_path, story, may_write=False)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example"},
        {"Referer": "https://evil.example/"},
    ],
)
def test_orders_of_strangers_pages_are_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        await site.post(f"topology/{topology_id}/kill/0", 403, **headers)
        assert site.topologies.named("wc").status.status is Status.ACTIVE

    serve(tmp_path, story)


def test_orders_that_cannot_be_are_answered_with_the_reason(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        assert (
            "the wait must be" in (await site.post(f"topology/{topology_id}/kill/soon", 400))["errorMessage"]
        )
        assert (await site.post("topology/nope-1-2/kill/0", 500))["errorMessage"] == "nope-1-2 is not alive"
        await site.get(f"topology/{topology_id}/kill/0", 405)
        await site.post(f"topology/{topology_id}/kill/60")
        late = await site.post(f"topology/{topology_id}/activate", 500)
        assert "No transition for event" in late["errorMessage"]

    serve(tmp_path, story)


def test_profiling_is_answered_as_switched_off(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        for order in ("start/h:6700/5", "stop/h:6700", "dumpjstack/h:6700"):
            done = await site.post(f"topology/{topology_id}/profiling/{order}")
            assert done == {
                "status": "disabled",
                "message": "Profiling is not enabled on this server",
            }
        await site.post(f"topology/{topology_id}/profiling/start/h/5", 400)

    serve(tmp_path, story)


def test_errors_have_storms_form(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        assert await site.get("topology/nope", 500) == {
            "error": "500 Server Error",
            "errorMessage": "nope is not alive",
        }
        assert (await site.get("nothing/here", 404))["error"] == "404 Not Found"
        assert "window must be" in (await site.get("topology/x?window=soon", 400))["errorMessage"]

    serve(tmp_path, story)


def test_headers_and_callbacks(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        status, headers, body = await site.raw("/api/v1/topology/summary?callback=a.b")
        assert (status, body[:18]) == (200, b'a.b({"topologies":')
        assert body.endswith(b");")
        assert headers["Content-Type"].startswith("application/javascript")
        for wrong in ("alert(1)", "a b", "%3Cscript%3E", "a" * 129, ""):
            _, headers, body = await site.raw(f"/api/v1/topology/summary?callback={wrong}")
            assert body.startswith(b'{"topologies":')
        assert headers["Content-Type"].startswith("application/json")
        assert headers["Cache-Control"] == "no-cache, no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
        _, headers, _ = await site.raw("/api/v1/topology/summary", Origin="http://localhost:3000")
        assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        status, _, _ = await site.raw("/api/v1/topology/summary?callback=a", Sec_Fetch_Site="cross-site")
        assert status == 403

    serve(tmp_path, story)


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        refused = await site.post(f"topology/{topology_id}/rebalance/0", 413, body="x" * 2_000_000)
        assert refused["error"].startswith("413")

    serve(tmp_path, story)


def test_what_nobody_expected_is_answered_with_an_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(site: Site) -> None:
        site.topologies.all = None
        failed = await site.get("topology/summary", 500)
        assert failed["error"] == "500 Server Error"
        error_id = failed["errorMessage"].split()[2].rstrip(";")
        assert error_id in caplog.text

    serve(tmp_path, story)


AUTHORIZERS = "org.apache.storm.security.auth.authorizer."


def test_an_authorizer_decides_about_pages_logs_and_metrics(tmp_path: Path) -> None:
    paths = ("/api/v1/cluster/summary", "/api/v1/daemonlog?file=nimbus.log", "/api/v1/listLogs", "/metrics")

    async def refused(site: Site) -> None:
        for path in paths:
            status, _, body = await site.raw(path)
            assert (status, json.loads(body)["error"]) == (401, "401 Unauthorized"), path

    async def allowed(site: Site) -> None:
        (site.logs / "nimbus.log").write_text("")
        for path in paths:
            assert (await site.raw(path))[0] == 200, path

    acl = f"{AUTHORIZERS}SimpleACLAuthorizer"
    serve(tmp_path / "a", refused, nimbus__authorizer=f"{AUTHORIZERS}DenyAuthorizer")
    serve(tmp_path / "b", refused, nimbus__authorizer=acl)
    serve(tmp_path / "c", allowed, nimbus__authorizer=acl, debug__simple__transport__user="me")


class Recording:
    """A handler that only remembers what it is told, and has one log level and one profile."""

    machine = MACHINE

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def getLeader(self) -> None:  # noqa: N802  Thrift's names
        """Allow everything."""

    def getTopologySummary(self, topology_id: str) -> Any:  # noqa: N802
        return idl.load().TopologySummary(id=topology_id, name="wc")

    def setLogConfig(self, *arguments: Any) -> None:  # noqa: N802
        self.calls.append(("setLogConfig", *arguments))

    def getLogConfig(self, topology_id: str) -> Any:  # noqa: N802
        del topology_id
        storm = idl.load()
        level = storm.LogLevel(action=storm.LogLevelAction.UPDATE, target_log_level="DEBUG")
        return storm.LogConfig(named_logger_level={"ROOT": level})

    def debug(self, *arguments: Any) -> None:
        self.calls.append(("debug", *arguments))

    def setWorkerProfiler(self, *arguments: Any) -> None:  # noqa: N802
        self.calls.append(("setWorkerProfiler", *arguments))

    def getTopologyHistory(self, user: str | None) -> Any:  # noqa: N802
        del user
        return idl.load().TopologyHistoryInfo(topo_ids=["old-1-2"])


def record(tmp_path: Path, story: Callable[[Site], Awaitable[None]], **conf: Any) -> list[tuple[Any, ...]]:
    handler = Recording()
    serve(tmp_path, story, handler=handler, **conf)
    return handler.calls


def test_log_levels_are_set_one_logger_at_a_time(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        levels = {"ROOT": {"target_level": "DEBUG", "timeout": 30}, "x": {"target_level": None}}
        shown = await site.post("topology/wc-1-2/logconfig", body={"namedLoggerLevels": levels})
        assert shown["namedLoggerLevels"]["ROOT"]["target_level"] == "DEBUG"
        assert await site.get("topology/wc-1-2/logconfig") == shown

    calls = record(tmp_path, story)
    assert [(name, topology_id) for name, topology_id, _ in calls] == [("setLogConfig", "wc-1-2")] * 2
    assert [list(config.named_logger_level) for _, _, config in calls] == [["ROOT"], ["x"]]


def test_debugging_is_ordered_by_name_for_all_or_one_component(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        done = await site.post("topology/wc-1-2/debug/enable/30")
        assert done["topologyOperation"] == "debug/enable"
        await site.post("topology/wc-1-2/component/my%2Fbolt/debug/disable/0")
        await site.post("topology/wc-1-2/debug/on/30", 400)

    assert record(tmp_path, story) == [
        ("debug", "wc", "", True, 30.0),
        ("debug", "wc", "my/bolt", False, 0.0),
    ]


def test_profiling_is_passed_on_where_it_is_switched_on(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        started = await site.post("topology/wc-1-2/profiling/start/h:6700/5")
        assert started == {
            "status": "ok",
            "id": "h:6700",
            "timeout": "5",
            "dumplink": "http://127.0.0.1:8000/api/v1/dumps/wc-1-2/h%3A6700",
        }
        assert await site.post("topology/wc-1-2/profiling/dumpheap/h:6700") == {
            "status": "ok",
            "id": "h:6700",
        }

    calls = record(tmp_path, story, worker__profiler__enabled=True)
    storm = idl.load()
    assert [(request.action, request.nodeInfo.port) for _, _, request in calls] == [
        (storm.ProfileAction.JPROFILE_STOP, [6700]),
        (storm.ProfileAction.JMAP_DUMP, [6700]),
    ]


def test_a_worker_is_started_again_without_a_profiler(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        done = await site.post("topology/wc-1-2/profiling/restartworker/h:6701")
        assert done == {"status": "ok", "id": "h:6701"}

    ((_, topology_id, request),) = record(tmp_path, story)
    assert (topology_id, request.nodeInfo.port) == ("wc-1-2", [6701])
    assert request.action == idl.load().ProfileAction.JVM_RESTART


def test_the_history(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        assert await site.get("history/summary") == {"topo-history": ["old-1-2"]}
        missing = await site.get("cluster/summary", 501)
        assert missing["errorMessage"] == "getClusterInfo is not supported yet"

    record(tmp_path, story)
