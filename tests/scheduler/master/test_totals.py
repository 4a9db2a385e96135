"""Totals over the lives of a container and of topology processes."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.control.messages import Counts, Report, TaskReport
from scheduler.master.totals import SavedCounts, Totals

COUNTERS = ("emitted", "transferred", "executed", "acked", "failed", "latency_ms_sum", "latency_count")


def task(number: int = 1, **changes: Any) -> TaskReport:
    report = TaskReport(
        task=number,
        component="split",
        state="running",
        pid=77,
        uptime_s=5.0,
        restart_count=0,
        emitted={},
        transferred={},
        executed={},
        acked={},
        failed={},
        latency_ms_sum={},
        latency_count={},
        pending_count=0,
        queued_bytes=0,
        held_ms=0,
    )
    return msgspec.structs.replace(report, **changes)


def report(*tasks: TaskReport, incarnation: int = 1) -> Report:
    return Report(1, incarnation, list(tasks), [])


def test_a_life_is_shown_as_it_is_reported() -> None:
    core = Totals(0.0)
    core.add(report(task(emitted={"default": 3})), 0.0)
    core.add(report(task(emitted={"default": 5}, pending_count=2)), 1.0)
    assert core.tasks() == [task(emitted={"default": 5}, pending_count=2)]


def test_the_counters_of_ended_lives_are_added_and_gauges_are_not() -> None:
    core = Totals(0.0)
    first = task(
        emitted={"default": 5, "side": 1}, latency_ms_sum={"default": 2.5}, held_ms=10, pending_count=9
    )
    core.add(report(first), 0.0)
    second = task(pid=78, emitted={"default": 2, "new": 4}, held_ms=1, pending_count=3, restart_count=1)
    core.add(report(second, incarnation=2), 1.0)
    assert core.tasks() == [
        task(
            pid=78,
            emitted={"default": 7, "side": 1, "new": 4},
            latency_ms_sum={"default": 2.5},
            held_ms=11,
            pending_count=3,
            restart_count=2,
        )
    ]


def test_the_tasks_of_an_ended_container_keep_their_counters_and_have_no_process() -> None:
    core = Totals(0.0)
    core.add(report(task(acked={"default": 8}, pending_count=4, queued_bytes=99)), 0.0)
    core.end_container(1)
    assert core.tasks() == [task(state="waiting", pid=0, uptime_s=0.0, acked={"default": 8})]


COUNTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 50))


@settings(deadline=None)
@given(st.lists(st.lists(COUNTS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_counters_never_shrink_and_end_as_the_sum_of_all_lives(lives: list[list[dict[str, int]]]) -> None:
    core = Totals(0.0)
    shown: dict[str, int] = {}
    expected: dict[str, int] = {}
    for incarnation, steps in enumerate(lives):
        now: dict[str, int] = {}
        for step in steps:
            now = {key: now.get(key, 0) + step.get(key, 0) for key in now | step}
            core.add(report(task(**dict.fromkeys(COUNTERS, now)), incarnation=incarnation), 0.0)
            [total] = core.tasks()
            assert all(getattr(total, name) == total.emitted for name in COUNTERS)
            assert all(total.emitted[key] >= count for key, count in shown.items())
            shown = total.emitted
        core.end_container(1)
        assert core.tasks()[0].emitted == shown
        expected = {key: expected.get(key, 0) + now.get(key, 0) for key in expected | now}
    assert shown == expected


def test_a_task_that_moved_is_not_ended_with_the_container_it_left() -> None:
    core = Totals(0.0)
    core.add(report(task(emitted={"default": 5})), 0.0)
    moved = msgspec.structs.replace(report(task(emitted={"default": 1}), incarnation=7), container_id=2)
    core.add(moved, 1.0)
    core.end_container(1)
    [shown] = core.tasks()
    assert (shown.state, shown.emitted) == ("running", {"default": 6})


def saved(core: Totals, now: float) -> SavedCounts:
    """Return what a successor reads of what ``core`` saves."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(core.saved(now, 1000.0)), type=SavedCounts)


def test_a_successor_goes_on_where_its_predecessor_was() -> None:
    first = Totals(0.0)
    first.add(report(task(acked={"default": 8})), 0.0)
    first.add(report(task(acked={"default": 2}), incarnation=2), 1.0)
    found = saved(first, 5.0)
    assert (found.saved_at_s, found.counted_s) == (1005.0, 5.0)
    second = Totals(100.0, found, age_s=3.0)
    assert second.tasks() == [
        task(state="waiting", pid=0, uptime_s=0.0, acked={"default": 10}, restart_count=1)
    ]
    # The life that went on meanwhile tells all it counted.
    second.add(report(task(acked={"default": 6}), incarnation=2), 101.0)
    assert second.tasks() == [task(acked={"default": 14}, restart_count=1)]


def test_a_container_replaced_while_nobody_watched_takes_nothing_back() -> None:
    first = Totals(0.0)
    first.add(report(task(acked={"default": 8})), 0.0)
    second = Totals(0.0, saved(first, 1.0))
    second.add(report(task(acked={"default": 1}), incarnation=2), 2.0)
    assert second.tasks() == [task(acked={"default": 9}, restart_count=1)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["count", "container", "master"]), st.integers(0, 9)), max_size=30))
def test_nothing_that_ends_between_two_reports_takes_counters_back(story: list[tuple[str, int]]) -> None:
    core, incarnation, now_count, counted = Totals(0.0), 0, 0, 0
    for at, (what, count) in enumerate(story):
        if what == "container":
            core.end_container(1)
            incarnation, now_count = incarnation + 1, 0
        elif what == "master":
            core = Totals(float(at), saved(core, float(at)))
        counted += count
        now_count += count
        core.add(
            report(task(executed={"a:b": now_count}, busy_ms=now_count), incarnation=incarnation), float(at)
        )
        [shown] = core.tasks()
        assert (shown.executed, shown.busy_ms) == ({"a:b": counted}, counted)


def test_a_window_is_shown_once_it_is_shorter_than_all_that_was_counted() -> None:
    core = Totals(0.0)
    core.add(report(task(acked={"default": 100}, busy_ms=50)), 1.0)
    assert core.windows(599.0) == {}
    core.add(report(task(acked={"default": 130}, busy_ms=60)), 650.0)
    assert core.windows(650.0) == {600: {1: Counts(acked={"default": 30}, busy_ms=10)}}
    assert core.windows(1300.0) == {600: {}}


def test_windows_span_the_lives_of_a_container() -> None:
    core = Totals(0.0)
    core.add(report(task(acked={"default": 100})), 1.0)
    core.add(report(task(acked={"default": 110})), 640.0)
    core.add(report(task(acked={"default": 5}), incarnation=2), 650.0)
    assert core.windows(650.0)[600] == {1: Counts(acked={"default": 15})}


def test_windows_go_on_with_a_successor() -> None:
    first = Totals(0.0)
    first.add(report(task(acked={"default": 100})), 1.0)
    first.add(report(task(acked={"default": 300})), 700.0)
    second = Totals(0.0, saved(first, 700.0), age_s=10.0)
    [shown] = second.windows(0.0)[600].values()
    # 200 within ten minutes, taken to have come evenly, and ten seconds older.
    assert 190 <= shown.acked["default"] <= 200
    second.add(report(task(acked={"default": 400})), 1.0)
    assert 290 <= second.windows(1.0)[600][1].acked["default"] <= 300
    assert second.windows(1200.0)[600] == {}
    assert 10800 not in second.windows(10000.0)
    assert second.windows(10800.0)[10800][1].acked["default"] > 0
