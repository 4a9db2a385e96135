"""A launcher and topology processes that exist only in memory, and a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from scheduler.control.messages import Answer
from scheduler.errors import LaunchError
from scheduler.layout import Layout
from scheduler.state.files import FileStore
from scheduler.state.records import ProcessRecord
from storm_compat import conf as confs
from storm_compat.blob_acl import BlobAuthorizer
from storm_compat.blobs import BlobLimits, Blobs
from storm_compat.blobs_of_topologies import BlobsOfTopologies
from storm_compat.depot import Depot
from storm_compat.submission import Submission
from storm_compat.topologies import Topologies
from tests.storm_compat.builders import jar, word_count


class FakeLauncher:
    """`Launcher`; what was asked of it is in ``calls``. Survives a nimbus, as processes do."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.running: dict[int, asyncio.Event] = {}
        self.codes: dict[int, int] = {}
        self.pid = 100
        self.start_fails_with = ""
        self.stop_fails_with = ""
        self.is_stubborn = False
        self.may_stop: asyncio.Event | None = None

    def start(self, topology_id: str, container_id: int) -> ProcessRecord:
        if self.start_fails_with:
            raise LaunchError(self.start_fails_with)
        self.pid += 1
        self.running[self.pid] = asyncio.Event()
        self.calls.append(f"start {topology_id.split('-', maxsplit=1)[0]} {container_id}")
        return ProcessRecord(self.pid, birth=float(self.pid))

    def is_alive(self, process: ProcessRecord) -> bool:
        return process.pid in self.running and process.birth == float(process.pid)

    async def wait(self, process: ProcessRecord) -> int | None:
        if event := self.running.get(process.pid):
            await event.wait()
        return self.codes.get(process.pid)

    async def stop(self, process: ProcessRecord, *, grace_s: float) -> None:
        if self.stop_fails_with:
            raise LaunchError(self.stop_fails_with)
        if self.may_stop is not None:
            await self.may_stop.wait()
        self.calls.append(f"stop {process.pid}")
        self.die(process.pid, -15)

    def sweep(self, topology_id: str, container_id: int | None = None) -> int:
        self.calls.append(
            f"sweep {topology_id.split('-', maxsplit=1)[0]} {'all' if container_id is None else container_id}"
        )
        return 0

    def die(self, pid: int, code: int) -> None:
        self.codes[pid] = code
        self.running.pop(pid).set()


class FakeMasters:
    """`Masters` that answer what they are told to."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.nudged: list[str] = []
        self.restarted: list[int] = []
        self.is_there = True

    async def ask(self, topology_id: str) -> Answer | None:
        return self.answers.get(topology_id)

    async def nudge(self, topology_id: str) -> None:
        self.nudged.append(topology_id)

    async def restart(self, topology_id: str, container_id: int) -> bool:
        self.restarted.append(container_id)
        return self.is_there


class World:
    """One root on disk, with everything else faked; `nimbus` makes one life of the registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = Layout(folder / "root")
        self.launcher = FakeLauncher()
        self.masters = FakeMasters()
        self.now = 1_700_000_000.0
        self.store = FileStore(self.layout.state)
        self.depot = Depot(self.store, self.layout)
        self.jar = jar(folder / "t.jar")

    def nimbus(self) -> Topologies:
        return Topologies(
            self.depot,
            self.layout,
            self.launcher,
            self.masters,
            confs.cluster({}),
            owner="me",
            clock=lambda: self.now,
            wall=lambda: self.now,
        )

    def blobs(
        self,
        topologies: Topologies,
        *,
        authorizer: BlobAuthorizer | None = None,
        limits: BlobLimits | None = None,
    ) -> Blobs:
        return Blobs(
            self.depot.blob_files,
            BlobsOfTopologies(self.depot, topologies.all),
            authorizer or BlobAuthorizer(),
            limits,
            on_update=topologies.blob_updated,
        )

    def submission(self, name: str = "wc", conf: Mapping[str, Any] | None = None, **more: Any) -> Submission:
        return Submission(
            **({"name": name, "conf": conf or {}, "code": word_count(), "jar": self.jar} | more)
        )


async def until(is_so: Callable[[], bool]) -> None:
    """Return when ``is_so``; other tasks, and threads, run meanwhile. Ends the test after 5 s."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  what is waited for sets no event
            await asyncio.sleep(0.001)


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run an async test."""

    async def whole() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(whole())
