"""One topology at one moment, as all pages look at it: where tasks are, what they counted, what went wrong.

Windows of time have Storm's names: seconds as text, and ":all-time".  A
client may ask for one that there is not; it gets all time, as it does when it
asks for none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from scheduler.control.messages import Answer, ErrorReport, TaskReport
from scheduler.layout import slot
from scheduler.topology import Component, Topology
from storm_compat.alive import Alive
from storm_compat.stats.machine import Machine
from storm_compat.thrift import idl

ALL_TIME: Final = ":all-time"
CAPACITY_WINDOW: Final = "600"
WINDOWS: Final = (CAPACITY_WINDOW, "10800", "86400", ALL_TIME)
"""The longest last: streamparse takes the last one of a list as the whole."""


class Counters(Protocol):
    """What one task counted; the keys are those of `scheduler.control.messages.TaskReport`."""

    @property
    def emitted(self) -> Mapping[str, int]: ...
    @property
    def transferred(self) -> Mapping[str, int]: ...
    @property
    def executed(self) -> Mapping[str, int]: ...
    @property
    def acked(self) -> Mapping[str, int]: ...
    @property
    def failed(self) -> Mapping[str, int]: ...
    @property
    def latency_ms_sum(self) -> Mapping[str, float]: ...
    @property
    def latency_count(self) -> Mapping[str, int]: ...
    @property
    def busy_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sums:
    """What several tasks of one component counted in one window, by stream or ``component:stream``."""

    emitted: Mapping[str, int]
    transferred: Mapping[str, int]
    executed: Mapping[str, int]
    acked: Mapping[str, int]
    failed: Mapping[str, int]
    latency_ms_sum: Mapping[str, float]
    latency_count: Mapping[str, int]
    busy_ms: int

    @classmethod
    def of(cls, counters: Sequence[Counters]) -> Sums:
        """Return the sums over tasks."""
        return cls(
            emitted=_summed(c.emitted for c in counters),
            transferred=_summed(c.transferred for c in counters),
            executed=_summed(c.executed for c in counters),
            acked=_summed(c.acked for c in counters),
            failed=_summed(c.failed for c in counters),
            latency_ms_sum=_summed(c.latency_ms_sum for c in counters),
            latency_count=_summed(c.latency_count for c in counters),
            busy_ms=sum(c.busy_ms for c in counters),
        )

    def latency_ms(self, keys: Iterable[str]) -> float:
        """Return the mean latency over some keys, a spout's complete or a bolt's process; 0 if unknown."""
        keys = [*keys]
        count = sum(self.latency_count.get(key, 0) for key in keys)
        return sum(self.latency_ms_sum.get(key, 0.0) for key in keys) / count if count else 0.0

    def execute_ms(self) -> float:
        """Return how long a bolt works on one tuple, in the mean over all its inputs; 0 if unknown."""
        executed = sum(self.executed.values())
        return self.busy_ms / executed if executed else 0.0


@dataclass(slots=True)
class View:
    """See the module; make one per reply."""

    alive: Alive
    answer: Answer
    machine: Machine
    now: float
    """Seconds since the epoch."""

    _reports: dict[int, TaskReport] = field(init=False)
    _places: dict[int, int] = field(init=False)
    _errors: dict[str, list[ErrorReport]] = field(init=False)

    def __post_init__(self) -> None:
        self._reports = {report.task: report for report in self.answer.tasks}
        self._places = _places(self.alive)
        self._errors = {}
        found = [*self.answer.errors, *self.alive.troubles]
        for error in sorted(found, key=lambda error: error.time_s, reverse=True):
            self._errors.setdefault(error.component, []).append(error)

    @property
    def topology(self) -> Topology:
        return self.alive.kept.topology

    @property
    def uptime_s(self) -> int:
        """Seconds since the submission, whole."""
        return max(0, int(self.now - self.alive.kept.submission.submitted_at_s))

    def port(self, task: int) -> int:
        """Return where a task is shown; what has no place of its own is with container 1."""
        return slot(self._places.get(task, 1))

    def container(self, task: int) -> int:
        """Return the container that a task is shown in."""
        return self._places.get(task, 1)

    def task_uptime_s(self, tasks: Iterable[int]) -> int:
        """Return how long the youngest process of some tasks lives; 0 if none has reported."""
        known = [self._reports[task].uptime_s for task in tasks if task in self._reports]
        return math.ceil(min(known, default=0.0))

    def sums(self, tasks: Iterable[int], window: str = ALL_TIME) -> Sums:
        """Return what some tasks of one component counted in a window."""
        counters = self._counters(window)
        return Sums.of([counters[task] for task in tasks if task in counters])

    def capacity(self, tasks: Iterable[int]) -> float:
        """Return which part of the last ten minutes the busiest of some tasks was at work.

        Storm's is the executor's; here each task is a process that works on its own.
        """
        counters = self._counters(CAPACITY_WINDOW)
        busy_ms = max((counters[task].busy_ms for task in tasks if task in counters), default=0)
        return busy_ms / (1000 * min(max(self.uptime_s, 1), int(CAPACITY_WINDOW)))

    def _counters(self, window: str) -> Mapping[int, Counters]:
        """Return what each task counted in a window; one that is longer than all is as all."""
        if window == ALL_TIME:
            return self._reports
        return self.answer.windows.get(int(window), self._reports)

    def errors(self, component: str) -> list[ErrorReport]:
        """Return the errors of a component, newest first."""
        return self._errors.get(component, [])

    def error_info(self, error: ErrorReport) -> Any:
        """Return an ErrorInfo with the place where it happened."""
        return idl.load().ErrorInfo(
            error=error.text,
            error_time_secs=int(error.time_s),
            host=self.machine.host,
            port=self.port(error.task),
        )


def window_or_all(window: str | None) -> str:
    """Return the window that is meant, whatever a client sent."""
    return window if window in WINDOWS else ALL_TIME


def is_shown(identifier: str, *, is_include_sys: bool) -> bool:
    """Return whether a component or stream is shown to who asked."""
    return is_include_sys or not identifier.startswith("__")


def shown(identifiers: Iterable[str], *, is_include_sys: bool) -> list[str]:
    """Return those components or streams that `is_shown`."""
    return [each for each in identifiers if is_shown(each, is_include_sys=is_include_sys)]


def executor_ranges(component: Component) -> list[tuple[int, ...]]:
    """Return the tasks of each executor: contiguous, the larger ranges first."""
    if not component.executor_count:
        return []
    size, larger_count = divmod(len(component.tasks), component.executor_count)
    ranges, start = [], 0
    for index in range(component.executor_count):
        end = start + size + (index < larger_count)
        ranges.append(component.tasks[start:end])
        start = end
    return ranges


def _places(alive: Alive) -> dict[int, int]:
    """Return task -> container, with the tasks that live nowhere dealt out to the containers in turn."""
    place = alive.kept.packing.container_of()
    ids = [container.container_id for container in alive.kept.packing.containers]
    homeless = [task for task in sorted(alive.kept.topology.component_of()) if task not in place]
    return place | {task: ids[index % len(ids)] for index, task in enumerate(homeless)}


def _summed(counters: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    sums: dict[str, float] = {}
    for counter in counters:
        for key, count in counter.items():
            sums[key] = sums.get(key, 0) + count
    return sums
