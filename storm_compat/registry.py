"""The topologies there are, as nimbus knows them now: a table of values, found by name and by id.

Refuses to know what happens to them; `storm_compat.topologies` does that, and
takes a topology out when nothing is left of it.  A name is taken until then.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from scheduler.control.messages import Answer, ErrorReport
from storm_compat import blob_map, validate
from storm_compat.alive import Alive
from storm_compat.blob_map import Link
from storm_compat.errors import AlreadyAlive, NotAlive
from storm_compat.system import SYSTEM

MAX_TROUBLES: Final = 10
"""Of a topology; older ones are forgotten."""


@dataclass(slots=True)
class Entry:
    """One topology with what is going on around it."""

    alive: Alive
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while its links to blobs, or its records, change."""

    supervision: asyncio.Task[None] | None = None
    counted: Answer | None = None
    """The last one with counters from all containers."""

    remove_at: float = math.inf
    rebalance_at: float = math.inf
    is_going: bool = False
    """It is being removed: what would be written about it now would be left behind."""

    @property
    def links(self) -> tuple[Link, ...]:
        """To blobs of users; a rebalance may change them."""
        return blob_map.parse(self.alive.kept.topology.conf)

    @property
    def due_at(self) -> float:
        """When the next of its waits is over; inf: it waits for nothing."""
        return min(self.remove_at, self.rebalance_at)

    def change(self, **values: Any) -> None:
        """Replace fields of what is known of it."""
        self.alive = dataclasses.replace(self.alive, **values)


class Registry:
    """Entries by topology id; ``wall`` is seconds since the epoch."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._entries: dict[str, Entry] = {}
        self.unreadable: dict[str, str] = {}
        """Ids, by name, of topologies that exist but whose records nobody can read: only to be removed."""

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries there are now; the table may change meanwhile."""
        return iter(list(self._entries.values()))

    def __getitem__(self, topology_id: str) -> Entry:
        """Return an entry that must exist."""
        return self._entries[topology_id]

    def get(self, topology_id: str) -> Entry | None:
        """Return an entry; None if there is none any more."""
        return self._entries.get(topology_id)

    def add(self, alive: Alive) -> Entry:
        """Return the new entry of a topology."""
        entry = self._entries[alive.topology_id] = Entry(alive)
        return entry

    def forget(self, topology_id: str) -> None:
        """Take a topology out; its name is free."""
        self._entries.pop(topology_id, None)

    def all(self) -> list[Alive]:
        """Return every topology that exists, by name."""
        return sorted((entry.alive for entry in self), key=lambda alive: alive.name)

    def named(self, name: str | None) -> Alive:
        """Return the topology of that name.

        Raises:
            NotAlive: Storm's text.
        """
        for entry in self:
            if entry.alive.name == name:
                return entry.alive
        raise NotAlive.named(str(name))

    def with_id(self, topology_id: str | None) -> Alive:
        """Return the topology of that id.

        Raises:
            NotAlive: the text is the bare id, as Storm's.
        """
        entry = self._entries.get(topology_id or "")
        if entry is None:
            raise NotAlive(str(topology_id))
        return entry.alive

    def refuse_going(self, alive: Alive) -> None:
        """Raise `NotAlive` if nothing about a topology can be changed any more; its name is still taken."""
        if self._entries[alive.topology_id].is_going:
            raise NotAlive.named(alive.name)

    def is_free(self, name: str | None) -> bool:
        """Return whether a topology of that name could be submitted."""
        return validate.is_name(name) and not self._is_taken(name)

    def refuse_taken(self, name: str) -> None:
        """Raise `AlreadyAlive` if the name is in use."""
        if self._is_taken(name):
            raise AlreadyAlive(name)

    def _is_taken(self, name: str | None) -> bool:
        return name in self.unreadable or any(entry.alive.name == name for entry in self)

    def trouble(self, topology_id: str, text: str) -> None:
        """Show people what nimbus saw go wrong with a topology."""
        entry = self._entries.get(topology_id)
        if entry is not None:
            troubles = (*entry.alive.troubles, ErrorReport(SYSTEM, -1, text, self._wall()))
            entry.change(troubles=troubles[-MAX_TROUBLES:])
