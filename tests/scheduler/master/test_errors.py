"""Bounded errors."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.control.messages import ErrorReport
from scheduler.master.errors import KEPT_COUNT, ErrorLimits, Errors, newest_within, shortened


def error(text: str, time_s: float = 0.0, component: str = "split") -> ErrorReport:
    return ErrorReport(component, 1, text, time_s)


def errors_of(**limits: Any) -> Errors:
    return Errors(ErrorLimits(**limits))


def test_more_than_five_errors_in_ten_seconds_are_counted() -> None:
    core = errors_of()
    for n in range(8):
        core.add(error(f"e{n}", n), now=n)
    core.add(error("later", 10.0), now=10.0)
    count = "3 more within 10 s were not kept (at most 5 are: topology.max.error.report.per.interval)"
    assert [e.text for e in core.all()] == ["e0", "e1", "e2", "e3", "e4", count, "later"]
    assert core.all()[5].time_s == 7


def test_components_are_limited_one_by_one() -> None:
    core = errors_of(max_per_interval=1)
    core.add(error("a", 1.0), now=0.0)
    core.add(error("b", 0.5, component="count"), now=0.0)
    assert [e.text for e in core.all()] == ["b", "a"]


def test_the_last_fifty_of_a_component_are_kept() -> None:
    core = errors_of(interval_s=1.0)
    for n in range(KEPT_COUNT + 10):
        core.add(error(f"e{n}", n), now=n)
    assert [e.text for e in core.all()] == [f"e{n}" for n in range(10, KEPT_COUNT + 10)]


@settings(deadline=None)
@given(st.lists(st.floats(0, 3), max_size=120))
def test_all_errors_are_stored_or_counted(pauses: list[float]) -> None:
    core = Errors(ErrorLimits(max_per_interval=2, interval_s=10.0))
    now = 0.0
    for pause in pauses:
        now += pause
        core.add(error("boom", now), now)
    texts = [e.text for e in core.all()]
    assert len(texts) <= KEPT_COUNT
    if len(texts) < KEPT_COUNT:
        counted = sum(int(text.split()[0]) for text in texts if text != "boom")
        assert texts.count("boom") + counted == len(pauses)


def test_an_error_that_stands_for_many_counts_as_many() -> None:
    core = errors_of()
    core.add(ErrorReport("a", 1, "trouble", 1.0, count=3), now=0.0)
    core.add(ErrorReport("a", 1, "more", 2.0, count=2), now=1.0)
    texts = [e.text for e in core.all()]
    assert texts[0] == "trouble"
    assert texts[1].startswith("2 more within 10 s were not kept")
    assert texts[2] == "more"
    assert texts[3].startswith("3 more within 10 s were not kept")
    assert {e.count for e in core.all()} == {1}


def test_stored_errors_of_a_predecessor_come_first_and_are_bounded_too() -> None:
    core = Errors(ErrorLimits(), [error(f"old{n}", n) for n in range(60)])
    assert not core.has_unsaved
    core.add(error("new", 100.0), now=0.0)
    assert core.has_unsaved
    assert [e.text for e in core.all()] == [*(f"old{n}" for n in range(11, 60)), "new"]


def test_a_very_long_error_loses_its_middle() -> None:
    core = errors_of()
    core.add(error("a" * 5000 + "b" * 5000), now=0.0)
    [kept] = core.all()
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
