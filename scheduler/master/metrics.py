"""What the containers of a topology report, summed over their lives, and the errors people should see.

A container's counters start at 0 with each of its lives.  Towards the outside
they only grow: what the ended lives of a task counted is kept as its base, and
the base is added to what its present life reports.

Errors are kept per component, the last 50 of each.  At most 5 of a component
within 10 s are stored, as Storm does it; the others are counted, and the count
is shown as one more entry.

No I/O, no clock; refuses to know where reports come from.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from scheduler.control.messages import ErrorReport, Report, TaskReport

MAX_PER_INTERVAL = 5
INTERVAL_S = 10.0
KEPT_COUNT = 50
TEXT_CHARS = 8192
"""Longer error texts lose their middle."""

DOCUMENT_BYTES = 384 * 1024
"""The state store takes documents below 512 KiB."""

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class ErrorLimits:
    """How many errors of one component are stored; Storm's keys and defaults."""

    max_per_interval: int = MAX_PER_INTERVAL
    """``topology.max.error.report.per.interval``"""

    interval_s: float = INTERVAL_S
    """``topology.error.throttle.interval.secs``"""

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> ErrorLimits:
        """Return the limits of a topology's conf; what makes no sense there counts as not set."""
        count = _positive(conf.get("topology.max.error.report.per.interval"))
        interval = _positive(conf.get("topology.error.throttle.interval.secs"))
        return cls(math.ceil(count or MAX_PER_INTERVAL), interval or INTERVAL_S)


class TaskTotals:
    """The counters of one task over all lives of its container."""

    __slots__ = ("_base", "_current", "_incarnation")

    def __init__(self, report: TaskReport, incarnation: int) -> None:
        self._base: TaskReport | None = None
        self._current = report
        self._incarnation = incarnation

    def add(self, report: TaskReport, incarnation: int) -> None:
        """Take the newest report; one of another incarnation starts a new life."""
        if incarnation != self._incarnation:
            self._base = self.total()
            self._incarnation = incarnation
        self._current = report

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
        )

    def end(self) -> None:
        """Show the task as gone: it keeps what it counted and has nothing under way."""
        self._current = msgspec.structs.replace(
            self._current, state="waiting", pid=0, uptime_s=0.0, pending_count=0, queued_bytes=0
        )


@dataclass(slots=True)
class ComponentErrors:
    """The last errors of one component."""

    limits: ErrorLimits
    kept: deque[ErrorReport] = field(default_factory=lambda: deque(maxlen=KEPT_COUNT))
    _interval_began_s: float | None = None
    _stored_count: int = 0
    _suppressed_count: int = 0

    def add(self, error: ErrorReport, now: float) -> None:
        """Store the error, or count it if too many came within the interval."""
        if self._interval_began_s is None or now - self._interval_began_s >= self.limits.interval_s:
            self._interval_began_s, self._stored_count, self._suppressed_count = now, 0, 0
        if self._stored_count < self.limits.max_per_interval:
            self._stored_count += 1
            self.kept.append(msgspec.structs.replace(error, text=shortened(error.text)))
            return
        if self._suppressed_count:
            self.kept.pop()
        self._suppressed_count += 1
        self.kept.append(msgspec.structs.replace(error, text=self._count_text()))

    def _count_text(self) -> str:
        return (
            f"{self._suppressed_count} more within {self.limits.interval_s:g} s were not kept"
            f" (at most {self.limits.max_per_interval} are: topology.max.error.report.per.interval)"
        )


class Metrics:
    """Totals of all tasks and the last errors of all components."""

    def __init__(self, limits: ErrorLimits, stored_errors: Iterable[ErrorReport] = ()) -> None:
        self._limits = limits
        self._totals: dict[int, TaskTotals] = {}
        self._tasks_of: dict[int, set[int]] = {}
        self._errors: dict[str, ComponentErrors] = {}
        self.has_unsaved_errors = False
        """Set by `add_error`; whoever saves them takes it back."""

        for error in stored_errors:
            self._of_component(error.component).kept.append(error)

    def add(self, report: Report, now: float) -> None:
        """Take what a container reports."""
        for task in report.tasks:
            totals = self._totals.get(task.task)
            if totals is None:
                self._totals[task.task] = TaskTotals(task, report.incarnation)
            else:
                totals.add(task, report.incarnation)
            self._tasks_of.setdefault(report.container_id, set()).add(task.task)
        for error in report.errors:
            self.add_error(error, now)

    def add_error(self, error: ErrorReport, now: float) -> None:
        """Store or count one error."""
        self._of_component(error.component).add(error, now)
        self.has_unsaved_errors = True

    def end_container(self, container_id: int) -> None:
        """Show the tasks of a container as gone, until its successor reports."""
        for task in self._tasks_of.get(container_id, ()):
            self._totals[task].end()

    def tasks(self) -> list[TaskReport]:
        """Return the totals of every task that was ever reported, by task id."""
        return [self._totals[task].total() for task in sorted(self._totals)]

    def errors(self) -> list[ErrorReport]:
        """Return the kept errors of all components, oldest first."""
        return sorted((e for c in self._errors.values() for e in c.kept), key=lambda e: e.time_s)

    def _of_component(self, component: str) -> ComponentErrors:
        return self._errors.setdefault(component, ComponentErrors(self._limits))


def newest_within(errors: list[ErrorReport], limit_bytes: int = DOCUMENT_BYTES) -> list[ErrorReport]:
    """Return the newest of ``errors`` (oldest first) that fit into ``limit_bytes`` of JSON, oldest first."""
    used = 0
    for index in range(len(errors) - 1, -1, -1):
        used += len(msgspec.json.encode(errors[index])) + 64  # indented when stored
        if used > limit_bytes:
            return errors[index + 1 :]
    return errors


def _sum(base: Mapping[str, Number], now: Mapping[str, Number]) -> dict[str, Number]:
    total = dict(base)
    for key, value in now.items():
        total[key] = total.get(key, 0) + value
    return total


def shortened(text: str) -> str:
    """Return a text without its middle if it is longer than `TEXT_CHARS`; what is returned is not."""
    if len(text) <= TEXT_CHARS:
        return text
    half = (TEXT_CHARS - 64) // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def _positive(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value < math.inf else None
