"""Steps from what runs to what should."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.control.reconcile import Start, Stop, reconcile
from scheduler.plan import Container, PackingPlan

PLAN = PackingPlan("wc-1-17", 2, tuple(Container(number, ()) for number in (1, 2, 3)))


def test_nothing_runs_so_all_are_started() -> None:
    assert reconcile(PLAN, {}) == [Start(1), Start(2), Start(3)]


def test_all_run_so_nothing_is_done() -> None:
    assert reconcile(PLAN, {1: 2, 2: 2, 3: 2}) == []


def test_a_container_that_is_gone_is_started_alone() -> None:
    assert reconcile(PLAN, {3: 2, 1: 2}) == [Start(2)]


def test_containers_of_another_plan_are_replaced_and_surplus_ones_stopped_first() -> None:
    assert reconcile(PLAN, {4: 2, 2: 1, 1: 2}) == [
        Stop(2, "runs plan 1, now it is plan 2"),
        Stop(4, "no longer in plan 2"),
        Start(2),
        Start(3),
    ]


@given(st.sets(st.integers(1, 8)), st.integers(0, 3), st.dictionaries(st.integers(1, 8), st.integers(0, 3)))
def test_carrying_out_the_steps_leads_to_the_plan_and_then_there_are_none(
    planned: set[int], version: int, running: dict[int, int]
) -> None:
    plan = PackingPlan("t", version, tuple(Container(number, ()) for number in sorted(planned)))
    world = dict(running)
    for step in reconcile(plan, running):
        match step:
            case Stop(number):
                assert number in world
                del world[number]
            case Start(number):
                assert number not in world
                world[number] = version
    assert world == dict.fromkeys(planned, version)
    assert reconcile(plan, world) == []
