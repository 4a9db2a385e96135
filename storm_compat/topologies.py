"""The topologies of this cluster: submitted, changed, watched over, removed.

    submit   check -> compile -> pack -> keep files and records -> keep the status -> supervise if active
    rebalance   REBALANCING now; after the wait: keep another plan -> keep the status it had before
    kill     KILLED now; after the wait: stop the processes -> forget records and files -> the name is free
    start    forget what was submitted or removed by half; adopt the rest; begin waits anew

Decisions are elsewhere: what may follow which status in
`scheduler.control.lifecycle`, what a submission becomes in
`storm_compat.submission`, what a rebalance makes of it in
`storm_compat.rebalance`.  The table itself is in `storm_compat.registry`, the
end of a topology in `storm_compat.removal`.  This is the shell that carries them out, in one
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
from pathlib import Path
from typing import Any, Final, Protocol, Self

import msgspec
import simplejson

from scheduler.control import lifecycle
from scheduler.control.messages import Answer
from scheduler.errors import SchedulerError, StateError
from scheduler.launch.base import Launcher
from scheduler.layout import FIRST_SLOT, Layout
from scheduler.state.records import (
    DebugRecord,
    RebalanceRecord,
    SettingsRecord,
    Status,
    StatusRecord,
)
from storm_compat import history, log_config, rebalance
from storm_compat.alive import Alive
from storm_compat.blob_map import Link
from storm_compat.credentials import refuse_foreign
from storm_compat.depot import Depot
from storm_compat.errors import CompatError, InvalidSetting, NoSuchComponent, NoWorker
from storm_compat.java_code import refuse_own_code
from storm_compat.java_settings import not_run
from storm_compat.rebalance import Rebalanced
from storm_compat.registry import Entry, Registry
from storm_compat.removal import Removal
from storm_compat.submission import Accepted, Submission, accept
from storm_compat.supervision import Supervision

logger = logging.getLogger(__name__)

RETRY_S: Final = 1.0


class Masters(Protocol):
    """The topology processes, as nimbus talks to them."""

    async def ask(self, topology_id: str) -> Answer | None:
        """Return what a topology process knows; None if it does not answer soon."""

    async def nudge(self, topology_id: str) -> None:
        """Let a topology process read its status now; fine if there is none."""

    async def restart(self, topology_id: str, container_id: int) -> bool:
        """Let a topology process end a container and start it again; return whether there is one."""


class Topologies(Registry):
    """The registry, and the life-cycle of what is in it; use it as ``async with``, from one event loop.

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
        super().__init__(wall)
        self._removal = Removal(depot, launcher)
        self._one_submission = asyncio.Lock()
        self._waits_changed = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._waits: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Clean up and adopt; afterwards everything that exists is watched over."""
        for topology_id in self._depot.leftovers():
            logger.warning("removing what is left of a topology: topology=%s", topology_id)
            try:
                await self._removal.erase(topology_id)
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
        for entry in self:
            if entry.supervision is not None:
                entry.supervision.cancel()
        await self._group.__aexit__(None, None, None)

    async def submit(self, submission: Submission) -> str:
        """Return the id of the new topology, which will be running soon.

        Raises:
            AlreadyAlive: the name is in use.
            InvalidTopology, TopologyError: it cannot be run.
        """
        async with self._one_submission:
            self.refuse_taken(submission.name)
            number = self._depot.submission_count() + 1
            # Of a large topology this takes a while, and other clients are to be answered meanwhile.
            accepted = await asyncio.to_thread(
                accept,
                submission,
                self._cluster_conf,
                number=number,
                now=self._wall(),
                owner=self._owner,
                slot_count=self._slot_count(),
            )
            topology_id = accepted.kept.topology.topology_id
            await asyncio.to_thread(refuse_own_code, submission.jar, accepted.compiled.java_classes)
            self._depot.count_submission(number)
            await self._put(accepted, submission.jar)
            status = StatusRecord(Status.ACTIVE if submission.is_active else Status.INACTIVE)
            if submission.credentials:
                self._depot.add_credentials(topology_id, submission.credentials)
            self._depot.set_status(topology_id, status)
            entry = self.add(Alive(accepted.kept, status, has_started=False))
            # A blob may have changed since its link was made, and nobody knew then whom to tell.
            self._group.create_task(self._renew_links_of(entry))
            if submission.is_active:
                self._supervise(entry)
        if ignored := not_run(accepted.conf, submission.code):
            self.trouble(topology_id, ignored)
            logger.warning("a topology %s: topology=%s", ignored, topology_id)
        tasks = accepted.kept.topology.component_of()
        logger.info("accepted a topology: topology=%s tasks=%s", topology_id, len(tasks))
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
        if name in self.unreadable:
            self._group.create_task(self._remove_unreadable(name))
            return
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
        self.refuse_going(alive)
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
            NoWorker: there is no such container, or nobody who could do it now; says which.
        """
        planned = {container.container_id for container in alive.kept.packing.containers}
        if container_id not in planned:
            ports = sorted(FIRST_SLOT - 1 + planned_id for planned_id in planned)
            raise NoWorker(f"{alive.topology_id} has no worker there; its ports are {ports}")
        if not await self._masters.restart(alive.topology_id, container_id):
            raise NoWorker(f"The topology process of {alive.topology_id} does not answer now; try again")

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
        entry = self.get(alive.topology_id)
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
            for entry in self:
                group.create_task(self._removal.stop_logged(entry))

    # ---- what happens behind the calls

    def _slot_count(self) -> int:
        """Return how many containers a topology may have, however many it asks for."""
        return max(len(self._cluster_conf.get("supervisor.slots.ports") or ()), 1)

    async def _put(self, accepted: Accepted, jar: Path) -> None:
        normalized, links = accepted.compiled.normalized, accepted.links
        try:
            await asyncio.to_thread(self._depot.put, accepted.kept, jar, normalized, accepted.stored, links)
        except Exception:
            with suppress(SchedulerError, OSError):
                self._depot.forget(accepted.kept.topology.topology_id)
            raise

    def _adopt(self, topology_id: str) -> None:
        try:
            kept, status = self._depot.read(topology_id), self._depot.status(topology_id)
        except (SchedulerError, msgspec.MsgspecError) as exc:
            logger.error(
                "cannot read a topology, leaving it alone until it is killed: topology=%s reason=%s",
                *(topology_id, exc),
            )
            self.unreadable[topology_id.rsplit("-", 2)[0]] = topology_id
            return
        entry = self.add(Alive(kept, status, has_started=False))
        self._adopt_settings(entry)
        if status.status is Status.ACTIVE or self._has_started(topology_id):
            self._supervise(entry)
        # As with Storm a wait begins anew: how much of it was over, nobody knows any more.
        until = self._clock() + (status.wait_s or 0.0)
        if status.status is Status.KILLED:
            self._remove_at(topology_id, until)
        elif status.status is Status.REBALANCING:
            self._rebalance_at(topology_id, until)

    def _adopt_settings(self, entry: Entry) -> None:
        """Take log levels and debug as they were; losing them is no reason to lose the topology."""
        topology_id = entry.alive.topology_id
        try:
            entry.change(settings=self._depot.settings(topology_id))
        except StateError as exc:
            logger.error("cannot read log levels and debug: topology=%s reason=%s", topology_id, exc)
            self.trouble(topology_id, f"Log levels and debug are lost, set them again: {exc}")

    def _has_started(self, topology_id: str) -> bool:
        try:
            return self._depot.process(topology_id) is not None
        except StateError:  # there is a record, and supervision knows what to do about it
            return True

    def _renew_links(self, is_meant: Callable[[Link], bool]) -> None:
        for entry in self:
            if any(map(is_meant, entry.links)):
                self._group.create_task(self._renew_links_of(entry))

    async def _renew_links_of(self, entry: Entry) -> None:
        topology_id = entry.alive.topology_id
        async with entry.renewing:
            if entry.is_going or not entry.links:
                return
            try:
                keys = await asyncio.to_thread(self._depot.renew_links, topology_id, entry.links)
            except (CompatError, SchedulerError, OSError) as exc:
                logger.error("could not renew links to blobs: topology=%s reason=%s", topology_id, exc)
                self.trouble(topology_id, f"A new content of a blob could not be taken: {exc}")
                return
        if keys:
            logger.info("renewed links to blobs: topology=%s keys=%s", topology_id, ",".join(keys))

    def _set_settings(self, alive: Alive, settings: SettingsRecord) -> None:
        self.refuse_going(alive)
        self._depot.set_settings(alive.topology_id, settings)
        self[alive.topology_id].change(settings=settings)
        self._group.create_task(self._nudge(alive.topology_id))

    def _apply(self, alive: Alive, event: lifecycle.Event) -> None:
        status = lifecycle.transition(alive.topology_id, alive.status, event)
        entry = self[alive.topology_id]
        if status is None or status == alive.status or entry.is_going:
            return
        self._depot.set_status(alive.topology_id, status)
        entry.change(status=status)
        if status.status is Status.ACTIVE and entry.supervision is None:
            self._supervise(entry)
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

    def _supervise(self, entry: Entry) -> None:
        topology_id = entry.alive.topology_id
        supervision = Supervision(
            topology_id,
            depot=self._depot,
            launcher=self._launcher,
            log=self._layout.topology_log(topology_id),
            report=lambda text: self.trouble(topology_id, text),
            clock=self._clock,
        )
        entry.change(has_started=True)
        entry.supervision = self._group.create_task(self._guarded(topology_id, supervision))

    async def _guarded(self, topology_id: str, supervision: Supervision) -> None:
        """Keep a mistake in one topology's supervision from ending nimbus."""
        try:
            await supervision.run()
        except Exception:
            logger.exception("the supervision of a topology failed: topology=%s", topology_id)
            self.trouble(
                topology_id, "Nimbus failed to watch over the topology process; see the log of nimbus"
            )

    def _remove_at(self, topology_id: str, when: float) -> None:
        entry = self[topology_id]
        entry.remove_at = min(entry.remove_at, when)
        self._waits_changed.set()

    def _rebalance_at(self, topology_id: str, when: float) -> None:
        self[topology_id].rebalance_at = when
        self._waits_changed.set()

    async def _run_waits(self) -> None:
        """Do what is due, and sleep until something will be; one slow removal holds up no other."""
        while True:
            self._waits_changed.clear()
            now = self._clock()
            waiting = [e for e in self if not e.is_going]
            for entry in waiting:
                if entry.rebalance_at <= now:
                    self._do_rebalance(entry)
                if entry.remove_at <= now:
                    self._group.create_task(self._remove(entry))
            next_s = min((e.due_at - now for e in waiting if e.due_at > now), default=math.inf)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if next_s == math.inf else next_s):
                    await self._waits_changed.wait()

    def _do_rebalance(self, entry: Entry) -> None:
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
            entry.change(kept=done.after)
            self._apply(entry.alive, lifecycle.DoRebalance(done.after.packing.version))
        except Exception as exc:  # nimbus must outlive it
            is_known = isinstance(exc, CompatError | SchedulerError | OSError)
            logger.error(
                "could not rebalance a topology, will try again: topology=%s reason=%s",
                *(alive.topology_id, exc),
                exc_info=None if is_known else exc,
            )
            self.trouble(alive.topology_id, f"The topology cannot be rebalanced: {exc}. Nimbus keeps trying")
            entry.rebalance_at = self._clock() + RETRY_S
            return
        self._group.create_task(self._renew_links_of(entry))
        moves = done.changes
        logger.info(
            "rebalanced a topology: topology=%s plan_version=%s moved=%s started=%s stopped=%s",
            *(alive.topology_id, done.after.packing.version),
            *(len(moves.moves), len(moves.started), len(moves.stopped)),
        )

    async def _remove_unreadable(self, name: str) -> None:
        """Remove what exists of a topology although nobody knows what it is; its name is free then."""
        topology_id = self.unreadable[name]
        try:
            await self._removal.erase(topology_id)
        except Exception:  # nimbus must outlive it, and it may be tried again
            logger.exception("could not remove a topology that cannot be read: topology=%s", topology_id)
            return
        self.unreadable.pop(name, None)
        logger.info("removed a topology that could not be read: topology=%s", topology_id)

    async def _remove(self, entry: Entry) -> None:
        topology_id = entry.alive.topology_id
        if entry.is_going:
            return
        entry.is_going = True
        lifecycle.transition(topology_id, entry.alive.status, lifecycle.Remove())
        try:
            await self._removal.remove(entry)
        except Exception as exc:  # nimbus must outlive it
            is_known = isinstance(exc, SchedulerError | OSError)
            logger.error(
                "could not remove a topology, will try again: topology=%s reason=%s",
                *(topology_id, exc),
                exc_info=None if is_known else exc,
            )
            self.trouble(topology_id, f"The topology cannot be removed: {exc}. Nimbus keeps trying")
            entry.is_going = False
            entry.remove_at = self._clock() + RETRY_S
            self._waits_changed.set()
            return
        self.forget(topology_id)
        logger.info("removed a topology: topology=%s", topology_id)


def _wait_s(alive: Alive, wait_s: float | None) -> float:
    """Return how long spouts rest before a kill or a rebalance; by default the topology's message timeout."""
    if wait_s is None:
        wait_s = float(alive.kept.topology.conf.get("topology.message.timeout.secs") or 30)
    return max(0.0, wait_s)
