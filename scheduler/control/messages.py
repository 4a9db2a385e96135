"""What the processes of one topology tell each other, one class per message.

    container --Register, Report-->  topology process  --PlanChanged, Replan, SetActive, ..--> container
    nimbus    --Ask, Nudge, ..---->  topology process  --Answer------------------------------> nimbus

A connection carries frames: 4 bytes big-endian length, then one msgpack
message.  The first frame is a `Hello`; a wrong secret ends the connection.
No tuple ever goes this way.
"""

from __future__ import annotations

import msgspec

from scheduler.plan import Address, PhysicalPlan
from scheduler.state.records import SettingsRecord

MAX_FRAME_BYTES = 64 * 1024 * 1024


class Message(msgspec.Struct, frozen=True, tag=True):
    """Base of all control messages."""


class Hello(Message, frozen=True):
    """First frame of a connection, to the topology process."""

    topology_id: str
    secret: str


class Register(Message, frozen=True):
    """A container is up, or has gone over to another plan: its address, and which plan it follows."""

    plan_version: int
    address: Address
    pid: int
    tasks: list[int] = []
    """All that it has, also those that the plan wants elsewhere and that are not finished yet."""


class TaskReport(msgspec.Struct, frozen=True):
    """One task since its container's start; all counters only grow.

    Maps are by stream for what a task emits and by ``component:stream`` for
    what it receives; a spout's acked, failed and latencies are by its own stream.
    """

    task: int
    component: str
    state: str
    """starting, running, waiting (to be restarted) or stopped."""

    pid: int
    """0 while there is no process."""

    uptime_s: float
    restart_count: int
    emitted: dict[str, int]
    transferred: dict[str, int]
    executed: dict[str, int]
    acked: dict[str, int]
    failed: dict[str, int]
    latency_ms_sum: dict[str, float]
    """Of sampled tuples: spouts emit to ack (complete), bolts delivery to ack (process)."""

    latency_count: dict[str, int]
    pending_count: int
    """Spouts: trees not yet acked. Bolts: tuples delivered and not yet acked."""

    queued_bytes: int
    held_ms: int
    """How long flow control has kept this task from being read, in all."""

    busy_ms: int = 0
    """Bolts: how long there was a tuple that was delivered and not yet acked, in all.

    Until the last ack that has come: a bolt that never acks counts as idle, and one that holds tuples
    back to ack them later as busy.
    """


class Counts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one task counted in a window of time, by the names of `TaskReport`; what is 0 is left out."""

    emitted: dict[str, int] = {}
    transferred: dict[str, int] = {}
    executed: dict[str, int] = {}
    acked: dict[str, int] = {}
    failed: dict[str, int] = {}
    latency_ms_sum: dict[str, float] = {}
    latency_count: dict[str, int] = {}
    busy_ms: int = 0


class ErrorReport(msgspec.Struct, frozen=True):
    """Something a person should see; ``text`` says what, where and what to do."""

    component: str
    task: int
    text: str
    time_s: float
    """Seconds since the epoch."""

    count: int = 1
    """How many it stands for; the others are in the log of the container."""


class Report(Message, frozen=True):
    """What a container knows of its tasks; sent about once a second."""

    container_id: int
    incarnation: int
    tasks: list[TaskReport]
    errors: list[ErrorReport]
    """New ones since the last report."""


class PlanChanged(Message, frozen=True):
    """The physical plan as it is now; replaces the one known before."""

    plan: PhysicalPlan
    held: list[int] | None = []
    """Tasks that another container than the planned one still has: their components must not start yet.

    None: not known; no component may start that has not been started before.
    """


class Replan(Message, frozen=True):
    """There is a newer packing plan, or conf, in the state store: follow it and register anew."""

    plan_version: int


class SetActive(Message, frozen=True):
    """Spouts are asked for tuples only while the topology is active."""

    is_active: bool


class Halt(Message, frozen=True):
    """Stop the children and end; said when the topology is killed or the container no longer planned."""

    reason: str


class Nudge(Message, frozen=True):
    """The status in the state store may have changed: read it now."""


class RestartContainer(Message, frozen=True):
    """A person wants a container ended and started again."""

    container_id: int


class SettingsChanged(Message, frozen=True):
    """What people change while a topology runs; replaces what was known before."""

    settings: SettingsRecord


class Ask(Message, frozen=True):
    """Nimbus wants the state of the topology; answered by one `Answer`."""


class ContainerState(msgspec.Struct, frozen=True):
    """One container as the topology master sees it."""

    container_id: int
    pid: int
    """0 while there is no process."""

    is_registered: bool
    restart_count: int
    uptime_s: float
    host: str
    port: int


class Answer(Message, frozen=True):
    """All the topology master knows, to be shown to people."""

    is_complete: bool
    """All containers are registered."""

    containers: list[ContainerState]
    tasks: list[TaskReport]
    """Summed over the lives of a container."""

    errors: list[ErrorReport]
    """The last ones, oldest first, bounded per component."""

    windows: dict[int, dict[int, Counts]] = {}
    """Window in seconds -> task -> what it counted; a task that counted nothing is not there.

    A window that is not there is longer than anything was counted: it is as the whole.
    """

    is_counted: bool = True
    """False: a new topology process has not heard from all containers yet, so that counters are old."""


AnyMessage = (
    Hello
    | Register
    | Report
    | PlanChanged
    | Replan
    | SetActive
    | SettingsChanged
    | Halt
    | Nudge
    | RestartContainer
    | Ask
    | Answer
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyMessage)


def encode(message: AnyMessage) -> bytes:
    """Return ``message`` as one frame, length included."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


def decode(body: bytes) -> AnyMessage:
    """Return the message of one frame's body, length excluded.

    Raises:
        msgspec.MsgspecError: not a message of ours.
    """
    message: AnyMessage = _decoder.decode(body)
    return message
