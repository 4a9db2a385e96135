"""The life of a topology, told cell by cell of Storm's table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.control.lifecycle import (
    Activate,
    Deactivate,
    DoRebalance,
    Event,
    Kill,
    Rebalance,
    Remove,
    transition,
)
from scheduler.errors import InvalidTransition
from scheduler.state.records import RebalanceRecord, Status, StatusRecord

ACTIVE = StatusRecord(Status.ACTIVE)
INACTIVE = StatusRecord(Status.INACTIVE)
REBALANCING = StatusRecord(Status.REBALANCING, 30.0, Status.INACTIVE)
KILLED = StatusRecord(Status.KILLED, 30.0)

ORDER = RebalanceRecord(3, {"split": 2})
ALLOWED: list[tuple[StatusRecord, Event, StatusRecord | None]] = [
    (ACTIVE, Activate(), ACTIVE),
    (ACTIVE, Deactivate(), INACTIVE),
    (ACTIVE, Rebalance(5.0, ORDER), StatusRecord(Status.REBALANCING, 5.0, Status.ACTIVE, ORDER)),
    (ACTIVE, Kill(0.0), StatusRecord(Status.KILLED, 0.0)),
    (INACTIVE, Activate(), ACTIVE),
    (INACTIVE, Deactivate(), INACTIVE),
    (INACTIVE, Rebalance(5.0, ORDER), StatusRecord(Status.REBALANCING, 5.0, Status.INACTIVE, ORDER)),
    (INACTIVE, Kill(7.0), StatusRecord(Status.KILLED, 7.0)),
    (REBALANCING, Kill(7.0), StatusRecord(Status.KILLED, 7.0)),
    (REBALANCING, DoRebalance(), INACTIVE),
    (KILLED, Kill(7.0), StatusRecord(Status.KILLED, 7.0)),
    (KILLED, Remove(), None),
]
EVENTS: list[Event] = [Activate(), Deactivate(), Rebalance(1.0), Kill(1.0), DoRebalance(), Remove()]
REFUSED = [
    (record, event)
    for record in (ACTIVE, INACTIVE, REBALANCING, KILLED)
    for event in EVENTS
    if not any(r is record and type(e) is type(event) for r, e, _ in ALLOWED)
]


@pytest.mark.parametrize(("record", "event", "after"), ALLOWED)
def test_what_storm_allows_has_storms_result(
    record: StatusRecord, event: Event, after: StatusRecord | None
) -> None:
    assert transition("wc-1-17", record, event) == after


@pytest.mark.parametrize(("record", "event"), REFUSED)
def test_what_storm_refuses_is_refused(record: StatusRecord, event: Event) -> None:
    with pytest.raises(InvalidTransition) as info:
        transition("wc-1-17", record, event)
    assert (info.value.status, info.value.event) == (record.status.value, event.name)


def test_the_version_of_the_plan_changes_only_when_a_rebalance_is_done() -> None:
    record = StatusRecord(Status.ACTIVE, plan_version=4)
    for event in (Deactivate(), Activate(), Rebalance(1.0)):
        after = transition("wc-1-17", record, event)
        assert after is not None
        assert after.plan_version == 4
        record = after
    assert transition("wc-1-17", record, DoRebalance(5)) == StatusRecord(Status.ACTIVE, plan_version=5)
    assert transition("wc-1-17", record, Kill(1.0)) == StatusRecord(Status.KILLED, 1.0, plan_version=4)


def test_every_cell_of_the_table_was_looked_at() -> None:
    assert (len(ALLOWED), len(REFUSED)) == (12, 12)


@pytest.mark.parametrize(
    ("record", "event", "text"),
    [
        (KILLED, Activate(), "No transition for event: ACTIVATE, status: KILLED storm-id: wc-1-17"),
        (KILLED, Deactivate(), "No transition for event: INACTIVATE, status: KILLED storm-id: wc-1-17"),
        (
            REBALANCING,
            Rebalance(1.0),
            "No transition for event: REBALANCE, status: REBALANCING storm-id: wc-1-17",
        ),
        (ACTIVE, DoRebalance(), "No transition for event: DO_REBALANCE, status: ACTIVE storm-id: wc-1-17"),
        (ACTIVE, Remove(), "No transition for event: REMOVE, status: ACTIVE storm-id: wc-1-17"),
    ],
)
def test_refusals_are_in_storms_words(record: StatusRecord, event: Event, text: str) -> None:
    with pytest.raises(InvalidTransition) as info:
        transition("wc-1-17", record, event)
    assert str(info.value) == text


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
def test_only_a_wait_has_a_wait_and_only_a_rebalance_remembers(events: list[Event]) -> None:
    record: StatusRecord | None = ACTIVE
    for event in events:
        if record is None:
            break
        try:
            record = transition("t", record, event)
        except InvalidTransition:
            continue
        if record:
            waits = record.status in {Status.KILLED, Status.REBALANCING}
            assert (record.wait_s is not None) == waits
            assert (record.previous is not None) == (record.status is Status.REBALANCING)


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
def test_a_killed_topology_never_comes_back(events: list[Event]) -> None:
    record: StatusRecord | None = KILLED
    for event in events:
        if record is None:
            break
        try:
            record = transition("t", record, event)
        except InvalidTransition:
            continue
        assert record is None or record.status is Status.KILLED
