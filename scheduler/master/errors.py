"""The errors that people should see: the last 50 of each component. Pure.

At most 5 of a component within 10 s are kept, as Storm does it; the others are
counted, and the count is shown as one more entry.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scheduler.control.messages import ErrorReport

MAX_PER_INTERVAL = 5
INTERVAL_S = 10.0
KEPT_COUNT = 50
TEXT_CHARS = 8192
"""Longer error texts lose their middle."""

DOCUMENT_BYTES = 384 * 1024
"""The state store takes documents below 512 KiB."""


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
        left_out = error.count
        if self._stored_count < self.limits.max_per_interval:
            self._stored_count += 1
            self.kept.append(msgspec.structs.replace(error, text=shortened(error.text), count=1))
            left_out -= 1
        if not left_out:
            return
        if self._suppressed_count and self.kept[-1].text == self._count_text():
            self.kept.pop()
        self._suppressed_count += left_out
        self.kept.append(msgspec.structs.replace(error, text=self._count_text(), count=1))

    def _count_text(self) -> str:
        return (
            f"{self._suppressed_count} more within {self.limits.interval_s:g} s were not kept"
            f" (at most {self.limits.max_per_interval} are: topology.max.error.report.per.interval)"
        )


class Errors:
    """The last errors of all components."""

    def __init__(self, limits: ErrorLimits, stored: Iterable[ErrorReport] = ()) -> None:
        """Begin with what a predecessor stored."""
        self._limits = limits
        self._components: dict[str, ComponentErrors] = {}
        self.has_unsaved = False
        """Set by `add`; whoever saves them takes it back."""

        for error in stored:
            self._of_component(error.component).kept.append(error)

    def add(self, error: ErrorReport, now: float) -> None:
        """Store or count one error."""
        self._of_component(error.component).add(error, now)
        self.has_unsaved = True

    def all(self) -> list[ErrorReport]:
        """Return the kept errors of all components, oldest first."""
        return sorted((e for c in self._components.values() for e in c.kept), key=lambda e: e.time_s)

    def _of_component(self, component: str) -> ComponentErrors:
        return self._components.setdefault(component, ComponentErrors(self._limits))


def newest_within(errors: list[ErrorReport], limit_bytes: int = DOCUMENT_BYTES) -> list[ErrorReport]:
    """Return the newest of ``errors`` (oldest first) that fit into ``limit_bytes`` of JSON, oldest first."""
    used = 0
    for index in range(len(errors) - 1, -1, -1):
        used += len(msgspec.json.encode(errors[index])) + 64  # indented when stored
        if used > limit_bytes:
            return errors[index + 1 :]
    return errors


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
