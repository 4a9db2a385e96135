from __future__ import annotations

import pytest

from scheduler.control.messages import Answer, ContainerState, Counts, ErrorReport
from scheduler.state.records import Status, StatusRecord
from scheduler.topology import Component
from storm_compat import stats
from storm_compat.stats.view import WINDOWS, executor_ranges
from storm_compat.thrift import idl
from storm_compat.thrift.check import check
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive, report


def test_a_topology_is_summed_up_from_its_records() -> None:
    found = stats.topology_summary(alive(), MACHINE, NOW)
    check(found, "summary")
    assert (found.id, found.name, found.status, found.uptime_secs) == ("wc-1-17", "wc", "ACTIVE", 20)
    assert (found.num_tasks, found.num_executors, found.num_workers) == (5, 5, 2)  # two ackers among them
    assert (found.owner, found.storm_version, found.topology_version) == ("me", "1.2.4", "7")
    assert (found.sched_status, found.replication_count, found.assigned_cpu) == ("", 1, 0.0)


def test_before_the_first_report_everything_is_there_and_zero() -> None:
    found = stats.topology_info(alive(), NOTHING, MACHINE, NOW)
    check(found, "info")
    by_component = {executor.component_id: executor for executor in found.executors}
    assert by_component.keys() == {"__acker", "count", "words"}
    assert by_component["__acker"].stats is None
    words = by_component["words"].stats
    assert words.emitted == {key: {"default": 0} for key in WINDOWS}
    assert words.specific.spout.acked[":all-time"] == {"default": 0}
    assert words.specific.bolt is None
    count = by_component["count"].stats
    (source,) = count.specific.bolt.executed[":all-time"]
    assert (source.componentId, source.streamId) == ("words", "default")
    assert count.specific.spout is None
    assert found.errors == {"__acker": [], "__system": [], "count": [], "words": []}
    assert found.sched_status == "0 of 2 containers are up"


def test_executors_are_shown_where_their_first_task_lives_and_ackers_are_dealt_out() -> None:
    found = stats.topology_info(alive(), NOTHING, MACHINE, NOW)
    places = [
        (e.component_id, e.executor_info.task_start, e.executor_info.task_end, e.host, e.port)
        for e in found.executors
    ]
    assert places == [
        ("__acker", 1, 1, "h", 6700),
        ("__acker", 2, 2, "h", 6701),
        ("count", 3, 3, "h", 6700),
        ("count", 4, 4, "h", 6701),
        ("words", 5, 5, "h", 6700),
    ]


def test_counters_and_latencies_become_stats_of_every_window() -> None:
    answer = Answer(
        True,
        [],
        [
            report(
                3,
                "count",
                emitted={"default": 5, "__ack_ack": 2},
                executed={"words:default": 9},
                acked={"words:default": 8, "unknown:default": 1},
                failed={"words:default": 1},
                latency_ms_sum={"words:default": 6.0},
                latency_count={"words:default": 4},
            ),
            report(
                5,
                "words",
                uptime_s=12.0,
                emitted={"default": 9},
                transferred={"default": 18},
                acked={"default": 7},
                latency_ms_sum={"default": 3.0},
                latency_count={"default": 2},
            ),
        ],
        [],
    )
    found = stats.topology_info(alive(), answer, MACHINE, NOW)
    check(found, "info")
    count, other, words = found.executors[2:]
    assert (count.uptime_secs, other.uptime_secs, words.uptime_secs) == (4, 0, 12)
    assert count.stats.emitted == {key: {"default": 5, "__ack_ack": 2} for key in WINDOWS}
    bolt = count.stats.specific.bolt
    for window in WINDOWS:
        assert list(bolt.executed[window].values()) == [9]
        assert list(bolt.acked[window].values()) == [8]
        assert list(bolt.failed[window].values()) == [1]
        assert list(bolt.process_ms_avg[window].values()) == [1.5]
    assert words.stats.transferred["600"] == {"default": 18}
    assert words.stats.specific.spout.complete_ms_avg["86400"] == {"default": 1.5}
    assert words.stats.rate == 1.0
    assert found.sched_status == ""


def test_a_window_shows_its_own_counts_and_one_longer_than_all_those_of_all_time() -> None:
    answer = Answer(
        True,
        [],
        [
            report(3, "count", executed={"words:default": 90}, busy_ms=180),
            report(5, "words", emitted={"default": 90}, acked={"default": 80}),
        ],
        [],
        {
            600: {
                3: Counts(executed={"words:default": 4}, busy_ms=6),
                5: Counts(
                    emitted={"default": 7}, latency_ms_sum={"default": 9.0}, latency_count={"default": 2}
                ),
            },
            10800: {},
        },
    )
    found = stats.topology_info(alive(), answer, MACHINE, NOW)
    check(found, "info")
    count, _, words = found.executors[2:]
    bolt = count.stats.specific.bolt
    assert [[*bolt.executed[window].values()] for window in WINDOWS] == [[4], [0], [90], [90]]
    assert [[*bolt.execute_ms_avg[window].values()] for window in WINDOWS] == [[1.5], [0.0], [2.0], [2.0]]
    assert [words.stats.emitted[window]["default"] for window in WINDOWS] == [7, 0, 90, 90]
    spout = words.stats.specific.spout
    assert [spout.acked[window]["default"] for window in WINDOWS] == [0, 0, 80, 80]
    assert spout.complete_ms_avg["600"] == {"default": 4.5}


def test_a_structure_that_is_filled_in_can_be_sent() -> None:
    from thriftpy2.protocol import TCyBinaryProtocol
    from thriftpy2.transport import TCyMemoryBuffer

    buffer = TCyMemoryBuffer()
    answer = Answer(
        True, [], [report(3, "count", executed={"words:default": 9})], [ErrorReport("b", 3, "t", 1.5)]
    )
    stats.topology_info(alive(), answer, MACHINE, NOW).write(TCyBinaryProtocol(buffer))
    stats.cluster_summary([alive()], MACHINE, NOW).write(TCyBinaryProtocol(buffer))
    assert buffer.getvalue()


@pytest.mark.parametrize(
    ("choice", "texts"), [(None, ["new", "old"]), (0, ["new", "old"]), (1, []), (2, ["new"])]
)
def test_errors_are_the_newest_first_and_as_many_as_wanted(choice: int | None, texts: list[str]) -> None:
    errors = [ErrorReport("count", 4, "old", NOW - 9), ErrorReport("count", 3, "new", NOW - 1.5)]
    found = stats.topology_info(alive(), Answer(True, [], [], errors), MACHINE, NOW, choice=choice)
    assert [error.error for error in found.errors["count"]] == texts
    assert found.errors["words"] == []
    if texts:
        newest = found.errors["count"][0]
        assert (newest.error_time_secs, newest.host, newest.port) == (int(NOW - 1.5), "h", 6700)


def test_what_nimbus_saw_go_wrong_stands_with_the_errors_and_for_a_while_in_the_status() -> None:
    trouble = ErrorReport("__system", -1, "it died", NOW - 10)
    ill = alive(troubles=(trouble,))
    info = stats.topology_info(ill, NOTHING, MACHINE, NOW)
    assert [error.error for error in info.errors["__system"]] == ["it died"]
    assert info.sched_status == "it died"
    assert stats.topology_summary(ill, MACHINE, NOW).sched_status == "it died"
    assert stats.topology_summary(ill, MACHINE, NOW + 60).sched_status == ""


def test_a_topology_that_starts_says_how_far_it_is() -> None:
    containers = [ContainerState(1, 5, True, 0, 1.0, "h", 1), ContainerState(2, 0, False, 0, 0.0, "", 0)]
    found = stats.topology_info(alive(), Answer(False, containers, [], []), MACHINE, NOW)
    assert found.sched_status == "1 of 2 containers are up"


def test_a_topology_that_was_never_active_says_when_it_starts() -> None:
    resting = alive(status=StatusRecord(Status.INACTIVE), has_started=False)
    assert stats.topology_summary(resting, MACHINE, NOW).sched_status == "starts when it is activated"
    assert stats.topology_info(resting, NOTHING, MACHINE, NOW).sched_status == "starts when it is activated"


@pytest.mark.parametrize(
    ("task_count", "executor_count", "sizes"), [(10, 3, [4, 3, 3]), (4, 1, [4]), (2, 2, [1, 1]), (0, 0, [])]
)
def test_tasks_are_split_into_executors_the_larger_first(
    task_count: int, executor_count: int, sizes: list[int]
) -> None:
    tasks = tuple(range(5, 5 + task_count))
    component = Component("c", False, (), {}, (), tasks, executor_count)
    ranges = executor_ranges(component)
    assert [len(each) for each in ranges] == sizes
    assert tuple(task for each in ranges for task in each) == tasks


def test_the_choices_are_those_of_the_interface() -> None:
    choice = idl.load().NumErrorsChoice
    assert (choice.ALL, choice.NONE, choice.ONE) == (0, 1, 2)
