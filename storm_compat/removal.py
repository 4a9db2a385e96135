"""Ends the processes of a topology, and removes what is kept of it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from scheduler.errors import StateError
from scheduler.launch.base import Launcher
from storm_compat.depot import Depot
from storm_compat.registry import Entry

logger = logging.getLogger(__name__)

STOP_GRACE_S: Final = 6.0
"""For the processes of a topology to end by themselves; then they are killed."""


class Removal:
    """How topologies end; every step may be done again."""

    def __init__(self, depot: Depot, launcher: Launcher) -> None:
        self._depot = depot
        self._launcher = launcher

    async def remove(self, entry: Entry) -> None:
        """End a topology's processes and remove all that is kept of it.

        Raises:
            SchedulerError, OSError: something is left; it may be tried again.
        """
        await self.stop(entry)
        async with entry.renewing:
            await self.erase(entry.alive.topology_id)

    async def erase(self, topology_id: str) -> None:
        """End whatever runs of a topology and remove whatever is kept of it."""
        await asyncio.to_thread(self._launcher.sweep, topology_id)
        await asyncio.to_thread(self._depot.forget, topology_id)

    async def stop(self, entry: Entry) -> None:
        """End a topology's supervision and its process, which ends its containers."""
        topology_id = entry.alive.topology_id
        if entry.supervision is not None:
            entry.supervision.cancel()
            await asyncio.wait([entry.supervision])
        try:
            process = self._depot.process(topology_id)
        except StateError as exc:  # swept instead, as everything else of it
            logger.warning("process record not readable: topology=%s reason=%s", topology_id, exc)
            return
        if process is not None and self._launcher.is_alive(process):
            await self._launcher.stop(process, grace_s=STOP_GRACE_S)

    async def stop_logged(self, entry: Entry) -> None:
        """End every process of a topology, whatever goes wrong, and leave its records."""
        topology_id = entry.alive.topology_id
        try:
            await self.stop(entry)
            count = await asyncio.to_thread(self._launcher.sweep, topology_id)
        except Exception:
            logger.exception("could not stop a topology: topology=%s", topology_id)
        else:
            logger.info("stopped a topology: topology=%s swept=%s", topology_id, count)
