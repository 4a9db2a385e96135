"""The topology process, container 0: topology master and scheduler of one topology.

    python -m scheduler.run.topology --root ROOT --topology ID [--orphan-s 600]

    containers --+                     +--> launcher: start, stop, sweep
    nimbus ------+--> Master decides --+--> state store: processes, errors, where we listen
    state store -+    (scheduler.master)+--> containers: plan, activity, halt

Exit codes: 0 the topology is stopped, 1 it cannot be read, 3 another topology
process of it lives.  Killed, it leaves the containers running; its successor
adopts them.  Every decision is the master's; here it is only carried out.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from scheduler.control.messages import ErrorReport, Halt, Hello
from scheduler.errors import LaunchError, LockHeld, NoSuchNode, SchedulerError, StateError
from scheduler.launch.base import Launcher
from scheduler.launch.local import LocalLauncher
from scheduler.layout import Layout
from scheduler.master import events as ev
from scheduler.master.errors import ErrorLimits, newest_within
from scheduler.master.master import STOP_GRACE_S, Master, MasterConfig
from scheduler.master.membership import ConnectionClosed, Drop, Reject, Send
from scheduler.plan import PackingPlan
from scheduler.run import counts_file, logs
from scheduler.run.log_levels import LogLevels
from scheduler.run.nimbus_watch import NimbusWatch
from scheduler.run.switchboard import HOST, Switchboard
from scheduler.state.files import FileStore
from scheduler.state.records import (
    MasterRecord,
    ProcessRecord,
    SettingsRecord,
    StatusRecord,
    path_of,
    read,
    write,
)
from scheduler.state.store import StateStore
from scheduler.topology import Topology

EXIT_UNREADABLE = 1
EXIT_LOCKED = 3
TICK_S = 1.0

log = logging.getLogger("scheduler.run.topology")  # started with -m, __name__ says nothing


class TopologyProcess:
    """Carries out what the master decides; `run` returns when the topology is stopped."""

    def __init__(
        self, layout: Layout, topology_id: str, store: StateStore, launcher: Launcher, config: MasterConfig
    ) -> None:
        self._topology_id = topology_id
        self._store = store
        self._launcher = launcher
        self._counts_file = layout.counts(topology_id)
        self._nimbus = NimbusWatch(layout.ready_file)
        packing = read(store, self._path("packing"), PackingPlan)
        topology = read(store, self._path("topology"), Topology)
        self._plan_version = packing.version
        self._settings = SettingsRecord()
        self._levels = LogLevels(c.component for c in topology.components)
        self._master = Master(
            packing,
            time.monotonic(),
            config=config,
            error_limits=ErrorLimits.from_conf(topology.conf),
            stored_errors=self._stored_errors(),
            saved_counts=counts_file.read(layout.counts(topology_id)),
            epoch_offset_s=time.time() - time.monotonic(),
        )
        self._board = Switchboard(
            Hello(topology_id, store.get(self._path("secret"))[0].decode()),
            on_message=lambda caller, message: self._tell(ev.MessageReceived(caller, message)),
            on_closed=lambda caller: self._tell(ConnectionClosed(caller)),
        )
        self._processes: dict[int, ProcessRecord] = {}
        self._watchers: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_swept = False
        self._is_status_lost = False
        self._is_ending = False

    async def run(self) -> None:
        """Adopt or start all containers and serve until the end is decided; then nothing is left running."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._tell, ev.EndWanted(f"{number.name} was received"))
        port = await self._board.open()
        has_predecessor = self._has_document("master")
        write(self._store, self._path("master"), MasterRecord(HOST, port, os.getpid()))
        log.info("topology process listens topology=%s port=%s", self._topology_id, port)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._set_clock()
            self._read_status()
            self._adopt()
            self._sweep_rest(has_predecessor=has_predecessor)
            self._tick()
            gc.collect()
            gc.freeze()
            while not self._is_ending:
                delay_s = min(TICK_S, self._master.next_due_s() - time.monotonic())
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(delay_s, 0.0)):
                        await self._wake.wait()
                self._wake.clear()
                self._tick()
            await self._stop_all()
            for watcher in self._watchers:
                watcher.cancel()

    def _tick(self) -> None:
        # The status comes first: nothing may be stored of a topology that is gone.
        self._set_clock()
        self._read_status()
        self._tell(ev.NimbusChecked(self._nimbus.is_alive()))
        self._carry_out(self._master.due(time.monotonic()))

    def _set_clock(self) -> None:
        self._master.epoch_offset_s = time.time() - time.monotonic()

    def _tell(self, event: ev.Event) -> None:
        self._carry_out(self._master.handle(event, time.monotonic()))

    def _carry_out(self, commands: Sequence[ev.Command]) -> None:
        for command in commands:
            match command:
                case Send(connections, message):
                    self._board.send(connections, message)
                case Reject(connection, reason):
                    log.warning("container rejected connection=%s reason=%s", connection, reason)
                    self._board.send((connection,), Halt(reason))
                    self._board.hang_up(connection)
                case Drop(connection, reason):
                    log.warning("connection dropped connection=%s reason=%s", connection, reason)
                    self._board.hang_up(connection)
                case ev.StartContainer(container_id, restart_count):
                    self._start(container_id, restart_count)
                case ev.StopProcess():
                    log.warning(
                        "container stopped container=%s pid=%s", command.container_id, command.process.pid
                    )
                    self._tasks.create_task(self._stop(command.process, command.grace_s))
                case ev.ForgetProcess(container_id):
                    log.info("container is planned no more container=%s", container_id)
                    self._store.delete(self._path(f"processes/{container_id}"))
                case ev.SaveErrors(errors):
                    self._save(self._path("errors"), newest_within(errors))
                case ev.SaveCounts(counts):
                    counts_file.write(self._counts_file, counts)
                case ev.ReadStatus():
                    self._read_status()
                case ev.End(reason):
                    log.info("topology ends reason=%s", reason)
                    self._is_ending = True
                    self._wake.set()

    # -- containers ------------------------------------------------------------

    def _adopt(self) -> None:
        for name in self._store.children(self._path("processes")):
            container_id = int(name) if name.isdecimal() else 0
            if container_id == 0:
                continue  # ourselves, by nimbus
            try:
                process = read(self._store, self._path(f"processes/{name}"), ProcessRecord)
            except StateError as exc:
                log.error("process record not readable container=%s reason=%s", container_id, exc)
                continue  # swept when the container is started
            is_alive = self._launcher.is_alive(process)
            log.info("container found container=%s pid=%s is_alive=%s", container_id, process.pid, is_alive)
            if is_alive:
                self._watch(container_id, process)
            self._tell(ev.ProcessFound(container_id, process, is_alive))

    def _sweep_rest(self, *, has_predecessor: bool) -> None:
        """Sweep once for all, if that can be: a look at all processes of a busy machine takes its time."""
        if has_predecessor and not self._processes:
            try:
                self._launcher.sweep(self._topology_id)
            except LaunchError as exc:
                log.error("processes left topology=%s reason=%s", self._topology_id, exc)
        self._is_swept = not self._processes

    def _start(self, container_id: int, restart_count: int) -> None:
        is_clean = self._is_swept and restart_count == 0
        try:
            swept_count = 0 if is_clean else self._launcher.sweep(self._topology_id, container_id)
            process = self._launcher.start(self._topology_id, container_id)
        except LaunchError as exc:
            log.error("container not started container=%s reason=%s", container_id, exc)
            self._tell(ev.LaunchFailed(container_id, str(exc)))
            self._wake.set()
            return
        process = replace(process, restart_count=restart_count)
        self._save(self._path(f"processes/{container_id}"), process)
        log.info(
            "container started container=%s pid=%s restart_count=%s swept_count=%s",
            *(container_id, process.pid, restart_count, swept_count),
        )
        self._tell(ev.ProcessStarted(container_id, process))
        self._watch(container_id, process)

    def _watch(self, container_id: int, process: ProcessRecord) -> None:
        self._processes[container_id] = process
        watcher = self._tasks.create_task(self._await_end(container_id, process))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    async def _await_end(self, container_id: int, process: ProcessRecord) -> None:
        exit_code = await self._launcher.wait(process)
        del self._processes[container_id]
        log.info("container ended container=%s pid=%s exit_code=%s", container_id, process.pid, exit_code)
        self._tell(ev.ProcessExited(container_id, exit_code))
        self._wake.set()

    async def _stop(self, process: ProcessRecord, grace_s: float) -> None:
        try:
            await self._launcher.stop(process, grace_s=grace_s)
        except LaunchError as exc:
            log.error("process not stopped pid=%s reason=%s", process.pid, exc)

    async def _stop_all(self) -> None:
        async with asyncio.TaskGroup() as stops:
            for process in self._processes.values():
                stops.create_task(self._stop(process, STOP_GRACE_S))
        try:
            self._launcher.sweep(self._topology_id)
        except LaunchError as exc:
            log.error("processes left topology=%s reason=%s", self._topology_id, exc)
        self._board.close()
        for container_id in self._master.container_ids():
            self._store.delete(self._path(f"processes/{container_id}"))
        self._store.delete(self._path("master"))

    # -- state store -----------------------------------------------------------

    def _path(self, leaf: str) -> str:
        return path_of(self._topology_id, leaf)

    def _read_status(self) -> None:
        try:
            status = read(self._store, self._path("status"), StatusRecord)
        except NoSuchNode:
            self._tell(ev.StatusRead(None))
        except StateError as exc:
            if not self._is_status_lost:  # it is read each second
                log.error("status not readable reason=%s", exc)
            self._is_status_lost = True
        else:
            self._is_status_lost = False
            if status.plan_version > self._plan_version:
                self._read_plan()
            self._tell(ev.StatusRead(status))
            self._read_settings()

    def _read_settings(self) -> None:
        try:
            settings = read(self._store, self._path("settings"), SettingsRecord)
        except NoSuchNode:
            settings = SettingsRecord()
        except StateError:
            settings = self._settings  # read again each second
        if settings != self._settings:
            self._settings = settings
            self._tell(ev.SettingsRead(settings))
        self._levels.apply(settings, time.time())

    def _read_plan(self) -> None:
        try:
            packing = read(self._store, self._path("packing"), PackingPlan)
        except StateError as exc:  # tried again with the next status
            log.error("new plan not readable reason=%s", exc)
            return
        log.info("plan changed version=%s containers=%s", packing.version, len(packing.containers))
        self._plan_version = packing.version
        self._tell(ev.PlanRead(packing))

    def _save(self, path: str, document: object) -> None:
        try:
            write(self._store, path, document)
        except StateError as exc:
            log.error("not stored path=%s reason=%s", path, exc)

    def _has_document(self, leaf: str) -> bool:
        try:
            self._store.get(self._path(leaf))
        except NoSuchNode:
            return False
        return True

    def _stored_errors(self) -> list[ErrorReport]:
        try:
            return read(self._store, self._path("errors"), list[ErrorReport])
        except NoSuchNode:
            return []
        except StateError as exc:
            log.error("old errors not readable reason=%s", exc)
            return []


def main(arguments: Sequence[str] | None = None, *, launcher: Launcher | None = None) -> int:
    """Run the topology process of one topology and return its exit code; see the module."""
    parser = argparse.ArgumentParser(prog="heronry-topology", description="Runs one topology.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--topology", required=True)
    parser.add_argument("--orphan-s", type=float, default=MasterConfig().orphan_s)
    options = parser.parse_args(arguments)
    logs.setup("topology")
    layout = Layout(options.root)
    topology_id: str = options.topology
    try:
        store = FileStore(layout.state)
        with store.lock(path_of(topology_id, "leader"), f"pid {os.getpid()} on {os.uname().nodename}"):
            return _run(layout, topology_id, store, launcher or LocalLauncher(layout), options.orphan_s)
    except LockHeld as exc:
        log.error("another topology process of this topology lives reason=%s", exc)
        return EXIT_LOCKED
    except SchedulerError as exc:
        log.error("topology cannot be run topology=%s reason=%s", topology_id, exc)
        return EXIT_UNREADABLE


def _run(layout: Layout, topology_id: str, store: StateStore, launcher: Launcher, orphan_s: float) -> int:
    try:
        store.get(path_of(topology_id, "status"))
    except NoSuchNode:
        # Killed while no topology process lived: what it left must not run on.
        swept_count = launcher.sweep(topology_id)
        log.info("topology is not there any more topology=%s swept_count=%s", topology_id, swept_count)
        return 0
    process = TopologyProcess(layout, topology_id, store, launcher, MasterConfig(orphan_s=orphan_s))
    asyncio.run(process.run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
