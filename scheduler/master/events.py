"""What happens to a topology, and what must be done about it: the words of `scheduler.master.master`."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.control.messages import AnyMessage, ErrorReport
from scheduler.master.membership import ConnectionClosed, Drop, Reject, Send
from scheduler.master.totals import SavedCounts
from scheduler.plan import PackingPlan
from scheduler.state.records import ProcessRecord, SettingsRecord, StatusRecord


@dataclass(frozen=True, slots=True)
class ProcessFound:
    """A predecessor started that process; it may have ended since."""

    container_id: int
    process: ProcessRecord
    is_alive: bool


@dataclass(frozen=True, slots=True)
class ProcessStarted:
    """`StartContainer` was carried out."""

    container_id: int
    process: ProcessRecord


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """`StartContainer` could not be carried out."""

    container_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The process of a container is gone."""

    container_id: int
    exit_code: int | None
    """Negative: the signal; None: unknown, as for processes that a predecessor started."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A peer that knows the secret said something."""

    connection: int
    message: AnyMessage


@dataclass(frozen=True, slots=True)
class PlanRead:
    """There is a newer packing plan, or one whose components have another conf."""

    packing: PackingPlan


@dataclass(frozen=True, slots=True)
class StatusRead:
    """What the state store wants of the topology; None: it does not know the topology any more."""

    status: StatusRecord | None


@dataclass(frozen=True, slots=True)
class SettingsRead:
    """What people changed about the topology, as the state store has it."""

    settings: SettingsRecord


@dataclass(frozen=True, slots=True)
class NimbusChecked:
    """Whether the nimbus that owns this cluster runs."""

    is_alive: bool


@dataclass(frozen=True, slots=True)
class EndWanted:
    """Somebody asks this process to end."""

    reason: str


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Sweep what a dead predecessor left, start the container's process, keep its record."""

    container_id: int
    restart_count: int


@dataclass(frozen=True, slots=True)
class StopProcess:
    """End a container's process; its exit is reported as any other."""

    container_id: int
    process: ProcessRecord
    grace_s: float


@dataclass(frozen=True, slots=True)
class ForgetProcess:
    """Delete the record of a container that is planned no more."""

    container_id: int


@dataclass(frozen=True, slots=True)
class SaveErrors:
    """Keep these for a successor."""

    errors: list[ErrorReport]


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """Keep what was counted for a successor; that it outlives a power failure is not needed."""

    counts: SavedCounts


@dataclass(frozen=True, slots=True)
class ReadStatus:
    """Read the status now; answer with `StatusRead`."""


@dataclass(frozen=True, slots=True)
class End:
    """Stop all containers, leave nothing of the topology running, and end."""

    reason: str


Event = (
    ProcessFound
    | ProcessStarted
    | LaunchFailed
    | ProcessExited
    | MessageReceived
    | ConnectionClosed
    | PlanRead
    | StatusRead
    | SettingsRead
    | NimbusChecked
    | EndWanted
)
Command = (
    StartContainer
    | StopProcess
    | ForgetProcess
    | Send
    | Reject
    | Drop
    | SaveErrors
    | SaveCounts
    | ReadStatus
    | End
)
