"""One task of this container, as the stream manager keeps it.

What waits for its component, in the order in which it will be written:

    rest     the unwritten end of a chunk; its first message may be cut
    urgent   handshake, heartbeat, task ids: overtake tuples, never cut one
    chunks   whole messages, one chunk per round
    held     deliveries kept back from a component that reads ahead (below)
    parts    this round's deliveries (five parts each) or commands

A component that blocks on task ids reads through everything in its pipe to
find them and keeps it in memory.  Such a one gets ``limit`` unacked tuples
at a time, as Storm's ``topology.shellbolt.max.pending`` does for every bolt.
Where its answers can be foreseen, they are sent ahead (`foresight`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, final

import msgspec

from multilang.session import Kind, ShellSession, State

if TYPE_CHECKING:
    from scheduler.stream.acks import Root
    from scheduler.stream.foresight import Foresight
    from scheduler.stream.routing import Route, Slots

PARTS_PER_DELIVERY = 5
_SAMPLE_EVERY = 20
"""Of so many deliveries of an input one is timed, as by Storm's default rate of 0.05."""

Part = bytes | msgspec.Raw


@final
class RemoteTask:
    """A task of another container."""

    __slots__ = ("container_id", "task")

    is_local = False

    def __init__(self, task: int, container_id: int) -> None:
        self.task = task
        self.container_id = container_id


@final
class LocalTask:
    """Counters, trees and queue of one task; outlives its component's processes."""

    __slots__ = (
        "acked",
        "asked_at",
        "asked_count",
        "blocker_count",
        "blocks_once",
        "busy_ms",
        "busy_since",
        "chunks",
        "commands",
        "component",
        "counters",
        "early",
        "emitted_count",
        "empty_nexts",
        "failed",
        "foresight",
        "foretold",
        "held",
        "held_ms",
        "held_since",
        "hold_count",
        "inputs",
        "is_active",
        "is_dirty",
        "is_spout",
        "latency_count",
        "latency_ms_sum",
        "limit",
        "limit_bonus",
        "live",
        "most_commands",
        "most_per_next",
        "parts",
        "passed_on_count",
        "pend",
        "queued_bytes",
        "rest",
        "routes",
        "sample_step",
        "samples",
        "session",
        "spoke_at",
        "step",
        "task",
        "translate",
        "urgent",
        "wait_until",
        "wary_s",
        "wary_until",
        "window",
        "window_limit",
    )

    is_local = True

    def __init__(self, task: int, component: str, *, is_spout: bool, inputs: list[tuple[str, str]]) -> None:
        self.task = task
        self.component = component
        self.is_spout = is_spout
        self.inputs = inputs
        """(source component, stream) by input index."""
        self.session = ShellSession(Kind.SPOUT if is_spout else Kind.BOLT)
        self.routes: dict[str, Route] = {}

        # A delivery id is k * step + input index, k counted per input: the id
        # tells the input back, and the counters are the executed counts.  The
        # last index is the system's: ticks and heartbeats.
        self.step = len(inputs) + 1
        self.sample_step = _SAMPLE_EVERY * self.step
        self.counters = list(range(self.step))
        self.pend: dict[int, Root | tuple[Root, ...] | None] = {}
        self.samples: dict[int, float] = {}
        self.acked = [0] * self.step
        self.failed = [0] * self.step
        self.latency_ms_sum = [0.0] * self.step
        self.latency_count = [0] * self.step

        self.live = 0
        """Spouts: trees not yet acked or failed."""
        self.commands: deque[bytes] = deque()
        """Spouts: acks, fails and the like that wait for their turn."""
        self.is_active: bool | None = None
        """Spouts: what the component was last told."""
        self.asked_count = 0
        """Spouts: how often ``next`` stands in the batch that is not answered yet."""
        self.asked_at = 0.0
        self.emitted_count = 0
        """Spouts: tuples since then."""
        self.window = 1
        """Spouts: how many ``next`` the next batch may have; see `spouts`."""
        self.window_limit = 1
        self.most_commands = 1
        """Spouts: how many commands may be unanswered."""
        self.blocks_once = False
        """Spouts: the library does not let others wait for more than one ``next`` that blocks."""
        self.wary_until = 0.0
        """Spouts: no batch has more than one ``next`` before."""
        self.wary_s = 30.0
        self.most_per_next = 1
        self.empty_nexts = 0
        self.wait_until = 0.0

        self.blocker_count = 0
        """Congested tasks that this one feeds directly; above 0 it is not read."""
        self.hold_count = 0
        """Spouts: congested tasks anywhere below; above 0 it is not asked."""
        self.held_since: float | None = None
        self.held_ms = 0.0
        """How long it was not read, or not asked, for the sake of others; up to ``held_since``."""
        self.limit: int | None = None
        self.limit_bonus = 0
        self.spoke_at = 0.0
        self.foresight: Foresight | None = None
        """How to tell the component task ids before it asks; None: it is told when it does."""
        self.foretold: deque[Slots] = deque()
        """Where tuples will go of which it was told already, oldest first."""
        self.busy_since: float | None = None
        """Bolts: since when there is something to ack, or the last ack came; None if there is not."""
        self.busy_ms = 0.0

        self.translate: Callable[[bytes], bytes] | None = None
        """From whole JSON messages to what the component reads; None: it reads JSON."""

        self.is_dirty = False
        self.parts: list[Part] = []
        self.urgent: list[bytes] = []
        self.early: list[bytes] = []
        """For a component that is not open yet: what comes before all that waits; see `deliver_early`."""
        self.passed_on_count = 0
        """So many of these came first to the place where the task was before."""
        self.chunks: deque[bytes] = deque()
        self.rest: memoryview | None = None
        self.held: list[Part] = []
        self.queued_bytes = 0
        """All that waits, but for this round's parts; brought up to date by `take` and `wrote`."""

    @property
    def is_untouched(self) -> bool:
        """Whether no component is there, so that nothing of what waits was given to one."""
        return self.session.state is State.NEW

    def note_held(self, now: float) -> None:
        """Take the time when a wait for congested tasks begins or ends."""
        is_held = self.hold_count > 0 or self.blocker_count > 0
        if is_held and self.held_since is None:
            self.held_since = now
        elif not is_held and self.held_since is not None:
            self.held_ms += (now - self.held_since) * 1000
            self.held_since = None

    def deliver_urgently(self, message: bytes) -> None:
        """Queue a whole message that overtakes tuples."""
        self.urgent.append(message)
        self.queued_bytes += len(message)

    def deliver_early(self, message: bytes, *, is_passed_on: bool) -> None:
        """Queue a delivery for a component that is not open yet, in front of all that its source sends next.

        First comes what the task's old place passed on: it is older than what came straight here.
        """
        if is_passed_on:
            self.early.insert(self.passed_on_count, message)
            self.passed_on_count += 1
        else:
            self.early.append(message)
        self.queued_bytes += len(message)

    def age_waiting(self) -> None:
        """Put what waits for a component that is not open yet behind what is early, for another plan.

        What came straight by the old one may be older than what comes early by the new.
        """
        self.collect()
        if self.chunks:
            self.early.append(b"".join(self.chunks))
            self.chunks.clear()

    def note_acked(self, now: float) -> None:
        """Count the time until an ack as work; with more to ack it goes on."""
        if self.busy_since is not None:
            self.busy_ms += (now - self.busy_since) * 1000
        self.busy_since = now if self.pend else None

    def collect(self) -> None:
        """Move this round's parts to the queue, where they count; cheap when there are none."""
        parts = self.parts
        if self.limit is None:
            if parts:
                chunk = b"".join(parts)
                self.parts = []
                self.chunks.append(chunk)
                self.queued_bytes += len(chunk)
            return
        if parts:
            self.parts = []
            self.held += parts
            self.queued_bytes += sum(map(len, parts))
        if self.held:
            unacked = len(self.pend) - len(self.held) // PARTS_PER_DELIVERY
            room = (self.limit + self.limit_bonus - unacked) * PARTS_PER_DELIVERY
            if room > 0:
                self.chunks.append(b"".join(self.held[:room]))
                del self.held[:room]

    def take(self) -> bytes | memoryview | None:
        """Return what to write next, or None; after each write call `wrote`."""
        if self.parts or self.held:
            self.collect()
        if self.rest is not None:
            return self.rest
        # No tuple before the pid, as with Storm; until then some may come that go in front.
        is_open = self.session.state is State.OPEN
        if is_open and self.early:
            self.chunks.appendleft(b"".join(self.early))
            self.early, self.passed_on_count = [], 0
        if self.urgent:
            data = b"".join(self.urgent)
            self.urgent.clear()
            if self.chunks and is_open:
                data += self.chunks.popleft()
        elif self.chunks and is_open:
            data = self.chunks.popleft()
        else:
            return None
        if self.translate is not None:
            self.queued_bytes -= len(data)
            data = self.translate(data)
            self.queued_bytes += len(data)
        return data

    def wrote(self, data: bytes | memoryview, byte_count: int) -> None:
        """Note that the first ``byte_count`` bytes of what `take` returned are in the pipe."""
        self.queued_bytes -= byte_count
        # A view, because slicing the rest of a large chunk per write is quadratic.
        self.rest = memoryview(data)[byte_count:] if byte_count < len(data) else None

    def take_waiting(self) -> bytes:
        """Return the deliveries that wait for a component that is not there, in order, and forget them."""
        self.age_waiting()
        data = b"".join(self.early)
        self.forget_queue()
        return data

    def forget_queue(self) -> None:
        """Drop everything that waits: the component it was for is gone."""
        self.parts, self.held, self.early, self.rest = [], [], [], None
        self.passed_on_count = 0
        self.urgent.clear()
        self.chunks.clear()
        self.queued_bytes = 0

    def forget_cut_short(self) -> None:
        """Drop what only this life of the component could use: all deliveries stay, for the next one."""
        self.queued_bytes -= sum(map(len, self.urgent)) + len(self.rest or b"")
        self.urgent.clear()
        self.rest = None
        if self.held:  # who is new reads as it likes, until it asks for task ids
            self.chunks.append(b"".join(self.held))
            self.held = []
