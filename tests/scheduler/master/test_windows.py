"""Windows of time over counters that only grow."""

from __future__ import annotations

import sys
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.control.messages import Counts
from scheduler.master.windows import BUCKET_COUNT, WINDOWS_S, Columns, TaskWindows, Vector, Window

WINDOW_S = 600
BUCKET_S = WINDOW_S / BUCKET_COUNT


def vector(*values: int) -> Vector:
    return array("q", values)


def test_everything_is_within_a_window_that_is_not_over_yet() -> None:
    window = Window(WINDOW_S, vector(5), 0.0)
    for now in range(0, WINDOW_S, 10):
        window.roll(vector(5 + now), now)
        assert window.recent(vector(5 + now), now) == vector(5 + now)


def test_at_a_steady_rate_a_window_holds_its_length() -> None:
    window = Window(WINDOW_S, vector(0, 0), 0.0)
    for now in range(3 * WINDOW_S):
        window.roll(vector(7 * now, 0), now)
        if now > WINDOW_S + BUCKET_S:
            [steady, never] = window.recent(vector(7 * now, 0), now)
            assert abs(steady - 7 * WINDOW_S) <= 7 + 1
            assert never == 0


def test_what_was_counted_once_goes_as_its_bucket_gets_too_old() -> None:
    window = Window(WINDOW_S, vector(0), 0.0)
    window.roll(vector(0), 100.0)
    window.roll(vector(1000), 130.0)
    shown = []
    for now in (600.0, 689.0, 690.0, 705.0, 719.0, 720.0, 5000.0):
        window.roll(vector(1000), now)
        shown.append(window.recent(vector(1000), now)[0])
    assert shown == [1000, 1000, 1000, 500, 33, 0, 0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 400), st.integers(0, 2**40)), max_size=60))
def test_only_within_its_oldest_bucket_does_a_window_guess(
    steps: list[tuple[float, int]],
) -> None:
    window = Window(WINDOW_S, vector(0), 0.0)
    now, total, history = 0.0, 0, []
    for pause, count in steps:
        now += pause
        # As the reports come: the buckets that are over are closed with the total before.
        window.roll(vector(total), now)
        total += count
        history.append((now, count))
        [found] = window.recent(vector(total), now)
        oldest = now // BUCKET_S - BUCKET_COUNT
        surely = sum(n for at, n in history if at // BUCKET_S > oldest)
        perhaps = sum(n for at, n in history if at // BUCKET_S == oldest)
        assert surely <= found <= surely + perhaps


def test_columns_give_back_what_was_counted() -> None:
    columns = Columns()
    counts = Counts(emitted={"a": 3}, executed={"b:c": 4}, latency_ms_sum={"b:c": 1.25}, busy_ms=9)
    assert columns.counts(columns.vector(counts)) == counts
    later = Counts(emitted={"z": 1})
    assert columns.counts(columns.vector(later)) == later
    assert columns.counts(columns.vector(counts)) == counts


def test_a_stream_that_comes_later_is_counted_from_then_on() -> None:
    windows = TaskWindows(Columns(), Counts(emitted={"a": 1}), 0.0)
    for now in (600.0, 700.0):
        windows.roll(Counts(emitted={"a": 1}), now)
    both = Counts(emitted={"a": 2, "late": 4})
    assert windows.recent(600, both, 701.0) == Counts(emitted={"a": 1, "late": 4})


def _bytes_of(found: object, seen: set[int]) -> int:
    if id(found) in seen or isinstance(found, int | Columns):
        return 0
    seen.add(id(found))
    size = sys.getsizeof(found)
    if isinstance(found, dict):
        size += sum(_bytes_of(value, seen) for value in found.values())
    elif isinstance(found, list):
        size += sum(_bytes_of(value, seen) for value in found)
    else:
        for slot in getattr(type(found), "__slots__", ()):
            if hasattr(found, slot):
                size += _bytes_of(getattr(found, slot), seen)
    return size


@pytest.mark.parametrize(("stream_count", "most_kib"), [(1, 6), (20, 45)])
def test_a_task_that_is_busy_for_a_day_takes_little_memory(stream_count: int, most_kib: int) -> None:
    def busy(count: int) -> Counts:
        outputs = {f"s{i}": count * (i + 1) for i in range(stream_count)}
        inputs = {f"c:s{i}": count * (i + 1) for i in range(stream_count)}
        latencies = {key: value / 7 for key, value in inputs.items()}
        return Counts(outputs, outputs, inputs, inputs, inputs, latencies, inputs, count)

    windows = TaskWindows(Columns(), busy(0), 0.0)
    for now in range(0, 2 * WINDOWS_S[-1], 30):
        windows.roll(busy(now * 10), now)
    assert _bytes_of(windows, set()) < most_kib * 1024
