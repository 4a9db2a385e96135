"""Totals over the lives of a container, and bounded errors."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.control.messages import ErrorReport, Report, TaskReport
from scheduler.master.metrics import KEPT_COUNT, ErrorLimits, Metrics, newest_within, shortened

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


def report(*tasks: TaskReport, incarnation: int = 1, errors: tuple[ErrorReport, ...] = ()) -> Report:
    return Report(1, incarnation, list(tasks), list(errors))


def error(text: str, time_s: float = 0.0, component: str = "split") -> ErrorReport:
    return ErrorReport(component, 1, text, time_s)


def metrics(**limits: Any) -> Metrics:
    return Metrics(ErrorLimits(**limits))


def test_a_life_is_shown_as_it_is_reported() -> None:
    core = metrics()
    core.add(report(task(emitted={"default": 3})), 0.0)
    core.add(report(task(emitted={"default": 5}, pending_count=2)), 1.0)
    assert core.tasks() == [task(emitted={"default": 5}, pending_count=2)]


def test_the_counters_of_ended_lives_are_added_and_gauges_are_not() -> None:
    core = metrics()
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
    core = metrics()
    core.add(report(task(acked={"default": 8}, pending_count=4, queued_bytes=99)), 0.0)
    core.end_container(1)
    assert core.tasks() == [task(state="waiting", pid=0, uptime_s=0.0, acked={"default": 8})]


COUNTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 50))


@settings(deadline=None)
@given(st.lists(st.lists(COUNTS, min_size=1, max_size=4), min_size=1, max_size=6))
def test_counters_never_shrink_and_end_as_the_sum_of_all_lives(lives: list[list[dict[str, int]]]) -> None:
    core = metrics()
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


def test_more_than_five_errors_in_ten_seconds_are_counted() -> None:
    core = metrics()
    for n in range(8):
        core.add_error(error(f"e{n}", n), now=n)
    core.add_error(error("later", 10.0), now=10.0)
    count = "3 more within 10 s were not kept (at most 5 are: topology.max.error.report.per.interval)"
    assert [e.text for e in core.errors()] == ["e0", "e1", "e2", "e3", "e4", count, "later"]
    assert core.errors()[5].time_s == 7


def test_components_are_limited_one_by_one() -> None:
    core = metrics(max_per_interval=1)
    core.add_error(error("a", 1.0), now=0.0)
    core.add_error(error("b", 0.5, component="count"), now=0.0)
    assert [e.text for e in core.errors()] == ["b", "a"]


def test_the_last_fifty_of_a_component_are_kept() -> None:
    core = metrics(interval_s=1.0)
    for n in range(KEPT_COUNT + 10):
        core.add_error(error(f"e{n}", n), now=n)
    assert [e.text for e in core.errors()] == [f"e{n}" for n in range(10, KEPT_COUNT + 10)]


@settings(deadline=None)
@given(st.lists(st.floats(0, 3), max_size=120))
def test_all_errors_are_stored_or_counted(pauses: list[float]) -> None:
    core = Metrics(ErrorLimits(max_per_interval=2, interval_s=10.0))
    now = 0.0
    for pause in pauses:
        now += pause
        core.add_error(error("boom", now), now)
    texts = [e.text for e in core.errors()]
    assert len(texts) <= KEPT_COUNT
    if len(texts) < KEPT_COUNT:
        counted = sum(int(text.split()[0]) for text in texts if text != "boom")
        assert texts.count("boom") + counted == len(pauses)


def test_stored_errors_of_a_predecessor_come_first_and_are_bounded_too() -> None:
    core = Metrics(ErrorLimits(), [error(f"old{n}", n) for n in range(60)])
    assert not core.has_unsaved_errors
    core.add_error(error("new", 100.0), now=0.0)
    assert core.has_unsaved_errors
    assert [e.text for e in core.errors()] == [*(f"old{n}" for n in range(11, 60)), "new"]


def test_a_very_long_error_loses_its_middle() -> None:
    core = metrics()
    core.add_error(error("a" * 5000 + "b" * 5000), now=0.0)
    [kept] = core.errors()
    assert kept.text == "a" * 4064 + "\n... 1872 characters left out ...\n" + "b" * 4064
    assert shortened(kept.text) == kept.text


def test_what_is_stored_fits_into_a_document() -> None:
    errors = [error("x" * 1000, n) for n in range(100)]
    kept = newest_within(errors, 10_000)
    assert kept == errors[-len(kept) :]
    assert 5 < len(kept) < 10
    assert newest_within(errors[:3]) == errors[:3]


def test_limits_come_from_storms_keys_and_nonsense_counts_as_not_set() -> None:
    count, interval = "topology.max.error.report.per.interval", "topology.error.throttle.interval.secs"
    assert ErrorLimits.from_conf({count: 7, interval: 30}) == ErrorLimits(7, 30.0)
    assert ErrorLimits.from_conf({}) == ErrorLimits(5, 10.0)
    assert ErrorLimits.from_conf({count: None, interval: "30"}) == ErrorLimits(5, 10.0)
    assert ErrorLimits.from_conf({count: True, interval: -1}) == ErrorLimits(5, 10.0)
