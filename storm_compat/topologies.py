"""The topologies of this cluster: submitted, changed, watched over, removed.

    submit   check -> compile -> pack -> keep files and records -> keep the status -> supervise if active
    rebalance   REBALANCING now; after the wait: keep another plan -> keep the status it had before
    kill     KILLED now; after the wait: stop the processes -> forget records and files -> the name is free
    start    forget what was submitted or removed by half; adopt the rest; begin waits anew

Decisions are elsewhere: what may follow which status in
`scheduler.control.lifecycle`, what a submission must be in
`storm_compat.compile`, what a rebalance makes of it in
`storm_compat.rebalance`.  This is the shell that carries them out, in one
task per topology besides one for the waits.

`clock` is monotonic and counts waits; `wall` is what people call time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, Self

import msgspec
import simplejson

from scheduler.control import lifecycle
from scheduler.control.messages import Answer, ErrorReport
from scheduler.errors import SchedulerError, StateError
from scheduler.launch.base import Launcher
from scheduler.layout import Layout
from scheduler.packing.round_robin import round_robin
from scheduler.state.records import (
    DebugRecord,
    RebalanceRecord,
    SettingsRecord,
    Status,
    StatusRecord,
    SubmissionRecord,
)
from storm_compat import blob_map, history, log_config, rebalance, validate
from storm_compat import conf as confs
from storm_compat.alive import Alive, Kept
from storm_compat.blob_map import Link
from storm_compat.compile import Compiled, compile_topology
from storm_compat.credentials import refuse_foreign
from storm_compat.depot import Depot
from storm_compat.errors import AlreadyAlive, CompatError, InvalidSetting, NoSuchComponent, NotAlive
from storm_compat.java_code import refuse_own_code
from storm_compat.java_settings import not_run
from storm_compat.rebalance import Rebalanced
from storm_compat.supervision import Supervision
from storm_compat.system import SYSTEM

logger = logging.getLogger(__name__)

STOP_GRACE_S: Final = 6.0
"""For the processes of a topology to end by themselves; then they are killed."""

RETRY_S: Final = 1.0
MAX_TROUBLES: Final = 10


class Masters(Protocol):
    """The topology processes, as nimbus talks to them."""

    async def ask(self, topology_id: str) -> Answer | None:
        """Return what a topology process knows; None if it does not answer soon."""

    async def nudge(self, topology_id: str) -> None:
        """Let a topology process read its status now; fine if there is none."""

    async def restart(self, topology_id: str, container_id: int) -> bool:
        """Let a topology process end a container and start it again; return whether there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One submitTopology call, conf already parsed, jar already found."""

    name: str
    conf: Mapping[str, Any]
    code: Any
    """The StormTopology as it came."""

    jar: Path
    is_active: bool = True
    credentials: Mapping[str, str] = field(default_factory=dict)
    principal: str | None = None
    """Who submits it and will own it; None: the user that nimbus runs as."""


@dataclass(slots=True)
class _Entry:
    alive: Alive
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    supervision: asyncio.Task[None] | None = None
    counted: Answer | None = None
    """The last one with counters from all containers."""

    remove_at: float = math.inf
    rebalance_at: float = math.inf
    is_going: bool = False

    @property
    def links(self) -> tuple[Link, ...]:
        """To blobs of users; a rebalance may change them."""
        return blob_map.parse(self.alive.kept.topology.conf)

    @property
    def due_at(self) -> float:
        return min(self.remove_at, self.rebalance_at)


class Topologies:
    """Registry and life-cycle; use it as ``async with``, from one event loop.

    Leaving the context stops nothing: topologies outlive nimbus unless
    `stop` is called.
    """

    def __init__(
        self,
        depot: Depot,
        layout: Layout,
        launcher: Launcher,
        masters: Masters,
        cluster_conf: Mapping[str, Any],
        *,
        owner: str,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._depot = depot
        self._layout = layout
        self._launcher = launcher
        self._masters = masters
        self._cluster_conf = cluster_conf
        self._owner = owner
        self._clock = clock
        self._wall = wall
        self._entries: dict[str, _Entry] = {}
        self._one_submission = asyncio.Lock()
        self._waits_changed = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._waits: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Clean up and adopt; afterwards everything that exists is watched over."""
        for topology_id in self._depot.leftovers():
            logger.warning("removing what is left of a topology: topology=%s", topology_id)
            try:
                await self._erase(topology_id)
            except Exception:  # it must not keep nimbus from the others
                logger.exception("could not remove what is left of a topology: topology=%s", topology_id)
        await self._group.__aenter__()
        for topology_id in self._depot.ids():
            self._adopt(topology_id)
        self._renew_links(lambda link: True)  # blobs may have changed in the moment of a crash
        self._waits = self._group.create_task(self._run_waits())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._waits is not None:
            self._waits.cancel()
        for entry in self._entries.values():
            if entry.supervision is not None:
                entry.supervision.cancel()
        await self._group.__aexit__(None, None, None)

    def all(self) -> list[Alive]:
        """Return every topology that exists, by name."""
        return sorted((entry.alive for entry in self._entries.values()), key=lambda alive: alive.name)

    def named(self, name: str | None) -> Alive:
        """Return the topology of that name.

        Raises:
            NotAlive: Storm's text.
        """
        for entry in self._entries.values():
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

    def is_free(self, name: str | None) -> bool:
        """Return whether a topology of that name could be submitted."""
        return validate.is_name(name) and all(entry.alive.name != name for entry in self._entries.values())

    def refuse_taken(self, name: str) -> None:
        """Raise `AlreadyAlive` if the name is in use."""
        if any(entry.alive.name == name for entry in self._entries.values()):
            raise AlreadyAlive(name)

    async def submit(self, submission: Submission) -> str:
        """Return the id of the new topology, which will be running soon.

        Raises:
            AlreadyAlive: the name is in use.
            InvalidTopology, TopologyError: it cannot be run.
        """
        async with self._one_submission:
            self.refuse_taken(submission.name)
            number = self._depot.submission_count() + 1
            now = self._wall()
            owner = submission.principal or self._owner
            topology_id = f"{submission.name}-{number}-{int(now)}"
            stored = confs.stored(
                submission.conf,
                self._cluster_conf,
                topology_id=topology_id,
                name=submission.name,
                owner=owner,
                principal=submission.principal,
            )
            conf = confs.effective(self._cluster_conf, stored)
            links = blob_map.parse(conf)
            # Of a large topology this takes a while, and other clients are to be answered meanwhile.
            compiled = await asyncio.to_thread(
                compile_topology, submission.name, topology_id, conf, submission.code
            )
            await asyncio.to_thread(refuse_own_code, submission.jar, compiled.java_classes)
            packing = round_robin(compiled.topology, self._container_count(conf))
            kept = Kept(
                compiled.topology,
                SubmissionRecord(
                    now,
                    owner,
                    submission.code.storm_version,
                    tuple(submission.code.dependency_jars or ()),
                ),
                packing,
            )
            self._depot.count_submission(number)
            await self._put(kept, submission.jar, compiled, stored, links)
            status = StatusRecord(Status.ACTIVE if submission.is_active else Status.INACTIVE)
            if submission.credentials:
                self._depot.add_credentials(topology_id, submission.credentials)
            self._depot.set_status(topology_id, status)
            self._entries[topology_id] = _Entry(Alive(kept, status, has_started=False))
            # A blob may have changed since its link was made, and nobody knew then whom to tell.
            self._group.create_task(self._renew_links_of(self._entries[topology_id]))
            if submission.is_active:
                self._supervise(topology_id)
        if ignored := not_run(conf, submission.code):
            self._trouble(topology_id, ignored)
            logger.warning("a topology %s: topology=%s", ignored, topology_id)
        logger.info(
            "accepted a topology: topology=%s tasks=%s", topology_id, len(kept.topology.component_of())
        )
        return topology_id

    def activate(self, name: str | None) -> None:
        """Let the spouts emit.

        Raises:
            NotAlive, InvalidTransition: Storm's texts.
        """
        self._apply(self.named(name), lifecycle.Activate())

    def deactivate(self, name: str | None) -> None:
        """Let the spouts rest.

        Raises:
            NotAlive, InvalidTransition: Storm's texts.
        """
        self._apply(self.named(name), lifecycle.Deactivate())

    def kill(self, name: str | None, wait_s: float | None = None) -> None:
        """Let the spouts rest and remove the topology after a while; of several kills the earliest counts.

        Args:
            wait_s: None: the topology's message timeout.

        Raises:
            NotAlive: Storm's text.
        """
        alive = self.named(name)
        wait_s = _wait_s(alive, wait_s)
        self._apply(alive, lifecycle.Kill(wait_s))
        gone = history.entry(alive.topology_id, alive.kept.topology.conf, self._wall())
        self._depot.set_history(history.added(self._depot.history(), gone, self._cluster_conf))
        self._remove_at(alive.topology_id, self._clock() + wait_s)

    def blob_updated(self, key: str) -> None:
        """Take the new content of a blob to the topologies that have a link to it."""
        self._renew_links(lambda link: link.key == key)

    def rebalance(self, name: str | None, options: Any) -> None:
        """Let the spouts rest, and after a while place the tasks anew; ``options`` are RebalanceOptions.

        Raises:
            NotAlive, InvalidTransition, InvalidTopology, InvalidConf: Storm's texts.
        """
        alive = self.named(name)
        record = rebalance.order(alive.kept, options)
        wait_s = _wait_s(alive, None if options is None else options.wait_secs)
        self._apply(alive, lifecycle.Rebalance(wait_s, record))
        self._rebalance_at(alive.topology_id, self._clock() + wait_s)

    def set_log_levels(self, alive: Alive, config: Any) -> None:
        """Merge a LogConfig into the log levels of a topology.

        Raises:
            InvalidSetting: it makes no sense; nothing is changed.
        """
        levels = log_config.merged(alive.settings.log_levels, config, self._wall())
        self._set_settings(alive, dataclasses.replace(alive.settings, log_levels=levels))

    def set_debug(
        self, name: str | None, component: str | None, sampling_pct: float | None, *, is_enabled: bool
    ) -> None:
        """Show emits of a component, or of all, in the log, or stop doing so; the rate stays when stopped.

        Raises:
            NotAlive, NoSuchComponent: Storm's texts.
            InvalidSetting: the percentage is no number.
        """
        alive = self.named(name)
        if component and component not in {c.component for c in alive.kept.topology.components}:
            raise NoSuchComponent(component)
        if sampling_pct is not None and math.isnan(sampling_pct):  # JSON could not keep it
            raise InvalidSetting("The sampling percentage must be a number from 0 to 100, but is NaN")
        key = component or alive.topology_id
        old = alive.settings.debug.get(key, DebugRecord(is_enabled=False))
        pct = min(max(sampling_pct or 0.0, 0.0), 100.0) if is_enabled else old.sampling_pct
        debug = {**alive.settings.debug, key: DebugRecord(is_enabled, pct)}
        self._set_settings(alive, dataclasses.replace(alive.settings, debug=debug))

    def add_credentials(
        self, name: str | None, credentials: Mapping[str, str], expected_owner: str | None
    ) -> None:
        """Keep credentials over those that a topology has.

        Raises:
            NotAlive, NotAuthorized: Storm's texts.
        """
        alive = self.named(name)
        refuse_foreign(alive.topology_id, alive.kept.topology.conf, expected_owner)
        self._depot.add_credentials(alive.topology_id, credentials)
        logger.info(
            "credentials were uploaded: topology=%s names=%s",
            alive.topology_id,
            ",".join(sorted(credentials)),
        )

    def history(self, user: str | None, groups: Collection[str]) -> list[str]:
        """Return the ids of the topologies there are and were that a user may know of."""
        now = self._wall()
        present = [history.entry(a.topology_id, a.kept.topology.conf, now) for a in self.all()]
        admins = self._cluster_conf.get("nimbus.admins") or ()
        who = None if user in admins else user
        return sorted({*history.visible([*present, *self._depot.history()], who, groups)})

    async def restart_container(self, alive: Alive, container_id: int) -> None:
        """End a container, which is then started again.

        Raises:
            NotAlive: there is no such container, or nobody who could do it now; says which.
        """
        planned = {container.container_id for container in alive.kept.packing.containers}
        if container_id not in planned:
            raise NotAlive(f"{alive.topology_id} has no worker there; its containers are {sorted(planned)}")
        if not await self._masters.restart(alive.topology_id, container_id):
            raise NotAlive(f"The topology process of {alive.topology_id} does not answer now; try again")

    def preview(self, name: str | None, options: Any) -> Rebalanced:
        """Return what a rebalance would make of a topology now; nothing is changed.

        Raises:
            NotAlive, InvalidTopology, InvalidConf: as `rebalance`.
        """
        kept = self.named(name).kept
        return rebalance.carried_out(kept, rebalance.order(kept, options), self._slot_count())

    async def answer(self, alive: Alive) -> Answer:
        """Return what the topology process knows.

        What was counted is the last that was told while there is no topology process, or a new one that has
        not heard from all containers: counters that go back for a moment frighten people.  If none answers,
        errors are those it left in the store.
        """
        answer = await self._masters.ask(alive.topology_id) if alive.has_started else None
        if answer is None:
            answer = Answer(False, [], [], self._depot.errors(alive.topology_id), is_counted=False)
        entry = self._entries.get(alive.topology_id)
        if entry is None:
            return answer
        if answer.is_counted:
            entry.counted = answer
        elif entry.counted is not None:
            answer = msgspec.structs.replace(answer, tasks=entry.counted.tasks, windows=entry.counted.windows)
        return answer

    async def stop(self) -> None:
        """End every process of every topology and leave the records, so that the next start goes on."""
        if self._waits is not None:
            self._waits.cancel()
        async with asyncio.TaskGroup() as group:
            for topology_id, entry in self._entries.items():
                group.create_task(self._stop_logged(topology_id, entry))

    # ---- what happens behind the calls

    def _container_count(self, conf: Mapping[str, Any]) -> int:
        """Return how many containers a topology gets: as many as it asks for, but no more than slots."""
        return min(int(conf["topology.workers"]), self._slot_count())

    def _slot_count(self) -> int:
        return max(len(self._cluster_conf.get("supervisor.slots.ports") or ()), 1)

    async def _put(
        self,
        kept: Kept,
        jar: Path,
        compiled: Compiled,
        stored: Mapping[str, Any],
        links: tuple[Link, ...],
    ) -> None:
        topology_id = kept.topology.topology_id
        try:
            await asyncio.to_thread(self._depot.put, kept, jar, compiled.normalized, stored, links)
        except Exception:
            with suppress(SchedulerError, OSError):
                self._depot.forget(topology_id)
            raise

    def _adopt(self, topology_id: str) -> None:
        try:
            kept, status = self._depot.read(topology_id), self._depot.status(topology_id)
        except (SchedulerError, msgspec.MsgspecError) as exc:
            logger.error("cannot read a topology, leaving it alone: topology=%s reason=%s", topology_id, exc)
            return
        self._entries[topology_id] = _Entry(Alive(kept, status, has_started=False))
        self._adopt_settings(topology_id)
        if status.status is Status.ACTIVE or self._has_started(topology_id):
            self._supervise(topology_id)
        # As with Storm a wait begins anew: how much of it was over, nobody knows any more.
        until = self._clock() + (status.wait_s or 0.0)
        if status.status is Status.KILLED:
            self._remove_at(topology_id, until)
        elif status.status is Status.REBALANCING:
            self._rebalance_at(topology_id, until)

    def _adopt_settings(self, topology_id: str) -> None:
        """Take log levels and debug as they were; losing them is no reason to lose the topology."""
        entry = self._entries[topology_id]
        try:
            entry.alive = dataclasses.replace(entry.alive, settings=self._depot.settings(topology_id))
        except StateError as exc:
            logger.error("cannot read log levels and debug: topology=%s reason=%s", topology_id, exc)
            self._trouble(topology_id, f"Log levels and debug are lost, set them again: {exc}")

    def _has_started(self, topology_id: str) -> bool:
        try:
            return self._depot.process(topology_id) is not None
        except StateError:  # there is a record, and supervision knows what to do about it
            return True

    def _renew_links(self, is_meant: Callable[[Link], bool]) -> None:
        for entry in self._entries.values():
            if any(map(is_meant, entry.links)):
                self._group.create_task(self._renew_links_of(entry))

    async def _renew_links_of(self, entry: _Entry) -> None:
        topology_id = entry.alive.topology_id
        async with entry.renewing:
            if entry.is_going or not entry.links:
                return
            try:
                keys = await asyncio.to_thread(self._depot.renew_links, topology_id, entry.links)
            except (CompatError, SchedulerError, OSError) as exc:
                logger.error("could not renew links to blobs: topology=%s reason=%s", topology_id, exc)
                self._trouble(topology_id, f"A new content of a blob could not be taken: {exc}")
                return
        if keys:
            logger.info("renewed links to blobs: topology=%s keys=%s", topology_id, ",".join(keys))

    def _set_settings(self, alive: Alive, settings: SettingsRecord) -> None:
        self._depot.set_settings(alive.topology_id, settings)
        entry = self._entries[alive.topology_id]
        entry.alive = dataclasses.replace(entry.alive, settings=settings)
        self._group.create_task(self._nudge(alive.topology_id))

    def _apply(self, alive: Alive, event: lifecycle.Event) -> None:
        status = lifecycle.transition(alive.topology_id, alive.status, event)
        if status is None or status == alive.status:
            return
        self._depot.set_status(alive.topology_id, status)
        entry = self._entries[alive.topology_id]
        entry.alive = dataclasses.replace(entry.alive, status=status)
        if status.status is Status.ACTIVE and entry.supervision is None:
            self._supervise(alive.topology_id)
        logger.info(
            "a topology has another status: topology=%s status=%s wait_s=%s",
            alive.topology_id,
            status.status.value,
            status.wait_s,
        )
        self._group.create_task(self._nudge(alive.topology_id))

    async def _nudge(self, topology_id: str) -> None:
        try:
            await self._masters.nudge(topology_id)
        except Exception:
            logger.exception("could not nudge a topology process: topology=%s", topology_id)

    def _supervise(self, topology_id: str) -> None:
        supervision = Supervision(
            topology_id,
            depot=self._depot,
            launcher=self._launcher,
            log=self._layout.topology_log(topology_id),
            report=lambda text: self._trouble(topology_id, text),
            clock=self._clock,
        )
        entry = self._entries[topology_id]
        entry.alive = dataclasses.replace(entry.alive, has_started=True)
        entry.supervision = self._group.create_task(self._guarded(topology_id, supervision))

    async def _guarded(self, topology_id: str, supervision: Supervision) -> None:
        """Keep a mistake in one topology's supervision from ending nimbus."""
        try:
            await supervision.run()
        except Exception:
            logger.exception("the supervision of a topology failed: topology=%s", topology_id)
            self._trouble(
                topology_id, "Nimbus failed to watch over the topology process; see the log of nimbus"
            )

    def _trouble(self, topology_id: str, text: str) -> None:
        entry = self._entries.get(topology_id)
        if entry is not None:
            troubles = (*entry.alive.troubles, ErrorReport(SYSTEM, -1, text, self._wall()))
            entry.alive = dataclasses.replace(entry.alive, troubles=troubles[-MAX_TROUBLES:])

    def _remove_at(self, topology_id: str, when: float) -> None:
        entry = self._entries[topology_id]
        entry.remove_at = min(entry.remove_at, when)
        self._waits_changed.set()

    def _rebalance_at(self, topology_id: str, when: float) -> None:
        self._entries[topology_id].rebalance_at = when
        self._waits_changed.set()

    async def _run_waits(self) -> None:
        """Do what is due, and sleep until something will be; one slow removal holds up no other."""
        while True:
            self._waits_changed.clear()
            now = self._clock()
            waiting = [e for e in self._entries.values() if not e.is_going]
            for entry in waiting:
                if entry.rebalance_at <= now:
                    self._do_rebalance(entry)
                if entry.remove_at <= now:
                    self._group.create_task(self._remove(entry))
            next_s = min((e.due_at - now for e in waiting if e.due_at > now), default=math.inf)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if next_s == math.inf else next_s):
                    await self._waits_changed.wait()

    def _do_rebalance(self, entry: _Entry) -> None:
        """Keep what a rebalance changes, then the status; in one step, so that no kill comes between."""
        alive = entry.alive
        entry.rebalance_at = math.inf
        if alive.status.status is not Status.REBALANCING:
            return  # killed meanwhile
        record = alive.status.rebalance or RebalanceRecord()
        try:
            done = rebalance.carried_out(alive.kept, record, self._slot_count())
            if done.after != alive.kept or record.resources:
                conf = {**simplejson.loads(self._depot.conf(alive.topology_id)), **record.conf}
                code = rebalance.with_resources(self._depot.code(alive.topology_id), record.resources)
                self._depot.change(done.after, conf, code)
            entry.alive = dataclasses.replace(alive, kept=done.after)
            self._apply(entry.alive, lifecycle.DoRebalance(done.after.packing.version))
        except Exception as exc:  # nimbus must outlive it
            is_known = isinstance(exc, CompatError | SchedulerError | OSError)
            logger.error(
                "could not rebalance a topology, will try again: topology=%s reason=%s",
                *(alive.topology_id, exc),
                exc_info=None if is_known else exc,
            )
            self._trouble(alive.topology_id, f"The topology cannot be rebalanced: {exc}. Nimbus keeps trying")
            entry.rebalance_at = self._clock() + RETRY_S
            return
        self._group.create_task(self._renew_links_of(entry))
        moves = done.changes
        logger.info(
            "rebalanced a topology: topology=%s plan_version=%s moved=%s started=%s stopped=%s",
            *(alive.topology_id, done.after.packing.version),
            *(len(moves.moves), len(moves.started), len(moves.stopped)),
        )

    async def _remove(self, entry: _Entry) -> None:
        topology_id = entry.alive.topology_id
        if entry.is_going:
            return
        entry.is_going = True
        lifecycle.transition(topology_id, entry.alive.status, lifecycle.Remove())
        try:
            await self._stop_processes(topology_id, entry)
            async with entry.renewing:
                await self._erase(topology_id)
        except Exception as exc:  # nimbus must outlive it
            is_known = isinstance(exc, SchedulerError | OSError)
            logger.error(
                "could not remove a topology, will try again: topology=%s reason=%s",
                *(topology_id, exc),
                exc_info=None if is_known else exc,
            )
            self._trouble(topology_id, f"The topology cannot be removed: {exc}. Nimbus keeps trying")
            entry.is_going = False
            entry.remove_at = self._clock() + RETRY_S
            self._waits_changed.set()
            return
        self._entries.pop(topology_id, None)
        logger.info("removed a topology: topology=%s", topology_id)

    async def _erase(self, topology_id: str) -> None:
        """End whatever runs of a topology and remove whatever is kept of it."""
        await asyncio.to_thread(self._launcher.sweep, topology_id)
        await asyncio.to_thread(self._depot.forget, topology_id)

    async def _stop_processes(self, topology_id: str, entry: _Entry) -> None:
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

    async def _stop_logged(self, topology_id: str, entry: _Entry) -> None:
        try:
            await self._stop_processes(topology_id, entry)
            count = await asyncio.to_thread(self._launcher.sweep, topology_id)
        except Exception:
            logger.exception("could not stop a topology: topology=%s", topology_id)
        else:
            logger.info("stopped a topology: topology=%s swept=%s", topology_id, count)


def _wait_s(alive: Alive, wait_s: float | None) -> float:
    """Return how long spouts rest before a kill or a rebalance; by default the topology's message timeout."""
    if wait_s is None:
        wait_s = float(alive.kept.topology.conf.get("topology.message.timeout.secs") or 30)
    return max(0.0, wait_s)
