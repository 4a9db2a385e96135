from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from scheduler.state.records import ProcessRecord
from storm_compat.supervision import Supervision
from tests.storm_compat.fakes import World, play, until

LOG = Path("/logs/topology.log")


class Nap:
    """A sleep that ends when the test says so; ``naps`` is how long was asked for."""

    def __init__(self) -> None:
        self.naps: list[float] = []
        self._end = asyncio.Event()

    async def __call__(self, delay_s: float) -> None:
        self.naps.append(delay_s)
        self._end.clear()
        await self._end.wait()

    def end(self) -> None:
        self._end.set()


def watched(tmp_path: Path, story: Callable[[World, Nap, list[str]], Awaitable[None]]) -> None:
    async def whole() -> None:
        world, nap, told = World(tmp_path), Nap(), list[str]()
        supervision = Supervision(
            "wc-1-17",
            depot=world.depot,
            launcher=world.launcher,
            log=LOG,
            report=told.append,
            clock=lambda: world.now,
            sleep=nap,
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(supervision.run())
            await story(world, nap, told)
            task.cancel()

    play(whole)


def test_a_process_that_dies_is_started_again_with_growing_delays(tmp_path: Path) -> None:
    async def story(world: World, nap: Nap, told: list[str]) -> None:
        for count, delay_s in ((1, 0.1), (2, 0.25), (3, 0.5)):
            await until(lambda: bool(world.launcher.running))
            world.now += 2
            world.launcher.die(world.launcher.pid, 1)
            await until(lambda count=count: len(nap.naps) == count)  # type: ignore[misc]
            assert nap.naps[-1] == delay_s
            nap.end()
        await until(lambda: bool(world.launcher.running))
        assert world.launcher.calls == ["start wc 0", *["sweep wc 0", "start wc 0"] * 3]
        process = world.depot.process("wc-1-17")
        assert process is not None
        assert process.restart_count == 3
        assert told[0] == (
            "The topology process ended after 2.0 s, with exit code 1; its log is /logs/topology.log. "
            "Next start in 0.1 s. Tuples go on, but nothing that fails is replaced meanwhile"
        )

    watched(tmp_path, story)


def test_a_long_life_is_followed_by_a_short_delay(tmp_path: Path) -> None:
    async def story(world: World, nap: Nap, told: list[str]) -> None:
        for lived_s in (1, 1, 60):
            await until(lambda: bool(world.launcher.running))
            world.now += lived_s
            asked = len(nap.naps)
            world.launcher.die(world.launcher.pid, -9)
            await until(lambda asked=asked: len(nap.naps) > asked)  # type: ignore[misc]
            nap.end()
        assert nap.naps == [0.1, 0.25, 0.1]
        assert "by signal 9" in told[-1]

    watched(tmp_path, story)


def test_a_running_process_is_adopted_and_left_running(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def story() -> None:
        world.depot.set_process("wc-1-17", world.launcher.start("wc-1-17", 0))
        supervision = Supervision(
            "wc-1-17", depot=world.depot, launcher=world.launcher, log=LOG, report=lambda text: None
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(supervision.run())
            await asyncio.sleep(0)
            task.cancel()
        assert world.launcher.calls == ["start wc 0"]
        assert list(world.launcher.running) == [101]

    play(story)


def test_another_process_with_the_same_pid_is_not_adopted(tmp_path: Path) -> None:
    async def story() -> None:
        world = World(tmp_path)
        world.launcher.start("other-1-1", 0)
        world.depot.set_process("wc-1-17", ProcessRecord(101, birth=3.0, restart_count=4))
        supervision = Supervision(
            "wc-1-17", depot=world.depot, launcher=world.launcher, log=LOG, report=lambda text: None
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(supervision.run())
            await until(lambda: len(world.launcher.running) == 2)
            task.cancel()
        process = world.depot.process("wc-1-17")
        assert process is not None
        assert (process.pid, process.restart_count) == (102, 5)

    play(story)


def test_a_record_that_nobody_can_read_is_swept_and_replaced(tmp_path: Path) -> None:
    async def story(world: World, nap: Nap, told: list[str]) -> None:
        await until(lambda: bool(world.launcher.running))
        assert world.launcher.calls == ["sweep wc 0", "start wc 0"]
        process = world.depot.process("wc-1-17")
        assert process is not None
        assert process.pid == world.launcher.pid
        assert (nap.naps, told) == ([], [])

    World(tmp_path).store.set("topologies/wc-1-17/processes/0", b'{"pid": "x"}')
    watched(tmp_path, story)
