from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from scheduler.control.messages import Answer, ContainerState, Counts, ErrorReport
from storm_compat import stats
from storm_compat.stats.view import WINDOWS
from storm_compat.thrift import idl
from storm_compat.thrift.check import check
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive, report

ANSWER = Answer(
    True,
    [ContainerState(1, 5, True, 0, 7.5, "h", 1), ContainerState(2, 6, True, 0, 8.0, "h", 2)],
    [
        report(
            3,
            "count",
            emitted={"default": 5},
            transferred={"default": 2},
            executed={"words:default": 9},
            acked={"words:default": 8},
            failed={"words:default": 1},
            latency_ms_sum={"words:default": 6.0},
            latency_count={"words:default": 4},
        ),
        report(4, "count", executed={"words:default": 1}, acked={"words:default": 1}),
        report(
            5,
            "words",
            emitted={"default": 9, "__own": 4},
            transferred={"default": 18, "__own": 4},
            acked={"default": 7},
            failed={"default": 2},
            latency_ms_sum={"default": 3.0},
            latency_count={"default": 2},
        ),
    ],
    [ErrorReport("count", 4, "old", NOW - 9), ErrorReport("count", 4, "new", NOW - 1)],
)


def page(answer: Answer = ANSWER, *, window: str | None = None, is_include_sys: bool = False) -> Any:
    found = stats.topology_page(alive(), answer, MACHINE, NOW, window=window, is_include_sys=is_include_sys)
    check(found, "page")
    return found


def test_before_the_first_report_every_component_has_a_row_of_zeros() -> None:
    found = page(NOTHING)
    assert found.id_to_spout_agg_stats.keys() == {"words"}
    assert found.id_to_bolt_agg_stats.keys() == {"count"}
    words, count = found.id_to_spout_agg_stats["words"], found.id_to_bolt_agg_stats["count"]
    for row in (words, count):
        common = row.common_stats
        assert (common.emitted, common.transferred, common.acked, common.failed) == (0, 0, 0, 0)
        assert row.last_error is None
    assert words.specific_stats.spout.complete_latency_ms == 0.0
    assert words.specific_stats.bolt is None
    bolt = count.specific_stats.bolt
    assert (bolt.executed, bolt.capacity, bolt.execute_latency_ms, bolt.process_latency_ms) == (0, 0, 0, 0)
    assert count.specific_stats.spout is None
    assert found.topology_stats.window_to_acked == dict.fromkeys(WINDOWS, 0)
    assert found.topology_stats.window_to_complete_latencies_ms == dict.fromkeys(WINDOWS, 0.0)
    assert found.sched_status == "0 of 2 containers are up"


def test_a_row_sums_up_the_tasks_of_a_component() -> None:
    found = page()
    storm = idl.load()
    count, words = found.id_to_bolt_agg_stats["count"], found.id_to_spout_agg_stats["words"]
    assert (count.type, words.type) == (storm.ComponentType.BOLT, storm.ComponentType.SPOUT)
    common = count.common_stats
    assert (common.num_tasks, common.num_executors, common.emitted, common.transferred) == (2, 2, 5, 2)
    assert (common.acked, common.failed) == (9, 1)
    assert common.resources_map == {
        "onheap.memory.mb": 128.0,
        "offheap.memory.mb": 0.0,
        "cpu.pcore.percent": 10.0,
    }
    assert (count.specific_stats.bolt.executed, count.specific_stats.bolt.process_latency_ms) == (10, 1.5)
    common = words.common_stats
    assert (common.emitted, common.transferred, common.acked, common.failed) == (9, 18, 7, 2)
    assert words.specific_stats.spout.complete_latency_ms == 1.5


def test_of_the_whole_only_spouts_count_as_acked_and_failed() -> None:
    whole = page().topology_stats
    assert whole.window_to_emitted == dict.fromkeys(WINDOWS, 14)
    assert whole.window_to_transferred == dict.fromkeys(WINDOWS, 20)
    assert whole.window_to_acked == dict.fromkeys(WINDOWS, 7)
    assert whole.window_to_failed == dict.fromkeys(WINDOWS, 2)
    assert whole.window_to_complete_latencies_ms == dict.fromkeys(WINDOWS, 1.5)


def test_streams_and_components_of_the_system_are_shown_to_who_asks() -> None:
    found = page(is_include_sys=True)
    assert found.id_to_spout_agg_stats["words"].common_stats.emitted == 13
    assert found.topology_stats.window_to_emitted[":all-time"] == 18
    assert found.id_to_bolt_agg_stats.keys() == {"count", "__acker", "__system"}
    acker, system = found.id_to_bolt_agg_stats["__acker"], found.id_to_bolt_agg_stats["__system"]
    assert (acker.common_stats.num_tasks, acker.common_stats.emitted) == (2, 0)
    assert (system.common_stats.num_tasks, system.common_stats.num_executors) == (0, 0)
    assert [w.component_to_num_tasks for w in found.workers] == [
        {"__acker": 1, "count": 1, "words": 1},
        {"__acker": 1, "count": 1},
    ]


def test_the_last_error_of_a_component_tells_its_place() -> None:
    found = page()
    error = found.id_to_bolt_agg_stats["count"].last_error
    assert (error.error, error.error_time_secs, error.host, error.port) == ("new", int(NOW - 1), "h", 6701)
    assert found.id_to_spout_agg_stats["words"].last_error is None


def test_what_a_topology_is_comes_with_its_whole_conf() -> None:
    found = page()
    assert (found.id, found.name, found.status, found.uptime_secs) == ("wc-1-17", "wc", "ACTIVE", 20)
    assert (found.num_tasks, found.num_executors, found.num_workers) == (5, 5, 2)
    assert (found.owner, found.storm_version, found.topology_version) == ("me", "1.2.4", "7")
    assert (found.replication_count, found.sched_status, found.assigned_cpu) == (1, "", 0.0)
    conf = json.loads(found.topology_conf)
    assert (conf["topology.message.timeout.secs"], conf["topology.workers"]) == (30, 2)
    assert "storm.zookeeper.servers" in conf


def test_each_container_is_a_worker() -> None:
    workers = page().workers
    assert [(w.supervisor_id, w.host, w.port, w.uptime_secs, w.owner) for w in workers] == [
        ("h-local", "h", 6700, 8, "me"),
        ("h-local", "h", 6701, 8, "me"),
    ]
    assert [(w.num_executors, w.component_to_num_tasks) for w in workers] == [
        (2, {"count": 1, "words": 1}),
        (1, {"count": 1}),
    ]
    assert {(w.topology_id, w.topology_name) for w in workers} == {("wc-1-17", "wc")}


def test_rows_are_about_the_window_that_was_asked_for() -> None:
    recent = {5: Counts(emitted={"default": 2}), 3: Counts(acked={"words:default": 1})}
    answer = msgspec.structs.replace(ANSWER, windows={600: recent})
    found = page(answer, window="600")
    assert found.id_to_spout_agg_stats["words"].common_stats.emitted == 2
    assert found.id_to_spout_agg_stats["words"].common_stats.acked == 0
    assert found.id_to_bolt_agg_stats["count"].common_stats.acked == 1
    assert page(answer, window="10800").id_to_spout_agg_stats["words"].common_stats.emitted == 9
    assert [*found.topology_stats.window_to_emitted.values()] == [2, 14, 14, 14]


def test_acks_of_what_was_emitted_before_the_window_are_counted() -> None:
    recent = {5: Counts(acked={"default": 3}, failed={"default": 1})}
    found = page(msgspec.structs.replace(ANSWER, windows={600: recent}), window="600")
    common = found.id_to_spout_agg_stats["words"].common_stats
    assert (common.emitted, common.acked, common.failed) == (0, 3, 1)


@pytest.mark.parametrize(
    ("submitted_s_ago", "windows", "capacity"),
    [
        # All time, until there are ten minutes of it: 5 s of 20, and then of the last 600 s.
        (20, {}, 0.25),
        (400, {}, 0.0125),
        (6000, {600: {3: Counts(busy_ms=300_000), 4: Counts(busy_ms=60_000)}}, 0.5),
        (6000, {600: {}}, 0.0),
    ],
)
def test_capacity_is_the_busy_part_of_the_last_ten_minutes_of_the_busiest_task(
    submitted_s_ago: int, windows: dict[int, dict[int, Counts]], capacity: float
) -> None:
    tasks = [report(3, "count", busy_ms=5000), report(4, "count", busy_ms=1000)]
    found = stats.topology_page(
        alive(),
        Answer(True, [], tasks, [], windows),
        MACHINE,
        NOW - 20.5 + submitted_s_ago,
        window=":all-time",
        is_include_sys=False,
    )
    assert found.id_to_bolt_agg_stats["count"].specific_stats.bolt.capacity == capacity


@pytest.mark.parametrize("window", [None, "", "600", "1e400", "week", ":all-time"])
def test_no_window_is_refused(window: str | None) -> None:
    assert page(window=window).id_to_spout_agg_stats["words"].common_stats.emitted == 9
