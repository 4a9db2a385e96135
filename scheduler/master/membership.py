"""Which containers of the packing plan are registered, and the physical plan that follows from it.

    planned --Registered--> registered --ConnectionClosed, ContainerEnded--> planned
                                 |
                 Replan, finished, registered anew: goes on, or ends if it is planned no more

The plan goes to all once every container is in for the first time, and from
then on at each change.  A lost container is left out of the plan at once, so
that its peers fail what they sent it and hold back; it is in again as soon as
it, or its successor, registers.  (Heron keeps the old plan until all are back,
and its registrations carry no plan version: heron.md 1.4 and 12.7.)

When the packing plan changes, all are told at once and go on; each registers
again as it follows the new plan, and again when the tasks that leave it have
finished.  Until then these are *held*: no other container starts them.  A
container that is planned no more stays a member until it has no task left.
All of that is in what containers register with, so that a topology process
that starts in the middle goes on from there.

Knows connections as numbers that the caller made up; no sockets, no clock.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from scheduler.control.messages import AnyMessage, PlanChanged, Replan
from scheduler.plan import Address, PackingPlan, PhysicalPlan

RETIRED_COUNT = 8
"""So many ended incarnations of a container are remembered, to turn them away should they come back."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A container asks to be part of the topology."""

    connection: int
    plan_version: int
    address: Address
    pid: int
    tasks: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """A connection is gone, for whatever reason; the process behind it may live on and come back."""

    connection: int


@dataclass(frozen=True, slots=True)
class ContainerEnded:
    """The process of a container is gone for good, whether its connection has been seen to close or not."""

    container_id: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send one message to each of ``connections``."""

    connections: tuple[int, ...]
    message: AnyMessage


@dataclass(frozen=True, slots=True)
class Reject:
    """Tell the container on ``connection`` to end, and close."""

    connection: int
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Close ``connection`` without a word: nobody must end because of it."""

    connection: int
    reason: str


MembershipEvent = Registered | ConnectionClosed | ContainerEnded
MembershipCommand = Send | Reject | Drop


@dataclass(frozen=True, slots=True)
class Member:
    """A registered container and the connection it speaks over."""

    connection: int
    address: Address
    pid: int
    plan_version: int
    tasks: frozenset[int] = frozenset()


@dataclass(slots=True)
class Membership:
    """The registered containers of one topology."""

    packing: PackingPlan
    members: dict[int, Member] = field(default_factory=dict)
    """By container id."""

    has_been_complete: bool = False
    """All containers were registered at the same time once; never false again."""

    awaited: set[int] = field(default_factory=set)
    """Containers that are planned no more and live, and have not said yet what they hold.

    Until they do, nobody may start a task that it does not have already.
    """

    _places: dict[int, int] = field(init=False)
    _planned: frozenset[int] = field(init=False)
    _by_connection: dict[int, int] = field(default_factory=dict)
    _absent: dict[int, frozenset[int]] = field(default_factory=dict)
    """What containers had whose connection is closed and that are not known to have ended."""

    _last: dict[int, int] = field(default_factory=dict)
    """The incarnation that registered last, by container id."""

    _retired: dict[int, deque[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._places = self.packing.container_of()
        self._planned = frozenset(c.container_id for c in self.packing.containers)

    @property
    def is_complete(self) -> bool:
        """Whether all planned containers are registered now and follow the plan."""
        return all(
            c in self.members and self.members[c].plan_version == self.packing.version for c in self._planned
        )

    def follow(self, packing: PackingPlan) -> list[MembershipCommand]:
        """Go over to a newer packing plan; return what the caller must now do."""
        self.packing = packing
        self.__post_init__()
        return [Send(self.connections(), Replan(packing.version))] if self.members else []

    def held(self) -> list[int] | None:
        """Return the tasks that are still where the plan does not want them, ascending; None: not known."""
        if self.awaited:
            return None
        had = {**self._absent, **{c: member.tasks for c, member in self.members.items()}}
        return sorted(task for c, tasks in had.items() for task in tasks if self._places.get(task) != c)

    def connections(self) -> tuple[int, ...]:
        """Return the connections of all registered containers, by container id."""
        return tuple(self.members[c].connection for c in sorted(self.members))

    def container_at(self, connection: int) -> int | None:
        """Return which container speaks over ``connection``; None if none is registered there."""
        return self._by_connection.get(connection)

    def plan(self) -> PhysicalPlan:
        """Return the addresses of those that are registered now."""
        addresses = tuple(self.members[c].address for c in sorted(self.members))
        return PhysicalPlan(self.packing.topology_id, self.packing.version, addresses)

    def handle(self, event: MembershipEvent) -> list[MembershipCommand]:
        """Apply one event; return what the caller must now do, in order."""
        match event:
            case Registered():
                reason = self._refusal(event)
                if not reason:
                    return self._register(event)
                return self._reject(event, reason)
            case ConnectionClosed(connection):
                container_id = self._by_connection.get(connection)
                if container_id is None:
                    return []
                self._absent[container_id] = self.members[container_id].tasks
                return self._lose(container_id)
            case ContainerEnded(container_id):
                self._retire(container_id)
                held_before = self.held()
                self._absent.pop(container_id, None)
                self.awaited.discard(container_id)
                if container_id in self.members:
                    return self._lose(container_id)
                return [] if self.held() == held_before else self._plan_to(self.connections())

    def _refusal(self, event: Registered) -> str:
        """Return why that container cannot be part of the topology; empty if it can."""
        container_id, wanted = event.address.container_id, self.packing.version
        if container_id not in self._planned and not event.tasks:
            return f"container {container_id} is not in the packing plan (version {wanted})"
        if event.plan_version > wanted:
            return (
                f"container {container_id} was started with version {event.plan_version} of the packing plan,"
                f" version {wanted} is running"
            )
        if event.address.incarnation in self._retired.get(container_id, ()):
            return f"this incarnation of container {container_id} was replaced by another one"
        if self._by_connection.get(event.connection, container_id) != container_id:
            return f"this connection belongs to container {self._by_connection[event.connection]}"
        return ""

    def _reject(self, event: Registered, reason: str) -> list[MembershipCommand]:
        """Turn away who asks, and forget what was registered over that connection before."""
        rejected = Reject(event.connection, reason)
        held_before = self.held()
        if not event.tasks:
            self.awaited.discard(event.address.container_id)
            self._absent.pop(event.address.container_id, None)
        if (container_id := self._by_connection.get(event.connection)) is not None:
            return [rejected, *self._lose(container_id)]
        return [rejected, *([] if self.held() == held_before else self._plan_to(self.connections()))]

    def _register(self, event: Registered) -> list[MembershipCommand]:
        container_id = event.address.container_id
        commands: list[MembershipCommand] = []
        old = self.members.get(container_id)
        if self._last.get(container_id, event.address.incarnation) != event.address.incarnation:
            self._retire(container_id)
        if old and old.connection != event.connection:
            del self._by_connection[old.connection]
            if old.address.incarnation == event.address.incarnation:
                commands.append(Drop(old.connection, "the same container has connected anew"))
            else:
                commands.append(Reject(old.connection, f"container {container_id} was replaced"))
        self.members[container_id] = member = Member(
            event.connection, event.address, event.pid, event.plan_version, event.tasks
        )
        self.awaited.discard(container_id)
        self._absent.pop(container_id, None)
        self._by_connection[event.connection] = container_id
        self._last[container_id] = event.address.incarnation
        if event.plan_version < self.packing.version:
            commands.append(Send((event.connection,), Replan(self.packing.version)))
        if old and replace(old, connection=event.connection) == member:
            return [*commands, *self._plan_to((event.connection,))]
        return [*commands, *self._plan_to(self.connections())]

    def _lose(self, container_id: int) -> list[MembershipCommand]:
        del self._by_connection[self.members.pop(container_id).connection]
        return self._plan_to(self.connections())

    def _retire(self, container_id: int) -> None:
        if container_id in self._last:
            retired = self._retired.setdefault(container_id, deque(maxlen=RETIRED_COUNT))
            retired.append(self._last.pop(container_id))

    def _plan_to(self, connections: tuple[int, ...]) -> list[MembershipCommand]:
        self.has_been_complete = self.has_been_complete or (self.is_complete and not self.awaited)
        if not self.has_been_complete or not connections:
            return []
        return [Send(connections, PlanChanged(self.plan(), self.held()))]
