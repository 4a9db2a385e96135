"""The metrics that components set themselves, between two looks at them. Pure.

A component says ``{"command": "metrics", "name": ..., "params": ...}`` and
registers nothing, so what it sends tells the kind:

    null            one more
    a number        so many more; the last one counts, if the name is a gauge
    an object       each of its keys as a metric of its own
    anything else   the last one counts

Counts begin anew after each look, as Storm's do; the rest stays.
Source: storm:storm-client/src/jvm/org/apache/storm/metric/api/rpc/
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Final

from multilang.codec import read_json

MAX_NAMES: Final = 1000
"""Metrics of one task; more are not kept."""

Value = int | float | str | dict[str, "Value"]


class ShellMetrics:
    """The metrics of one task.

    Args:
        gauges: names, or patterns with ``*``, of metrics whose numbers are levels and no counts.
    """

    def __init__(self, gauges: Iterable[str] = ()) -> None:
        self._gauges = tuple(gauges)
        self._counts: dict[tuple[str, str], int | float] = {}
        self._levels: dict[tuple[str, str], int | float | str] = {}

    def note(self, name: str, params: bytes) -> bool:
        """Take what a component said; return False if it has too many metrics for another one.

        Raises:
            ValueError: ``params`` is no JSON.
        """
        value = read_json(params) if params else None
        if not isinstance(value, dict):
            return self._note(name, "", value)
        kept = [self._note(name, str(key), part) for key, part in value.items()]
        return all(kept)

    def _note(self, name: str, key: str, value: Any) -> bool:
        place = (name, key)
        is_new = place not in self._counts and place not in self._levels
        if is_new and len(self._counts) + len(self._levels) >= MAX_NAMES:
            return False
        if value is None:
            value = 1
        is_count = isinstance(value, int | float) and not isinstance(value, bool)
        if is_count and not any(fnmatchcase(name, pattern) for pattern in self._gauges):
            self._counts[place] = self._counts.get(place, 0) + value
        else:
            self._levels[place] = value if is_count or isinstance(value, str) else str(value)
        return True

    def take(self) -> dict[str, Value]:
        """Return name -> value, or name -> key -> value, and let all counts begin anew."""
        found: dict[str, Value] = {}
        for (name, key), value in {**self._counts, **self._levels}.items():
            if not key:
                found[name] = value
                continue
            inner = found.setdefault(name, {})
            if isinstance(inner, dict):
                inner[key] = value
        self._counts = dict.fromkeys(self._counts, 0)
        return found
