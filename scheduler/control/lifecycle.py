"""What a topology's status becomes when something is asked of it, or a wait is over.

    | status      | Activate | Deactivate | Rebalance   | Kill   | DoRebalance  | Remove |
    |-------------|----------|------------|-------------|--------|--------------|--------|
    | ACTIVE      | as it is | INACTIVE   | REBALANCING | KILLED |              |        |
    | INACTIVE    | ACTIVE   | as it is   | REBALANCING | KILLED |              |        |
    | REBALANCING |          |            |             | KILLED | the previous |        |
    | KILLED      |          |            |             | KILLED |              | gone   |

An empty cell raises `InvalidTransition`.  Pure: the caller stores the new
record, runs the timers that end in `DoRebalance` and `Remove`, and starts
them anew with the stored wait after a restart.

Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from scheduler.errors import InvalidTransition
from scheduler.state.records import RebalanceRecord, Status, StatusRecord


@dataclass(frozen=True, slots=True)
class Activate:
    """A person wants tuples from the spouts."""

    name: ClassVar[str] = "ACTIVATE"


@dataclass(frozen=True, slots=True)
class Deactivate:
    """A person wants no more tuples from the spouts."""

    name: ClassVar[str] = "INACTIVATE"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """A person wants the tasks placed anew, ``wait_s`` after the spouts stop."""

    name: ClassVar[str] = "REBALANCE"
    wait_s: float
    order: RebalanceRecord = field(default_factory=RebalanceRecord)


@dataclass(frozen=True, slots=True)
class Kill:
    """A person wants the topology gone, ``wait_s`` after the spouts stop."""

    name: ClassVar[str] = "KILL"
    wait_s: float


@dataclass(frozen=True, slots=True)
class DoRebalance:
    """The wait of a `Rebalance` is over, and what it changes is in the state store."""

    name: ClassVar[str] = "DO_REBALANCE"
    plan_version: int = 0
    """That of the packing plan that holds from now on."""


@dataclass(frozen=True, slots=True)
class Remove:
    """The wait of a `Kill` is over."""

    name: ClassVar[str] = "REMOVE"


Event = Activate | Deactivate | Rebalance | Kill | DoRebalance | Remove
"""The names are the constants of Storm's TopologyActions; they are part of the error's text."""


def transition(topology_id: str, record: StatusRecord, event: Event) -> StatusRecord | None:
    """Return the record after ``event``; None when the topology is to be removed.

    A second kill replaces the wait; as in Storm the caller leaves the timer
    of the first one running, so that the earlier of the two removes.

    Raises:
        InvalidTransition: the status does not allow the event; the text is Storm's.
    """
    step = TABLE[record.status].get(type(event))
    if step is None:
        raise InvalidTransition(topology_id, status=record.status.value, event=event.name)
    return step(record, event)


def _as_it_is(record: StatusRecord, _: Event) -> StatusRecord:
    return record


def _active(record: StatusRecord, _: Event) -> StatusRecord:
    return StatusRecord(Status.ACTIVE, plan_version=record.plan_version)


def _inactive(record: StatusRecord, _: Event) -> StatusRecord:
    return StatusRecord(Status.INACTIVE, plan_version=record.plan_version)


def _rebalancing(record: StatusRecord, event: Event) -> StatusRecord:
    assert isinstance(event, Rebalance)
    return StatusRecord(
        Status.REBALANCING,
        event.wait_s,
        previous=record.status,
        rebalance=event.order,
        plan_version=record.plan_version,
    )


def _killed(record: StatusRecord, event: Event) -> StatusRecord:
    assert isinstance(event, Kill)
    return StatusRecord(Status.KILLED, event.wait_s, plan_version=record.plan_version)


def _previous(record: StatusRecord, event: Event) -> StatusRecord:
    assert isinstance(event, DoRebalance)
    # A record without it was not written by us: going on is what most topologies want.
    return StatusRecord(record.previous or Status.ACTIVE, plan_version=event.plan_version)


def _gone(_: StatusRecord, __: Event) -> None:
    return None


TABLE: Final[Mapping[Status, Mapping[type, Callable[[StatusRecord, Event], StatusRecord | None]]]] = {
    Status.ACTIVE: {Activate: _as_it_is, Deactivate: _inactive, Rebalance: _rebalancing, Kill: _killed},
    Status.INACTIVE: {Activate: _active, Deactivate: _as_it_is, Rebalance: _rebalancing, Kill: _killed},
    Status.REBALANCING: {Kill: _killed, DoRebalance: _previous},
    Status.KILLED: {Kill: _killed, Remove: _gone},
}
"""The table of the module's docstring; what is not listed is not allowed."""
