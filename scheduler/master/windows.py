"""What a task counted in the last ten minutes, three hours and day, from totals that only grow. Pure.

    total  ------------------------------------------------->  grows with each report
    window      |ooo| 20 closed buckets of window/20 | open |
                ^ start: the total when the oldest bucket began

A window holds the totals at the start of its oldest bucket and at the start
of the open one, and what was counted in each closed bucket.  What is shown is
the total now, less the total at the start, less the part of the oldest bucket
that is older than the window: as Storm does it, evenly spread within that one
bucket.  Nothing is done per report; a bucket is closed by the first report, or
the first look, after its end.

Memory: 6 arrays of 8 bytes a counter, and a closed bucket takes one byte for
a counter that stood still, 3 for one that grew by less than 65536, and nothing
if all stood still.  A bolt with one input and one output has 8 counters and
needs 3 to 6 KiB; one with 20 streams to either side, all of them busy, 45 KiB.
A topology process of 5000 tasks grows by 33 MiB with one stream each, and by
190 MiB with 20, after days at work.

Source of the idea: storm:storm-client/src/jvm/org/apache/storm/metric/internal/MultiCountStat.java
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

import msgspec

from scheduler.control.messages import Counts, TaskReport

WINDOWS_S: Final = (600, 10800, 86400)
BUCKET_COUNT: Final = 20

_INT_FIELDS: Final = ("emitted", "transferred", "executed", "acked", "failed", "latency_count")
_US_PER_MS: Final = 1000

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int]).decode

Vector: TypeAlias = "array[int]"
Counted = Counts | TaskReport


class Columns:
    """Which counter stands where in the vectors of the tasks of one component; only grows."""

    __slots__ = ("_index",)

    def __init__(self) -> None:
        self._index: dict[tuple[str, str], int] = {("busy_ms", ""): 0}

    def vector(self, counts: Counted) -> Vector:
        """Return counters as whole numbers; latencies in microseconds."""
        index = self._index
        values = {0: counts.busy_ms}
        for field in _INT_FIELDS:
            for key, count in getattr(counts, field).items():
                values[index.setdefault((field, key), len(index))] = count
        for key, latency_ms in counts.latency_ms_sum.items():
            column = index.setdefault(("latency_ms_sum", key), len(index))
            values[column] = round(latency_ms * _US_PER_MS)
        return array("q", [values.get(column, 0) for column in range(len(index))])

    def counts(self, vector: Sequence[int]) -> Counts:
        """Return what `vector` was made of, without counters that are 0."""
        maps: dict[str, dict[str, int]] = {field: {} for field in _INT_FIELDS}
        latencies: dict[str, float] = {}
        for ((field, key), _), value in zip(self._index.items(), vector, strict=False):
            if field == "latency_ms_sum":
                if value:
                    latencies[key] = value / _US_PER_MS
            elif value and key:
                maps[field][key] = value
        return Counts(**maps, latency_ms_sum=latencies, busy_ms=vector[0] if vector else 0)


class Window:
    """One window of one task; see the module."""

    __slots__ = ("_bucket_s", "_closed", "_mark", "_number", "_start")

    def __init__(
        self, window_s: int, total: Vector, now: float, recent: Vector | None = None, age_s: float = 0.0
    ) -> None:
        """Begin with a total that was counted within the window, or of which only ``recent`` was.

        Args:
            recent: as `recent` returned it ``age_s`` ago; it is taken to have come evenly.
        """
        self._bucket_s = window_s / BUCKET_COUNT
        self._number = self._number_at(now - age_s)
        self._mark: Vector = array("q")
        self._start: Vector = array("q")
        self._closed: list[bytes] = []
        if recent is not None:
            self._mark = total
            self._start = _difference(total, recent)
            self._closed = [
                _packed([n * (i + 1) // BUCKET_COUNT - n * i // BUCKET_COUNT for n in recent])
                for i in range(BUCKET_COUNT)
            ]

    @property
    def due_s(self) -> float:
        """When the open bucket ends."""
        return (self._number + 1) * self._bucket_s

    def roll(self, total: Vector, now: float) -> None:
        """Close the open bucket if its time is over; ``total`` is that of its end."""
        passed = self._number_at(now) - self._number
        if passed <= 0:
            return
        self._closed.append(_packed(_difference(total, self._mark)))
        self._closed += [b""] * min(passed - 1, BUCKET_COUNT)
        for packed in self._closed[:-BUCKET_COUNT]:
            if packed:
                self._start = _sum(self._start, _decode(packed))
        del self._closed[:-BUCKET_COUNT]
        self._mark = total
        self._number += passed

    def recent(self, total: Vector, now: float) -> Vector:
        """Return what was counted within the window until ``now``; call `roll` before."""
        recent = _difference(total, self._start)
        if len(self._closed) < BUCKET_COUNT or not self._closed[0]:
            return recent
        too_old = min(max(now / self._bucket_s - self._number, 0.0), 1.0)
        return _difference(recent, array("q", [round(n * too_old) for n in _decode(self._closed[0])]))

    def _number_at(self, now: float) -> int:
        return math.floor(now / self._bucket_s)


class TaskWindows:
    """All windows of one task."""

    __slots__ = ("_columns", "_windows", "due_s")

    def __init__(
        self,
        columns: Columns,
        total: Counted,
        now: float,
        recent: Mapping[int, Counted] | None = None,
        age_s: float = 0.0,
    ) -> None:
        """Begin with a total; of a window that is not in ``recent`` all of it is part."""
        self._columns = columns
        vector = columns.vector(total)
        known = {window_s: columns.vector(counts) for window_s, counts in (recent or {}).items()}
        self._windows = {
            window_s: Window(window_s, vector, now, known.get(window_s), age_s) for window_s in WINDOWS_S
        }
        self.due_s = min(window.due_s for window in self._windows.values())
        """When `roll` must be called, with the total of that time."""

    def roll(self, total: Counted, now: float) -> None:
        """Close the buckets whose time is over."""
        vector = self._columns.vector(total)
        for window in self._windows.values():
            window.roll(vector, now)
        self.due_s = min(window.due_s for window in self._windows.values())

    def recent(self, window_s: int, total: Counted, now: float) -> Counts:
        """Return what was counted within a window until ``now``."""
        if now >= self.due_s:
            self.roll(total, now)
        return self._columns.counts(self._windows[window_s].recent(self._columns.vector(total), now))


def _packed(counts: Sequence[int]) -> bytes:
    return _encode(list(counts)) if any(counts) else b""


def _sum(first: Sequence[int], second: Sequence[int]) -> Vector:
    return array("q", [a + b for a, b in zip_longest(first, second, fillvalue=0)])


def _difference(first: Sequence[int], second: Sequence[int]) -> Vector:
    return array("q", [a - b for a, b in zip_longest(first, second, fillvalue=0)])
