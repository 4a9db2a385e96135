"""What people change about a running topology without moving anything: log levels, and which emits are shown.

    ROOT           our processes of the topology, and the lines that all its components log
    a component    the lines that it logs; goes before ROOT
    other names    our loggers of that name, such as scheduler.stream

The levels are Storm's.  Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from scheduler.state.records import LogLevelRecord, SettingsRecord

ROOT: Final = "ROOT"
LEVELS: Final[Mapping[str, int]] = MappingProxyType(
    {"ALL": 1, "TRACE": 5, "DEBUG": 10, "INFO": 20, "WARN": 30, "ERROR": 40, "FATAL": 50, "OFF": 100}
)
"""Storm's levels, from the least important on, as numbers of Python's logging."""

_TO_COMPONENTS: Final = {"ALL": "debug", "TRACE": "debug", "FATAL": "critical", "OFF": "critical"}


def in_force(levels: Mapping[str, LogLevelRecord], now: float) -> dict[str, LogLevelRecord]:
    """Return the levels whose time is not up; ``now`` is seconds since the epoch."""
    return {
        name: level for name, level in levels.items() if level.until_ms is None or level.until_ms > now * 1000
    }


def threshold(levels: Mapping[str, LogLevelRecord], component: str) -> LogLevelRecord | None:
    """Return the level that holds for a component's lines; None: all are written."""
    return levels.get(component) or levels.get(ROOT)


def is_written(levels: Mapping[str, LogLevelRecord], component: str, level: str) -> bool:
    """Return whether a line that a component logs at ``level`` is written."""
    least = threshold(levels, component)
    return least is None or LEVELS[level] >= LEVELS[least.level]


def told(levels: Mapping[str, LogLevelRecord], component: str) -> dict[str, str]:
    """Return what is laid over the conf of a component that starts, for libraries that honour it."""
    least = threshold(levels, component)
    if least is None:
        return {}
    return {"pystorm.log.level": _TO_COMPONENTS.get(least.level, least.level.lower())}


def shown_emits(settings: SettingsRecord, topology_id: str, component: str, *, is_debug: bool) -> float:
    """Return how many of a component's emits are shown, in percent.

    Args:
        is_debug: what its conf says of ``topology.debug``, which shows all.
    """
    whole, own = settings.debug.get(topology_id), settings.debug.get(component)
    asked = [debug.sampling_pct for debug in (whole, own) if debug is not None and debug.is_enabled]
    return 100.0 if is_debug else max(asked, default=0.0)
