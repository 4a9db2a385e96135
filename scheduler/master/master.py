"""Topology master and scheduler of one topology: every decision of the topology process.

    processes found, started, exited --+                 +--> StartContainer, StopProcess
    messages of containers and nimbus -+--> Master.handle +--> Send, Reject, Drop, ForgetProcess
    status, plan, signs of nimbus -----+        .due     +--> SaveErrors, SaveCounts, ReadStatus, End

A planned container always has a process, is being started, or has a time at
which it will be; one that is planned no more may finish and then ends.  What
a container's end costs and why it happened is told to people as an error of
``__system``, which has no task but Storm's -1.

Time comes in as ``now`` (seconds, monotonic).  No I/O, no clock, no log.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from scheduler.control.backoff import Backoff
from scheduler.control.messages import (
    Answer,
    AnyMessage,
    Ask,
    ContainerState,
    ErrorReport,
    Halt,
    Nudge,
    Register,
    Report,
    RestartContainer,
    SetActive,
    SettingsChanged,
)
from scheduler.layout import slot
from scheduler.master.errors import ErrorLimits, Errors
from scheduler.master.events import (
    Command,
    End,
    EndWanted,
    Event,
    ForgetProcess,
    LaunchFailed,
    MessageReceived,
    NimbusChecked,
    PlanRead,
    ProcessExited,
    ProcessFound,
    ProcessStarted,
    ReadStatus,
    SaveCounts,
    SaveErrors,
    SettingsRead,
    StartContainer,
    StatusRead,
    StopProcess,
)
from scheduler.master.membership import (
    ConnectionClosed,
    ContainerEnded,
    Drop,
    Membership,
    Registered,
    Send,
)
from scheduler.master.totals import SavedCounts, Totals
from scheduler.plan import PackingPlan
from scheduler.state.records import ProcessRecord, SettingsRecord, Status, StatusRecord

SYSTEM_COMPONENT = "__system"
SYSTEM_TASK = -1
SAVE_EVERY_S = 1.0
SAVE_COUNTS_EVERY_S = 30.0
SAVE_LOST_COUNTS_EVERY_S = 5.0
"""After a container has ended: what it counted is nowhere else then."""

STOP_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class MasterConfig:
    """Limits of one topology master, in seconds."""

    orphan_s: float = 600.0
    """Without a living nimbus for so long, nobody owns the topology's processes: end."""

    silent_s: float = 30.0
    """A registered container that is silent for so long hangs; Storm's ``supervisor.worker.timeout.secs``."""

    start_s: float = 120.0
    """So long a process may take to register; Storm's ``supervisor.worker.start.timeout.secs``."""

    stalled_s: float = 5.0
    """`Master.due` was called later than this: it was us who slept, so nobody else is blamed for silence."""


@dataclass(slots=True)
class _Container:
    """One container: running (``process``), being started (neither), or waiting (``start_at_s``)."""

    container_id: int
    backoff: Backoff = field(default_factory=Backoff)
    process: ProcessRecord | None = None
    start_at_s: float | None = -math.inf
    started_s: float = 0.0
    heard_s: float = 0.0
    restart_count: int = 0
    is_planned: bool = True
    may_have_tasks: bool = False
    """It has registered, here or with a predecessor of ours."""

    @property
    def name(self) -> str:
        return f"container {self.container_id} (port {slot(self.container_id)})"


class Master:
    """Decides for one topology; see the module."""

    def __init__(
        self,
        packing: PackingPlan,
        now: float,
        *,
        config: MasterConfig | None = None,
        error_limits: ErrorLimits | None = None,
        stored_errors: Iterable[ErrorReport] = (),
        saved_counts: SavedCounts | None = None,
        epoch_offset_s: float = 0.0,
    ) -> None:
        self.membership = Membership(packing)
        self.errors = Errors(error_limits or ErrorLimits(), stored_errors)
        age_s = now + epoch_offset_s - saved_counts.saved_at_s if saved_counts else 0.0
        self.totals = Totals(now, saved_counts, max(age_s, 0.0))
        self.epoch_offset_s = epoch_offset_s
        """Added to ``now`` for times that people see; set it anew as often as the clock may be stepped."""

        self._config = config or MasterConfig()
        self._containers = {c.container_id: _Container(c.container_id) for c in packing.containers}
        self._is_active = False
        self._settings = SettingsRecord()
        self._is_ending = False
        self._save_at_s = -math.inf
        self._counts_saved_s = -math.inf
        self._lost_counts_saved_s = -math.inf
        self._has_lost_container = False
        self._unheard: set[int] = set()
        """Containers that a predecessor started, which have not told us yet what they counted."""
        self._nimbus_seen_s = now
        self._last_due_s = now

    def handle(self, event: Event, now: float) -> list[Command]:
        """Apply one event; return what the caller must now do, in order."""
        if self._is_ending:
            return []
        match event:
            case MessageReceived(connection, message):
                return self._received(connection, message, now)
            case ConnectionClosed():
                return [*self.membership.handle(event)]
            case ProcessFound():
                return self._found(event, now)
            case ProcessStarted(container_id, process):
                self._run(self._containers[container_id], process, age_s=0.0, now=now)
                return []
            case LaunchFailed(container_id, reason):
                container = self._containers[container_id]
                self._restart(container, f"could not be started: {reason}", 0.0, now)
                return []
            case ProcessExited(container_id, exit_code):
                return self._exited(container_id, exit_code, now)
            case PlanRead(packing):
                return self._replan(packing, now)
            case StatusRead(wanted):
                return self._follow(wanted, now)
            case SettingsRead(settings):
                self._settings = settings
                connections = self.membership.connections()
                return [Send(connections, SettingsChanged(settings))] if connections else []
            case NimbusChecked(is_alive):
                self._nimbus_seen_s = now if is_alive else self._nimbus_seen_s
                return []
            case EndWanted(reason):
                return self._end(reason, now)

    def due(self, now: float) -> list[Command]:
        """Return what must be done because of the time alone; call it at `next_due_s`, and each second."""
        if self._is_ending:
            return []
        self._excuse_silence(now)
        if now - self._nimbus_seen_s > self._config.orphan_s:
            return self._end(f"no nimbus for {self._config.orphan_s:g} s", now)
        commands: list[Command] = []
        for container in self._containers.values():
            if container.start_at_s is not None and container.start_at_s <= now:
                container.start_at_s = None
                commands.append(StartContainer(container.container_id, container.restart_count))
            elif container.process is not None:
                commands += self._stop_if_silent(container, container.process, now)
        if self.errors.has_unsaved and now >= self._save_at_s:
            self.errors.has_unsaved = False
            self._save_at_s = now + SAVE_EVERY_S
            commands.append(SaveErrors(self.errors.all()))
        is_lost = self._has_lost_container and now - self._lost_counts_saved_s >= SAVE_LOST_COUNTS_EVERY_S
        if self.totals.has_unsaved and (is_lost or now - self._counts_saved_s >= SAVE_COUNTS_EVERY_S):
            commands.append(self._save_counts(now))
        return commands

    def next_due_s(self) -> float:
        """Return when a container is to be started next; infinity if none is waiting."""
        return min(
            (c.start_at_s for c in self._containers.values() if c.start_at_s is not None), default=math.inf
        )

    def container_ids(self) -> list[int]:
        """Return the ids of all containers, also of those that are planned no more and still run."""
        return list(self._containers)

    def answer(self, now: float) -> Answer:
        """Return all that is known of the topology."""
        planned = sorted((c for c in self._containers.values() if c.is_planned), key=lambda c: c.container_id)
        return Answer(
            self.membership.is_complete,
            [self._state(c, now) for c in planned],
            self.totals.tasks(),
            self.errors.all(),
            self.totals.windows(now),
            is_counted=not self._unheard,
        )

    def _received(self, connection: int, message: AnyMessage, now: float) -> list[Command]:
        match message:
            case Register():
                return self._register(connection, message, now)
            case Report():
                return self._report(connection, message, now)
            case Ask():
                return [Send((connection,), self.answer(now))]
            case Nudge():
                return [ReadStatus()]
            case RestartContainer(container_id):
                return self._restart_wanted(container_id, now)
            case _:
                return [Drop(connection, f"{type(message).__name__} is not for a topology process")]

    def _register(self, connection: int, message: Register, now: float) -> list[Command]:
        container_id = message.address.container_id
        # What nobody knows of does not finish anything here: it is turned away.
        tasks = frozenset(message.tasks if container_id in self._containers else ())
        event = Registered(connection, message.plan_version, message.address, message.pid, tasks)
        commands: list[Command] = [*self.membership.handle(event)]
        if self.membership.container_at(connection) is None:
            return commands
        self._containers[container_id].heard_s = now
        self._containers[container_id].may_have_tasks = True
        is_default = self._settings == SettingsRecord()
        first = [] if is_default else [Send((connection,), SettingsChanged(self._settings))]
        return [*first, Send((connection,), SetActive(self._is_active)), *commands]

    def _report(self, connection: int, report: Report, now: float) -> list[Command]:
        container_id = self.membership.container_at(connection)
        if container_id is None or report.container_id != container_id:
            return [
                Drop(connection, f"a report of container {report.container_id}, which is not registered here")
            ]
        if report.incarnation != self.membership.members[container_id].address.incarnation:
            return [Drop(connection, f"a report of another incarnation of container {container_id}")]
        self._containers[container_id].heard_s = now
        self._unheard.discard(container_id)
        self.totals.add(report, now)
        for error in report.errors:
            self.errors.add(error, now)
        return []

    def _found(self, event: ProcessFound, now: float) -> list[Command]:
        container = self._containers.get(event.container_id)
        if container is None:
            if not event.is_alive:
                return [ForgetProcess(event.container_id)]
            # Of an older plan: it is told so when it registers, and ends when its tasks have finished.
            container = _Container(event.container_id, is_planned=False)
            self._containers[event.container_id] = container
            self.membership.awaited.add(event.container_id)
        container.restart_count = event.process.restart_count
        if event.is_alive:
            self._unheard.add(event.container_id)
            container.may_have_tasks = True
            age_s = now + self.epoch_offset_s - event.process.started_at_s
            self._run(container, event.process, age_s=max(age_s, 0.0), now=now)
        else:
            container.restart_count += 1
            container.start_at_s = now
            self._tell(
                f"{container.name} had ended while no topology process watched it;"
                f" started again at once (restart {container.restart_count})",
                now,
            )
        return []

    def _replan(self, packing: PackingPlan, now: float) -> list[Command]:
        planned = {container.container_id for container in packing.containers}
        commands: list[Command] = [*self.membership.follow(packing)]
        for container_id, container in list(self._containers.items()):
            container.is_planned = container_id in planned
            if container.is_planned or container_id in self.membership.members:
                continue
            if container.process is not None:
                # It may run what others are to start now. Cut off for a moment, it comes back and finishes.
                self.membership.awaited.add(container_id)
                if not container.may_have_tasks:
                    commands.append(StopProcess(container_id, container.process, STOP_GRACE_S))
            else:
                del self._containers[container_id]
                commands.append(ForgetProcess(container_id))
        for container_id in sorted(planned - self._containers.keys()):
            self._containers[container_id] = _Container(container_id, start_at_s=now)
        return commands

    def _restart_wanted(self, container_id: int, now: float) -> list[Command]:
        container = self._containers.get(container_id)
        if container is None or container.process is None:
            return []  # it is about to start anyhow
        self._tell(f"{container.name} is ended and started again, as somebody asked for", now)
        return [StopProcess(container_id, container.process, STOP_GRACE_S)]

    def _run(self, container: _Container, process: ProcessRecord, *, age_s: float, now: float) -> None:
        container.process, container.start_at_s = process, None
        container.started_s, container.heard_s = now - age_s, now

    def _exited(self, container_id: int, exit_code: int | None, now: float) -> list[Command]:
        container = self._containers.get(container_id)
        if container is None or container.process is None:
            return []
        container.process, container.may_have_tasks = None, False
        self._unheard.discard(container_id)
        self.totals.end_container(container_id)
        self._has_lost_container = True
        if not container.is_planned:
            del self._containers[container_id]
            return [*self.membership.handle(ContainerEnded(container_id)), ForgetProcess(container_id)]
        ran_s = now - container.started_s
        self._restart(container, f"{_how_it_ended(exit_code)} after {_seconds(ran_s)}", ran_s, now)
        return [*self.membership.handle(ContainerEnded(container_id))]

    def _restart(self, container: _Container, what: str, ran_s: float, now: float) -> None:
        delay_s, container.backoff = container.backoff.ended(ran_s)
        container.restart_count += 1
        container.start_at_s = now + delay_s
        self._tell(
            f"{container.name} {what}; started again in {delay_s:g} s (restart {container.restart_count})",
            now,
        )

    def _stop_if_silent(self, container: _Container, process: ProcessRecord, now: float) -> list[Command]:
        is_registered = container.container_id in self.membership.members
        limit_s = self._config.silent_s if is_registered else self._config.start_s
        if now - container.heard_s <= limit_s:
            return []
        container.heard_s = now  # said once; should it survive, it is said again after the same time
        complaint = "said nothing" if is_registered else "did not register"
        self._tell(f"{container.name} {complaint} for {limit_s:g} s; it is ended and started again", now)
        return [StopProcess(container.container_id, process, 0.0)]

    def _excuse_silence(self, now: float) -> None:
        slept_s = now - self._last_due_s
        self._last_due_s = now
        if slept_s > self._config.stalled_s:
            self._nimbus_seen_s += slept_s
            for container in self._containers.values():
                container.heard_s += slept_s

    def _follow(self, wanted: StatusRecord | None, now: float) -> list[Command]:
        if wanted is None:
            return self._end("the topology was killed", now, is_gone=True)
        is_active = wanted.status is Status.ACTIVE
        if is_active is self._is_active:
            return []
        self._is_active = is_active
        connections = self.membership.connections()
        return [Send(connections, SetActive(is_active))] if connections else []

    def _end(self, reason: str, now: float, *, is_gone: bool = False) -> list[Command]:
        """Decide the end; of a topology that is gone nothing may be stored."""
        self._is_ending = True
        commands: list[Command] = []
        if connections := self.membership.connections():
            commands.append(Send(connections, Halt(reason)))
        if not is_gone:
            if self.errors.has_unsaved:
                commands.append(SaveErrors(self.errors.all()))
            if self.totals.has_unsaved:
                commands.append(self._save_counts(now))
        return [*commands, End(reason)]

    def _save_counts(self, now: float) -> SaveCounts:
        self.totals.has_unsaved = False
        self._counts_saved_s = now
        if self._has_lost_container:
            self._lost_counts_saved_s, self._has_lost_container = now, False
        return SaveCounts(self.totals.saved(now, self.epoch_offset_s))

    def _tell(self, text: str, now: float) -> None:
        error = ErrorReport(SYSTEM_COMPONENT, SYSTEM_TASK, text, now + self.epoch_offset_s)
        self.errors.add(error, now)

    def _state(self, container: _Container, now: float) -> ContainerState:
        member = self.membership.members.get(container.container_id)
        process = container.process
        return ContainerState(
            container.container_id,
            pid=process.pid if process else 0,
            is_registered=member is not None,
            restart_count=container.restart_count,
            uptime_s=now - container.started_s if process else 0.0,
            host=member.address.host if member else "",
            port=member.address.port if member else 0,
        )


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None:
        return "ended (how is not known)"
    return (
        f"was ended by signal {-exit_code}"
        if exit_code < 0
        else f"exited with code {exit_code} (its log says why)"
    )


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.0f} s" if duration_s >= 10 else f"{duration_s:.1f} s"
