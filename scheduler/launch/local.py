"""Containers as processes of this machine.

    container 0     python -m scheduler.run.topology  --root ROOT --topology=ID
    container N     python -m scheduler.run.container --root ROOT --topology=ID --container N

Each gets a session of its own, nothing on stdin, its log for stdout and
stderr, and a mark that its descendants inherit (`scheduler.launch.processes`).
They outlive whoever started them: a successor adopts them by their record.
Knows nothing of what runs inside, and starts nothing again by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from typing import Final

import scheduler
from scheduler.errors import LaunchError
from scheduler.launch import processes
from scheduler.launch.processes import MARKER
from scheduler.layout import Layout
from scheduler.state.records import ProcessRecord

KILLED_WITHIN_S: Final = 10.0
BIRTH_TOLERANCE_S: Final = 0.005  # half of the kernel's tick

Argv = Callable[[str, int], Sequence[str]]
"""Topology id and container id -> argument vector."""


@dataclass(frozen=True, slots=True)
class _Child:
    """What we started ourselves, until somebody was told its exit code."""

    record: ProcessRecord
    popen: subprocess.Popen[bytes]
    mark: str


class LocalLauncher:
    """`Launcher` for one root on this machine; to be used from one event loop.

    Args:
        python: the interpreter to run our processes with.
        argv: replaces the command lines above.
    """

    def __init__(self, layout: Layout, python: str = sys.executable, *, argv: Argv | None = None) -> None:
        self._layout = layout
        self._python = python
        self._argv = argv or self._our_argv
        self._root = layout.root.absolute()
        self._root_mark = hashlib.sha256(os.fsencode(layout.root.resolve())).hexdigest()[:16]
        self._children: dict[int, _Child] = {}
        self._start_counts: Counter[str] = Counter()

    def mark(self, topology_id: str, container_id: int) -> str:
        """Return the value of `MARKER` in every process of a container."""
        return f"{self._topology_mark(topology_id)}{container_id}"

    def start(self, topology_id: str, container_id: int) -> ProcessRecord:
        """See `Launcher.start`; takes milliseconds."""
        mark = self.mark(topology_id, container_id)
        # An unbuffered stdout would make a component write every message in pieces.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        environment[MARKER] = mark
        log = (
            self._layout.worker_log(topology_id, container_id)
            if container_id
            else self._layout.topology_log(topology_id)
        )
        what = f"container {container_id} of {topology_id}"
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = log.open("ab")
        except OSError as exc:
            raise LaunchError(f"{what} cannot write its log: {exc.strerror} at {log}") from exc
        argv = self._argv(topology_id, container_id)
        self._start_counts[mark] += 1  # before anything carries the mark; see `stop`
        with output:
            try:
                child = subprocess.Popen(
                    argv,
                    cwd=self._folder(),
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, ValueError) as exc:
                raise LaunchError(f"{what} cannot be started with {argv[0]}: {exc}") from exc
        record = ProcessRecord(
            pid=child.pid, birth=processes.birth(child.pid) or 0.0, started_at_s=time.time()
        )
        self._children[child.pid] = _Child(record, child, mark)
        return record

    def is_alive(self, process: ProcessRecord) -> bool:
        """See `Launcher.is_alive`."""
        return self._is_alive(process, self._child(process))

    async def wait(self, process: ProcessRecord) -> int | None:
        """See `Launcher.wait`; collects our own child, knows no exit code of an adopted process."""
        child = self._child(process)
        await processes.ended(process.pid, is_over=lambda: not self._is_alive(process, child))
        if child is None:
            return None
        if self._child(process) is child:
            del self._children[process.pid]
        return child.popen.poll()

    async def stop(self, process: ProcessRecord, *, grace_s: float) -> None:
        """See `Launcher.stop`; sweeps what the container leaves behind, too, unless it ended before.

        Where the container is started again meanwhile, its successor is spared and so is the rest:
        whoever starts a successor sweeps first.

        Raises:
            LaunchError: it does not even end when killed.
        """
        child = self._child(process)
        mark = child.mark if child else processes.mark_of(process.pid) or ""
        start_count = self._start_counts[mark]
        if not processes.send(process.pid, SIGTERM, is_meant=lambda: self._is_alive(process, child)):
            return
        try:
            async with asyncio.timeout(grace_s):
                await self.wait(process)
        except TimeoutError:
            await self._kill(process, child)
        if mark:
            await asyncio.to_thread(
                processes.sweep, lambda other: other == mark and self._start_counts[mark] == start_count
            )

    def sweep(self, topology_id: str, container_id: int | None = None) -> int:
        """See `Launcher.sweep`; blocks for some milliseconds, longer while processes resist.

        Raises:
            LaunchError: they start new ones faster than they can be killed.
        """
        if container_id is None:
            prefix = self._topology_mark(topology_id)
            return processes.sweep(lambda mark: mark.startswith(prefix))
        meant = self.mark(topology_id, container_id)
        return processes.sweep(lambda mark: mark == meant)

    async def _kill(self, process: ProcessRecord, child: _Child | None) -> None:
        if self._is_alive(process, child):
            processes.kill_group(process.pid)
        try:
            async with asyncio.timeout(KILLED_WITHIN_S):
                await self.wait(process)
        except TimeoutError as exc:
            raise LaunchError(
                f"process {process.pid} did not end within {KILLED_WITHIN_S:.0f} s of being killed; "
                "it hangs in the kernel: look at the disks and mounts it uses"
            ) from exc

    def _child(self, process: ProcessRecord) -> _Child | None:
        child = self._children.get(process.pid)
        return child if child and abs(child.record.birth - process.birth) < BIRTH_TOLERANCE_S else None

    def _is_alive(self, process: ProcessRecord, child: _Child | None) -> bool:
        return child.popen.poll() is None if child else self._runs(process)

    def _runs(self, process: ProcessRecord) -> bool:
        """Return whether a process that is not our child runs, as the kernel sees it."""
        birth = processes.birth(process.pid)
        if birth is None or abs(birth - process.birth) >= BIRTH_TOLERANCE_S:
            return False
        # After a restart of the machine the same pid may be born at the same moment again.
        mark = processes.mark_of(process.pid)
        if mark is not None and not mark.startswith(f"{self._root_mark}/"):
            return False
        return not processes.has_ended(process.pid)

    def _topology_mark(self, topology_id: str) -> str:
        if not topology_id or "/" in topology_id or "\0" in topology_id:
            raise LaunchError(f"{topology_id!r} cannot be the id of a topology")
        return f"{self._root_mark}/{topology_id}/"

    def _our_argv(self, topology_id: str, container_id: int) -> list[str]:
        # With "=", because an id may begin with a hyphen.
        where = ["--root", str(self._root), f"--topology={topology_id}"]
        if container_id == 0:
            return [self._python, "-m", "scheduler.run.topology", *where]
        return [self._python, "-m", "scheduler.run.container", *where, "--container", str(container_id)]

    def _folder(self) -> Path:
        """Return the working directory: -m finds our package there when it is run from a checkout.

        No PYTHONPATH for that: the components would inherit it.
        """
        assert scheduler.__file__
        above = Path(scheduler.__file__).resolve().parents[1]
        return self._root if above.name in {"site-packages", "dist-packages"} else above
