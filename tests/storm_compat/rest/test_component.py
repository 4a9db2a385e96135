from typing import Any

from storm_compat import stats
from storm_compat.rest.component import component_page
from storm_compat.rest.texts import Site
from storm_compat.thrift import idl
from tests.storm_compat.rest.answers import ANSWER
from tests.storm_compat.views import MACHINE, NOW, alive

SITE = Site({"worker.profiler.enabled": True}, "127.0.0.1:8000")

COMMON = {
    "user", "id", "encodedId", "name", "executors", "tasks", "componentType", "requestedMemOnHeap",
    "requestedMemOffHeap", "requestedCpu", "requestedGenericResources", "schedulerDisplayResource",
    "topologyId", "encodedTopologyId", "topologyStatus", "window", "windowHint", "debug", "samplingPct",
    "profilingAndDebuggingCapable", "profileActionEnabled", "profilerActive", "outputStats", "executorStats",
    "componentErrors",
}  # fmt: skip


def page(component: str, **more: Any) -> dict[str, Any]:
    info = stats.component_page(
        alive(), ANSWER, MACHINE, NOW, component_id=component, window="600", is_include_sys=False
    )
    return component_page(info, "wc-1-17", "600", SITE, NOW, is_spout=component == "words", **more)


def test_a_spout() -> None:
    shown = page("words")
    assert shown.keys() == COMMON | {"spoutSummary"}
    assert (shown["id"], shown["name"], shown["componentType"]) == ("words", "wc", "spout")
    assert (shown["topologyStatus"], shown["windowHint"]) == ("ACTIVE", "10m 0s")
    assert shown["spoutSummary"][-1] == {
        "window": ":all-time",
        "windowPretty": "All time",
        "emitted": 9,
        "transferred": 18,
        "completeLatency": "1.500",
        "acked": 7,
        "failed": 2,
        "lastError": "",
    }
    assert shown["outputStats"] == [
        {
            "stream": "default",
            "emitted": 9,
            "transferred": 18,
            "completeLatency": "1.500",
            "acked": 7,
            "failed": 2,
        }
    ]
    (executor,) = shown["executorStats"]
    assert executor == {
        "id": "[5-5]",
        "encodedId": "%5B5-5%5D",
        "uptime": "4s",
        "uptimeSeconds": 4,
        "host": "h",
        "port": executor["port"],
        "emitted": 9,
        "transferred": 18,
        "completeLatency": "1.500",
        "acked": 7,
        "failed": 2,
        "workerLogLink": SITE.log_link("wc-1-17", executor["port"]),
    }


def test_a_bolt() -> None:
    shown = page("count")
    assert shown.keys() == COMMON | {"boltStats", "inputStats"}
    last = shown["boltStats"][-1]
    assert last == {
        "window": ":all-time",
        "windowPretty": "All time",
        "emitted": 5,
        "transferred": 2,
        "executeLatency": last["executeLatency"],
        "executed": 10,
        "processLatency": "1.500",
        "capacity": last["capacity"],
        "acked": 9,
        "failed": 1,
    }
    assert isinstance(last["capacity"], str)
    assert shown["inputStats"] == [
        {
            "component": "words",
            "encodedComponentId": "words",
            "stream": "default",
            "executeLatency": last["executeLatency"],
            "executed": 10,
            "processLatency": "1.500",
            "acked": 9,
            "failed": 1,
        }
    ]
    assert shown["outputStats"] == [{"stream": "default", "emitted": 5, "transferred": 2}]
    assert [executor["id"] for executor in shown["executorStats"]] == ["[3-3]", "[4-4]"]
    own = {"capacity", "executeLatency", "executed", "processLatency"}
    assert own <= shown["executorStats"][0].keys()


def test_errors_are_whole_and_newest_first() -> None:
    errors = page("count")["componentErrors"]
    assert [error["error"] for error in errors] == ["new", "old"]
    assert errors[0].keys() == {
        "error", "errorTime", "errorHost", "errorPort", "errorWorkerLogLink", "errorLapsedSecs",
    }  # fmt: skip
    assert errors[1]["errorLapsedSecs"] == 9


def test_workers_that_are_being_profiled() -> None:
    storm = idl.load()
    request = storm.ProfileRequest(
        storm.NodeInfo("h", [6700]), storm.ProfileAction.JPROFILE_STOP, int(NOW * 1000) + 5000
    )
    assert page("count", profiled=[request])["profilerActive"] == [
        {
            "host": "h",
            "port": "6700",
            "dumplink": "http://127.0.0.1:8000/api/v1/dumps/wc-1-17/h%3A6700",
            "timestamp": -5000,
        }
    ]
