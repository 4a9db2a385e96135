"""What makes a packing plan not hold."""

from __future__ import annotations

import pytest

from scheduler.errors import PackingError
from scheduler.packing.check import check
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.topology import Component, Topology

ACKER = Component("__acker", False, (), {}, (), (1,), 1, is_system=True)
WORDS = Component("words", True, ("run",), {}, (), (2, 3), 2)
TOPOLOGY = Topology("wc-1-17", "wc", (ACKER, WORDS))
TWO, THREE = Instance("words", 2), Instance("words", 3)


def plan(*containers: Container, topology_id: str = "wc-1-17") -> PackingPlan:
    return PackingPlan(topology_id, 1, containers)


def test_a_plan_with_every_task_once_holds() -> None:
    check(plan(Container(1, (TWO,)), Container(5, (THREE,))), TOPOLOGY)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (plan(), "not placed: words:2, words:3"),
        (plan(Container(1, (TWO,))), "not placed: words:3"),
        (plan(Container(1, (TWO, THREE)), Container(2, (TWO,))), "placed several times: words:2"),
        (plan(Container(1, (TWO, THREE, TWO))), "placed several times: words:2"),
        (plan(Container(1, (TWO, THREE, Instance("words", 9)))), "not of this topology: words:9"),
        (
            plan(Container(1, (TWO, Instance("count", 3)))),
            "not placed: words:3; not of this topology: count:3",
        ),
        (plan(Container(1, (TWO, THREE, Instance("__acker", 1)))), "not of this topology: __acker:1"),
        (plan(Container(0, (TWO, THREE))), "container ids start at 1, found [0]"),
        (plan(Container(1, (TWO,)), Container(1, (THREE,))), "there several times: containers [1]"),
        (plan(Container(1, (TWO, THREE)), topology_id="wc-1-18"), "it is for wc-1-18"),
    ],
)
def test_what_does_not_hold_is_said(broken: PackingPlan, text: str) -> None:
    with pytest.raises(PackingError) as info:
        check(broken, TOPOLOGY)
    assert str(info.value) == f"plan 1 of wc-1-17 does not hold: {text}"


def test_thousands_of_faults_are_not_all_named() -> None:
    many = Topology("wc-1-17", "wc", (Component("w", True, ("run",), {}, (), tuple(range(1, 2001)), 1),))
    with pytest.raises(PackingError, match=r"not placed: w:1, w:2, w:3, w:4, w:5, and 1995 more$"):
        check(plan(), many)
