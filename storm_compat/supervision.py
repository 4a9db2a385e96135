"""Keep the topology process of one topology alive: adopt it, start it, start it again.

The tuples do not depend on it, so its death is no hurry; but without it no
container is replaced and no number is known.  What goes wrong is handed to
``report``, so that a user sees it where Storm shows errors.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from scheduler.control.backoff import Backoff
from scheduler.errors import LaunchError, StateError
from scheduler.launch.base import Launcher
from scheduler.state.records import ProcessRecord
from storm_compat.depot import Depot

logger = logging.getLogger(__name__)


class Supervision:
    """Runs container 0 of one topology until it is cancelled."""

    def __init__(
        self,
        topology_id: str,
        *,
        depot: Depot,
        launcher: Launcher,
        log: Path,
        report: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Args: log: named in what is reported. clock: seconds, monotonic."""
        self._topology_id = topology_id
        self._depot = depot
        self._launcher = launcher
        self._log = log
        self._report = report
        self._clock = clock
        self._sleep = sleep

    async def run(self) -> None:
        """Keep one topology process running; returns only when cancelled, and leaves it running then."""
        backoff = Backoff()
        last = await self._last()
        process = last if last is not None and self._launcher.is_alive(last) else None
        if process is not None:
            logger.info("adopted a topology process: topology=%s pid=%s", self._topology_id, process.pid)
        while True:
            began = self._clock()
            try:
                if process is None:
                    process = await self._start(last)
                code = await self._launcher.wait(process)
                lived_s = self._clock() - began
                how = f"ended after {lived_s:.1f} s, {_meaning(code)}"
            except (LaunchError, StateError, OSError) as exc:
                lived_s = 0.0
                how = f"could not be started: {exc}"
            delay_s, backoff = backoff.ended(lived_s)
            self._tell(how, delay_s)
            await self._sleep(delay_s)
            last, process = process or last, None

    async def _last(self) -> ProcessRecord | None:
        """Return which process was started last; where that cannot be told, see that none runs."""
        try:
            return self._depot.process(self._topology_id)
        except StateError as exc:
            logger.warning("process record not readable: topology=%s reason=%s", self._topology_id, exc)
            await asyncio.to_thread(self._launcher.sweep, self._topology_id, 0)
            return None

    async def _start(self, last: ProcessRecord | None) -> ProcessRecord:
        if last is not None:  # it may have left something behind, or have been started without a record
            await asyncio.to_thread(self._launcher.sweep, self._topology_id, 0)
        process = self._launcher.start(self._topology_id, 0)
        if last is not None:
            process = dataclasses.replace(process, restart_count=last.restart_count + 1)
        self._depot.set_process(self._topology_id, process)
        logger.info(
            "started a topology process: topology=%s pid=%s restarts=%s",
            self._topology_id,
            process.pid,
            process.restart_count,
        )
        return process

    def _tell(self, how: str, delay_s: float) -> None:
        logger.warning(
            "a topology process is gone: topology=%s how=%s next_start_in_s=%s",
            self._topology_id,
            how,
            delay_s,
        )
        self._report(
            f"The topology process {how}; its log is {self._log}. Next start in {delay_s:g} s. Tuples go on, "
            "but nothing that fails is replaced meanwhile"
        )


def _meaning(code: int | None) -> str:
    if code is None:
        return "with an unknown exit code"
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
