"""The container process: stream manager, components, peers, and the line to the topology process.

    python -m scheduler.run.container --root ROOT --topology ID --container N

One thread, one loop.  A round: wait, hand on what came, let spouts be asked,
write to components, send to peers.  Who may be looked at next is decided by
`scheduler.stream.polling`; what bytes mean, by `scheduler.stream.router`.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path

from scheduler.control import messages
from scheduler.control.settings import is_written, shown_emits, told
from scheduler.errors import SchedulerError, StateError
from scheduler.layout import Layout, slot
from scheduler.master.errors import shortened
from scheduler.plan import PackingPlan
from scheduler.run import limits, logs
from scheduler.run.complaints import Complaints
from scheduler.run.components import CHECK_EVERY_S, ComponentRunner, Components
from scheduler.run.event_log import EventLog
from scheduler.run.log_levels import LogLevels
from scheduler.run.loop import Loop
from scheduler.run.master_line import MasterLine
from scheduler.run.measures import Measures
from scheduler.run.peers import PeerHello, Peers
from scheduler.run.reports import task_report
from scheduler.run.restart_watch import RestartWatch
from scheduler.run.turnover import Turnover
from scheduler.state.files import FileStore
from scheduler.state.records import SettingsRecord, Status, StatusRecord, path_of, read
from scheduler.stream import notices
from scheduler.stream.flow import unbounded_cycle
from scheduler.stream.local_task import LocalTask
from scheduler.stream.polling import PollRule
from scheduler.stream.router import StreamManager
from scheduler.topology import Topology

log = logging.getLogger("scheduler.run.container")  # __name__ is __main__ under -m

_RELIEVE_EVERY_S = 0.1
_STOP_GRACE_S = 2.0
_RETRY_S = 0.5
DESCRIPTORS_PER_TASK = 8  # three pipes and a pidfd; twice that while one is started
_INCARNATION_BITS = 27  # with acks.KEY_BITS a root key stays below 2**63
_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")


class ContainerProcess:
    """Joins the parts of one container; `run` returns the exit code."""

    def __init__(self, layout: Layout, topology_id: str, container_id: int, *, orphan_s: float) -> None:
        store = FileStore(layout.state)
        # In this order: a conf that is newer than its plan does no harm, a plan without its conf would.
        plan = read(store, path_of(topology_id, "packing"), PackingPlan)
        topology = read(store, path_of(topology_id, "topology"), Topology)
        secret = store.get(path_of(topology_id, "secret"))[0].decode()
        rng = random.SystemRandom()
        incarnation = rng.getrandbits(_INCARNATION_BITS)
        self._topology_id = topology_id
        self._container_id = container_id
        self._plan_version = plan.version
        self._incarnation = incarnation
        self._store = store
        limits.allow_descriptors(DESCRIPTORS_PER_TASK * len(plan.container_of()))
        self._loop = Loop()
        # SystemRandom asks the kernel for every edge; a seeded generator is 20 times cheaper.
        self._manager = StreamManager(
            topology, plan, container_id, incarnation, random.Random(rng.getrandbits(64))
        )
        pid_dir = layout.pids(topology_id, container_id)
        pid_dir.mkdir(parents=True, exist_ok=True)
        for stale in pid_dir.iterdir():
            stale.unlink()  # of the components of a container that was killed; they are gone
        folder = layout.container(topology_id, container_id)
        folder.mkdir(parents=True, exist_ok=True)
        # The links beside the resources are to blobs; here a component finds them, too.
        linked = [layout.resources(topology_id)]
        linked += [entry for entry in layout.topology(topology_id).iterdir() if entry.is_symlink()]
        for entry in linked:
            with contextlib.suppress(FileExistsError):  # of the container before
                (folder / entry.name).symlink_to(entry)
        self._settings = self._stored_settings()
        self._levels = LogLevels(c.component for c in topology.components)
        self._worker_log = logs.RotatingLog(layout.worker_log(topology_id, container_id))
        self._event_log = EventLog(topology.conf, layout.worker_log(topology_id, container_id))
        self._measures = Measures(
            topology.conf, layout.worker_log(topology_id, container_id), slot(container_id)
        )
        self._components = Components(
            self._loop,
            self._manager,
            resources=layout.resources(topology_id),
            folder=folder,
            pid_dir=pid_dir,
            report=self._report_error,
            write_line=self._write_line,
            obey_notices=self._obey_notices,
            conf_of_start=lambda component: told(self._levels.now, component),
        )
        me = PeerHello(topology_id, container_id, incarnation, secret)
        self._peers = Peers(self._loop, self._manager, me=me)
        self._line = MasterLine(
            self._loop,
            store,
            hello=messages.Hello(topology_id, secret),
            register=self._registration(),
            on_message=self._on_message,
            on_orphaned=self._halt,
            orphan_s=orphan_s,
        )
        self._restart_watch = RestartWatch(store, path_of(topology_id, "restart"))
        self._turnover = Turnover(
            self._loop,
            self._manager,
            self._components,
            before_loss=self._report,
            after_loss=self._after_loss,
        )
        self._status_path = path_of(topology_id, "status")
        self._is_wanted = False
        """Components are to run: the topology is active, or was, or a tuple of that time has come for one."""
        # With a later plan some tasks may still be elsewhere: only the topology process knows.
        self._held: frozenset[int] | None = frozenset() if plan.version == 0 else None
        self._has_left = False
        self._ticking: set[int] = set()
        self._complaints = Complaints()
        self._is_running = True
        self._is_relieving = False
        self._rule = PollRule()

    def run(self) -> int:
        """Work until halted; no process of ours is left then."""
        now = time.monotonic()
        self._loop.hear(
            (signal.SIGTERM, signal.SIGINT), lambda number, _: self._halt(f"{number.name} was received")
        )
        self._peers.start(now)
        self._line.start(now)
        self._apply_settings()
        self._warn_of_cycles()
        if read(self._store, self._status_path, StatusRecord).status is Status.ACTIVE:
            # Components need their time to start; they are not asked before the plan is complete.
            self._is_wanted = True
            self._start_components(now)
        self._loop.call_at(now + CHECK_EVERY_S, self._each_second)
        self._schedule_ticks(now)
        gc.collect()
        gc.freeze()
        try:
            self._rounds(now)
        finally:
            if self._has_left:
                self._peers.write_rest()
            self._peers.close()
            self._components.stop_all(grace_s=_STOP_GRACE_S)
            self._line.close()
        return 0

    def _rounds(self, now: float) -> None:
        manager, components, rule, loop = self._manager, self._components, self._rule, self._loop
        while self._is_running:
            is_full = rule.until <= now
            components.reads = components.messages = 0
            now = loop.round(now, wake=manager.next_wake(), waiters_until=rule.until)
            self._finish_round(now)
            rule.note_messages(components.messages, now)
            if is_full:
                rule.note_round(
                    reads=components.reads,
                    messages=components.messages,
                    largest_backlog=manager.largest_backlog,
                    is_spout_blocked=manager.is_spout_blocked,
                    now=now,
                )

    def _finish_round(self, now: float) -> None:
        manager, runners = self._manager, self._components.runners
        manager.pump(now)
        dirty = manager.take_dirty(now)
        if dirty and not self._is_wanted:
            # Its tree would wait until it fails, and nobody plays it again while the topology rests.
            self._is_wanted = True
            self._start_components(now)
        for local in dirty:
            runners[local.task].write()
            manager.gates.measure(local, now)
        self._peers.send_all(now)
        self._obey_notices(now)

    def _obey_notices(self, now: float) -> None:
        for notice in self._manager.take_notices():
            self._obey(notice, now)

    def _obey(self, notice: notices.Notice, now: float) -> None:
        runner = self._components.runners[notice.task]
        match notice:
            case notices.PauseReading():
                runner.pause()
            case notices.ResumeReading():
                runner.resume(now)
            case notices.Asks(is_waiting=is_waiting):
                if is_waiting:
                    runner.watch_closely()
                if not self._is_relieving:
                    self._is_relieving = True
                    self._relieve(now)
            case notices.Opened():
                runner.opened()
            case notices.Broken(reason=reason):
                runner.kill(reason)
            case notices.Erred(text=text):
                self._report_odd(runner, text, now)
            case notices.Said(level=level, text=text):
                self._write_leveled(runner, _LEVELS[level], text.encode("utf-8", errors="replace"), now)
            case notices.Emitted(stream=stream, direct_task=direct_task, values=values):
                local = runner.local
                self._event_log.write(local.component, local.task, notice.message_id, values, time.time())
                what = f"Emitting direct: {direct_task};" if direct_task else "Emitting:"
                head = f"{what} {runner.local.component} {stream} ".encode()
                self._write_leveled(runner, "INFO", head + values, now)
            case notices.Measured(name=name, params=params):
                runner.write_line("METRIC", name.encode() + b" " + params, now)
                if complaint := self._measures.note(notice.task, name, params):
                    self._report_error(notice.task, complaint)

    # -- the topology process ------------------------------------------------

    def _on_message(self, message: messages.AnyMessage, now: float) -> None:
        match message:
            case messages.PlanChanged(plan=plan, held=held):
                self._peers.follow(plan, now)
                self._held = self._components.waiting() if held is None else frozenset(held)
                self._start_components(now)
            case messages.Replan(plan_version=plan_version):
                self._replan(plan_version, now)
            case messages.SetActive(is_active=is_active):
                self._is_wanted = self._is_wanted or is_active
                self._start_components(now)
                self._manager.is_active = is_active
            case messages.SettingsChanged(settings=settings):
                self._settings = settings
                self._apply_settings()
            case messages.Halt(reason=reason):
                self._halt(reason)
            case _:
                log.warning("unexpected message kind=%s", type(message).__name__)

    def _stored_settings(self) -> SettingsRecord:
        """Return what holds already: components are started before the topology process says it."""
        try:
            return read(self._store, path_of(self._topology_id, "settings"), SettingsRecord)
        except StateError:  # mostly: nothing was ever changed
            return SettingsRecord()

    def _apply_settings(self) -> None:
        self._levels.apply(self._settings, time.time())
        topology = self._manager.topology
        for component in topology.components:
            is_debug = topology.component_conf(component).get("topology.debug") is True
            name = component.component
            pct = shown_emits(self._settings, topology.topology_id, name, is_debug=is_debug)
            self._manager.show_emits(name, pct)

    def _registration(self) -> messages.Register:
        tasks = sorted(self._manager.tasks)
        return messages.Register(self._plan_version, self._peers.address, os.getpid(), tasks)

    def _after_loss(self, now: float) -> None:
        """Say which tasks are left, after peers have been sent all that was for the others."""
        self._has_left = self._manager.leave()
        self._peers.send_all(now)
        self._line.register(self._registration())

    def _start_components(self, now: float) -> None:
        """Start those that nobody else has, once they are wanted."""
        if self._is_wanted and self._held is not None:
            self._components.start_all(now, but=self._held)

    def _replan(self, plan_version: int, now: float) -> None:
        """Go over to the plan in the state store, and say so."""
        if plan_version > self._plan_version:
            try:
                plan = read(self._store, path_of(self._topology_id, "packing"), PackingPlan)
                topology = read(self._store, path_of(self._topology_id, "topology"), Topology)
            except StateError as exc:
                log.error("plan not readable, trying again version=%d reason=%s", plan_version, exc)
                self._loop.call_at(now + _RETRY_S, lambda then: self._replan(plan_version, then))
                return
            self._plan_version = plan.version
            shift = self._manager.follow(topology, plan, now)
            log.info(
                "plan followed version=%d came=%d leaving=%d renewed=%d",
                *(plan.version, len(shift.came), len(shift.leaving), len(shift.renewed)),
            )
            self._apply_settings()
            self._turnover.begin(shift, now)
            # Who has them still is what the topology process says once all follow this plan, too.
            self._held = self._components.waiting()
            self._schedule_ticks(now)
        self._line.register(self._registration())

    def _relieve(self, now: float) -> None:
        self._manager.relieve(now)
        self._loop.call_at(now + _RELIEVE_EVERY_S, self._relieve)

    def _halt(self, reason: str) -> None:
        if self._is_running:
            log.info("halting reason=%s", reason)
        self._is_running = False

    def _each_second(self, now: float) -> None:
        self._loop.call_at(now + CHECK_EVERY_S, self._each_second)
        self._manager.sweep(now)
        if self._restart_watch.is_wanted():
            log.info("components are started anew, as the state store says")
            self._components.restart_all(now)
        self._components.check_all(now)
        self._levels.apply(self._settings, time.time())
        self._report(now)

    def _report(self, now: float) -> None:
        tasks = [
            task_report(
                r.local,
                state=r.state,
                pid=r.process.pid if r.process else 0,
                uptime_s=now - r.started_at if r.process else 0.0,
                restart_count=r.restart_count,
                now=now,
            )
            for r in self._components.runners.values()
            if not self._is_awaited(r.local.task)
        ]
        report = messages.Report(self._container_id, self._incarnation, tasks, self._complaints.all())
        if self._line.send(report):
            self._complaints.clear()
        self._measures.write(tasks, frozenset(spout.task for spout in self._manager.spouts), now)

    def _is_awaited(self, task: int) -> bool:
        """Return whether another container may still speak for a task that is planned here."""
        is_held = self._held is None or task in self._held
        return is_held and self._manager.placement.is_planned(task)

    def _report_error(self, task: int, text: str) -> None:
        local = self._manager.tasks[task]
        text = shortened(text)
        self._write_line(local, "ERROR", text.encode("utf-8", errors="replace"))
        self._keep_error(local, text)

    def _report_odd(self, runner: ComponentRunner, text: str, now: float) -> None:
        """Report what a component says or does, which may be as often as there are tuples."""
        text = shortened(text)
        runner.write_line("ERROR", text.encode("utf-8", errors="replace"), now)
        self._keep_error(runner.local, text)

    def _keep_error(self, local: LocalTask, text: str) -> None:
        self._complaints.add(messages.ErrorReport(local.component, local.task, text, time.time()))

    def _warn_of_cycles(self) -> None:
        warning = unbounded_cycle(self._manager.topology)
        if warning is not None and warning[0] in self._manager.tasks:
            self._report_error(*warning)

    def _write_leveled(self, runner: ComponentRunner, level: str, text: bytes, now: float) -> None:
        if is_written(self._levels.now, runner.local.component, level):
            runner.write_line(level, text, now)

    def _write_line(self, local: LocalTask, label: str, text: bytes) -> None:
        pid = self._components.runners[local.task].last_pid
        head = f"{label} {local.component}:{local.task} pid={pid} ".encode()
        self._worker_log.write(head + text, time.time())

    # -- ticks ----------------------------------------------------------------

    def _schedule_ticks(self, now: float) -> None:
        for task, local in self._manager.tasks.items():
            if not local.is_spout and task not in self._ticking:
                self._schedule_tick(task, now)

    def _schedule_tick(self, task: int, now: float) -> None:
        config = self._manager.config.get(task)
        if config is None or not config.tick_frequency_s:
            self._ticking.discard(task)  # it has left, or wants no more of them
            return
        frequency_s = int(config.tick_frequency_s)

        def tick(then: float) -> None:
            self._schedule_tick(task, then)
            runner = self._components.runners.get(task)
            # Ticks wait behind data; a component that is far behind needs no more of them.
            is_behind = task in self._manager.gates.flow.congested or task in self._manager.placement.retiring
            if runner is not None and runner.state == "running" and not is_behind:
                self._manager.tick(task, frequency_s)

        self._ticking.add(task)
        self._loop.call_at(now + frequency_s, tick)


def main(arguments: list[str] | None = None) -> int:
    """Run a container and return its exit code: 0 halted, 1 could not work."""
    parser = argparse.ArgumentParser(prog="heronry-container", description="Runs the tasks of one container.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--topology", required=True)
    parser.add_argument("--container", type=int, required=True)
    parser.add_argument("--orphan-s", type=float, default=600.0)
    options = parser.parse_args(arguments)
    logs.setup(f"container-{options.container}")
    try:
        process = ContainerProcess(
            Layout(options.root), options.topology, options.container, orphan_s=options.orphan_s
        )
        return process.run()
    except (SchedulerError, OSError) as exc:
        log.error("container cannot work reason=%s", exc)
        return 1


if __name__ == "__main__":
    sys.exit(main())
