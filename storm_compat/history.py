"""Which topologies there were, for getTopologyHistory. Pure.

Kept for as long as Storm keeps logs: ``logviewer.cleanup.age.mins``.
Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java (getTopologyHistory)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A topology that was killed."""

    topology_id: str
    time_s: float
    """When, in seconds since the epoch."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def entry(topology_id: str, conf: Mapping[str, Any], now: float) -> HistoryEntry:
    """Return what is kept of a topology that is killed now."""
    users, groups = readers(conf)
    return HistoryEntry(topology_id, now, users, groups)


def readers(conf: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the users and the groups that may see a topology's logs, and so know of it."""
    return _both(conf, "logs.users", "topology.users"), _both(conf, "logs.groups", "topology.groups")


def added(entries: Iterable[HistoryEntry], new: HistoryEntry, conf: Mapping[str, Any]) -> list[HistoryEntry]:
    """Return the history with one more topology, and without those that are too old."""
    age_s = 60 * float(conf.get("logviewer.cleanup.age.mins") or 10080)
    kept = [e for e in entries if new.time_s - e.time_s < age_s and e.topology_id != new.topology_id]
    return [*kept, new]


def visible(entries: Iterable[HistoryEntry], user: str | None, groups: Collection[str] = ()) -> list[str]:
    """Return the ids that a user may know of; None is nobody in particular and sees all."""
    return [e.topology_id for e in entries if user is None or user in e.users or {*groups} & {*e.groups}]


def _both(conf: Mapping[str, Any], *keys: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for key in keys:
        value = conf.get(key) or ()
        found |= dict.fromkeys(
            [value] if isinstance(value, str) else [str(v) for v in value if v is not None]
        )
    return tuple(found)
