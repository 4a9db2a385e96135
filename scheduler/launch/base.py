"""What is asked of a place that can run our processes.

Two callers: nimbus starts the topology process (container 0) of each
topology; the topology process starts containers 1 to n.  Both keep the
record of what they started in the state store, so that whoever comes after
them can adopt it.
"""

from __future__ import annotations

from typing import Protocol

from scheduler.state.records import ProcessRecord


class Launcher(Protocol):
    """Start, watch and end the containers of topologies; container 0 is the topology process."""

    def start(self, topology_id: str, container_id: int) -> ProcessRecord:
        """Start one process and return at once.

        Raises:
            LaunchError: it could not be started; says why.
        """

    def is_alive(self, process: ProcessRecord) -> bool:
        """Return whether exactly that process still runs (a reused pid is another one)."""

    async def wait(self, process: ProcessRecord) -> int | None:
        """Return when the process has ended: its exit code (negative: signal), None if unknown."""

    async def stop(self, process: ProcessRecord, *, grace_s: float) -> None:
        """Ask the process to end; after ``grace_s`` end its whole group. Fine if it is gone."""

    def sweep(self, topology_id: str, container_id: int | None = None) -> int:
        """End at once what a dead container, or all containers of a topology, left behind.

        Return how many processes were found: components, their children and
        grandchildren, whatever session they moved to.
        """
