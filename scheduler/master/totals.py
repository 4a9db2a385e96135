"""What the tasks of a topology counted, over all lives of their containers, and lately. Pure.

A container's counters start at 0 with each of its lives.  Towards the outside
they only grow: what the ended lives of a task counted is kept as its base, and
the base is added to what its present life reports.

A successor of a topology process begins with what its predecessor saved.  The
lives that go on meanwhile report themselves all they counted, so nothing is
lost of them; of a container that ends while nobody watches, what it counted
since the last save is.  Windows of time begin anew as if what was counted in
them had come evenly.

No I/O, no clock; refuses to know where reports come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from scheduler.control.messages import Counts, Report, TaskReport
from scheduler.master.windows import WINDOWS_S, Columns, TaskWindows

Number = TypeVar("Number", int, float)


class SavedTask(msgspec.Struct, frozen=True):
    """One task's part of `SavedCounts`."""

    container_id: int
    incarnation: int
    """Of the container's life that ``current`` is of."""

    base: TaskReport | None
    current: TaskReport


class SavedCounts(msgspec.Struct, frozen=True):
    """All that a successor must know of what was counted."""

    saved_at_s: float
    """Seconds since the epoch."""

    counted_s: float
    """How long had been counted then."""

    tasks: list[SavedTask]
    windows: dict[int, dict[int, Counts]]
    """As in `scheduler.control.messages.Answer`."""


class TaskTotals:
    """The counters of one task over all lives of its container."""

    __slots__ = ("_base", "_current", "_incarnation", "container_id")

    def __init__(
        self, report: TaskReport, container_id: int, incarnation: int, base: TaskReport | None = None
    ) -> None:
        self._base = base
        self._current = report
        self._incarnation = incarnation
        self.container_id = container_id
        """Which container reported it last."""

    def add(self, report: TaskReport, container_id: int, incarnation: int) -> None:
        """Take the newest report; one of another incarnation starts a new life."""
        if incarnation != self._incarnation:
            self._base = self.total()
            self._incarnation = incarnation
        self._current = report
        self.container_id = container_id

    def total(self) -> TaskReport:
        """Return what is shown: counters summed, everything else as reported last."""
        base, now = self._base, self._current
        if base is None:
            return now
        return msgspec.structs.replace(
            now,
            restart_count=base.restart_count + 1 + now.restart_count,
            emitted=_sum(base.emitted, now.emitted),
            transferred=_sum(base.transferred, now.transferred),
            executed=_sum(base.executed, now.executed),
            acked=_sum(base.acked, now.acked),
            failed=_sum(base.failed, now.failed),
            latency_ms_sum=_sum(base.latency_ms_sum, now.latency_ms_sum),
            latency_count=_sum(base.latency_count, now.latency_count),
            held_ms=base.held_ms + now.held_ms,
            busy_ms=base.busy_ms + now.busy_ms,
        )

    def end(self) -> None:
        """Show the task as gone: it keeps what it counted and has nothing under way."""
        self._current = msgspec.structs.replace(
            self._current, state="waiting", pid=0, uptime_s=0.0, pending_count=0, queued_bytes=0
        )

    def saved(self) -> SavedTask:
        """Return what a successor needs."""
        return SavedTask(self.container_id, self._incarnation, self._base, self._current)


class Totals:
    """The totals of all tasks, and what they counted within each window of time."""

    def __init__(self, now: float, saved: SavedCounts | None = None, age_s: float = 0.0) -> None:
        """Begin with nothing, or with what a predecessor saved ``age_s`` ago."""
        self._began_s = now
        self._tasks: dict[int, TaskTotals] = {}
        self._windows: dict[int, TaskWindows] = {}
        self._columns: dict[str, Columns] = {}
        self.has_unsaved = False
        """Set by `add`; whoever saves them takes it back."""

        if saved is not None:
            self._began_s -= saved.counted_s + age_s
            for task in saved.tasks:
                self._restore(task, saved.windows, now, age_s)

    def add(self, report: Report, now: float) -> None:
        """Take what a container reports."""
        self.has_unsaved = self.has_unsaved or bool(report.tasks)
        for task in report.tasks:
            totals = self._tasks.get(task.task)
            if totals is None:
                self._tasks[task.task] = TaskTotals(task, report.container_id, report.incarnation)
                columns = self._columns.setdefault(task.component, Columns())
                self._windows[task.task] = TaskWindows(columns, task, now)
                continue
            windows = self._windows[task.task]
            if now >= windows.due_s:
                windows.roll(totals.total(), now)
            totals.add(task, report.container_id, report.incarnation)

    def end_container(self, container_id: int) -> None:
        """Show the tasks of a container as gone, until its successor reports."""
        for totals in self._tasks.values():
            if totals.container_id == container_id:
                totals.end()

    def tasks(self) -> list[TaskReport]:
        """Return the totals of every task that was ever reported, by task id."""
        return [self._tasks[task].total() for task in sorted(self._tasks)]

    def windows(self, now: float) -> dict[int, dict[int, Counts]]:
        """Return what was counted lately, as `scheduler.control.messages.Answer` has it."""
        lengths = [window_s for window_s in WINDOWS_S if now - self._began_s >= window_s]
        found: dict[int, dict[int, Counts]] = {window_s: {} for window_s in lengths}
        if not lengths:
            return found
        nothing = Counts()
        for task, windows in self._windows.items():
            total = self._tasks[task].total()
            for window_s in lengths:
                recent = windows.recent(window_s, total, now)
                if recent != nothing:
                    found[window_s][task] = recent
        return found

    def saved(self, now: float, epoch_offset_s: float) -> SavedCounts:
        """Return what a successor needs to go on."""
        return SavedCounts(
            saved_at_s=now + epoch_offset_s,
            counted_s=now - self._began_s,
            tasks=[self._tasks[task].saved() for task in sorted(self._tasks)],
            windows=self.windows(now),
        )

    def _restore(
        self, saved: SavedTask, recent: Mapping[int, Mapping[int, Counts]], now: float, age_s: float
    ) -> None:
        task = saved.current.task
        totals = TaskTotals(saved.current, saved.container_id, saved.incarnation, saved.base)
        totals.end()
        self._tasks[task] = totals
        self._windows[task] = TaskWindows(
            self._columns.setdefault(saved.current.component, Columns()),
            totals.total(),
            now,
            {window_s: tasks.get(task, Counts()) for window_s, tasks in recent.items()},
            age_s,
        )


def _sum(base: Mapping[str, Number], now: Mapping[str, Number]) -> dict[str, Number]:
    total = dict(base)
    for key, value in now.items():
        total[key] = total.get(key, 0) + value
    return total
