from typing import Any

from scheduler.control.messages import Answer
from storm_compat import stats
from storm_compat.rest import topology
from storm_compat.rest.texts import Site
from storm_compat.thrift import idl
from tests.storm_compat.rest.answers import ANSWER
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive

SITE = Site({}, "127.0.0.1:8000")


def page(answer: Answer = ANSWER) -> dict[str, Any]:
    info = stats.topology_page(alive(), answer, MACHINE, NOW, window=":all-time", is_include_sys=False)
    return topology.topology_page(info, ":all-time", SITE, NOW)


def test_the_page_says_what_the_topology_is() -> None:
    shown = page()
    wanted = {
        "id": "wc-1-17",
        "encodedId": "wc-1-17",
        "owner": "me",
        "name": "wc",
        "status": "ACTIVE",
        "uptime": "20s",
        "uptimeSeconds": 20,
        "tasksTotal": 5,
        "workersTotal": 2,
        "executorsTotal": 5,
        "replicationCount": 1,
        "topologyVersion": "7",
        "stormVersion": "1.2.4",
        "window": ":all-time",
        "windowHint": "All time",
        "msgTimeout": 30,
        "debug": False,
        "samplingPct": 10.0,
        "visualizationTable": [],
    }
    assert {key: shown[key] for key in wanted} == wanted
    assert shown["configuration"]["topology.workers"] == 2
    kinds = ("RegularOnHeap", "SharedOnHeap", "RegularOffHeap", "SharedOffHeap")
    for verb in ("requested", "assigned"):
        assert {f"{verb}{kind}Mem" for kind in kinds} <= shown.keys()
        assert {f"{verb}{what}" for what in ("MemOnHeap", "MemOffHeap", "TotalMem", "Cpu")} <= shown.keys()


def test_every_window_has_a_row_and_all_time_is_the_last() -> None:
    rows = page()["topologyStats"]
    assert [row["window"] for row in rows] == ["600", "10800", "86400", ":all-time"]
    assert rows[-1] == {
        "windowPretty": "All time",
        "window": ":all-time",
        "emitted": 14,
        "transferred": 20,
        "completeLatency": "1.500",
        "acked": 7,
        "failed": 2,
    }


def test_a_spout_and_a_bolt_with_its_last_error() -> None:
    shown = page()
    (spout,), (bolt,) = shown["spouts"], shown["bolts"]
    resources = {"requestedMemOnHeap", "requestedMemOffHeap", "requestedCpu", "requestedGenericResourcesComp"}
    counts = {"executors", "tasks", "emitted", "transferred", "acked", "failed"}
    error = {"lastError", "errorHost", "errorPort", "errorTime", "errorLapsedSecs", "errorWorkerLogLink"}
    assert spout.keys() == counts | resources | error | {"spoutId", "encodedSpoutId", "completeLatency"}
    assert (spout["spoutId"], spout["emitted"], spout["acked"]) == ("words", 9, 7)
    assert (spout["completeLatency"], spout["lastError"], spout["errorTime"]) == ("1.500", "", None)
    own = {"boltId", "encodedBoltId", "capacity", "executeLatency", "executed", "processLatency"}
    assert bolt.keys() == counts | resources | error | own
    assert (bolt["boltId"], bolt["executed"], bolt["acked"], bolt["failed"]) == ("count", 10, 9, 1)
    assert (bolt["lastError"], bolt["errorHost"], bolt["errorLapsedSecs"]) == ("new", "h", 1)
    assert bolt["errorWorkerLogLink"].startswith("http://127.0.0.1:8000/api/v1/log?file=wc-1-17%2F670")


def test_a_long_error_is_cut() -> None:
    info = stats.topology_page(alive(), ANSWER, MACHINE, NOW, window=":all-time", is_include_sys=False)
    info.id_to_bolt_agg_stats["count"].last_error.error = "e" * 1000
    assert topology.topology_page(info, "600", SITE, NOW)["bolts"][0]["lastError"] == "e" * 200


def test_before_the_first_report_there_are_zeros() -> None:
    shown = page(NOTHING)
    assert [row["emitted"] for row in shown["topologyStats"]] == [0, 0, 0, 0]
    assert (shown["spouts"][0]["emitted"], shown["bolts"][0]["capacity"]) == (0, "0.000")
    assert len(shown["workers"]) == 2


def test_where_the_workers_are() -> None:
    info = stats.topology_info(alive(), ANSWER, MACHINE, NOW)
    assert topology.worker_list(info, SITE) == {
        "hostPortList": [{"host": "h", "port": 6700}, {"host": "h", "port": 6701}],
        "logviewerPort": 8000,
        "logviewerScheme": "http",
    }


def test_log_levels() -> None:
    storm = idl.load()
    level = storm.LogLevel(
        action=storm.LogLevelAction.UPDATE,
        target_log_level="DEBUG",
        reset_log_level_timeout_secs=30,
        reset_log_level_timeout_epoch=1_700_000_000_000,
    )
    config = storm.LogConfig(named_logger_level={"ROOT": level})
    assert topology.log_levels(config) == {
        "namedLoggerLevels": {
            "ROOT": {
                "target_level": "DEBUG",
                "reset_level": None,
                "timeout": 30,
                "timeout_epoch": 1_700_000_000_000,
            }
        }
    }
    assert topology.log_levels(storm.LogConfig()) == {"namedLoggerLevels": {}}
