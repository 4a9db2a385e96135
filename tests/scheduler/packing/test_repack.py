"""Repacking: even afterwards, and no task moves that could have stayed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import PackingError
from scheduler.packing.check import check
from scheduler.packing.repack import Changes, Move, changes, repack
from scheduler.packing.round_robin import round_robin
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.topology import Topology
from tests.scheduler.packing.test_round_robin import topology

TASK_COUNTS = st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any)


def placed(built: Topology, *places: int) -> PackingPlan:
    """Return the plan that has the tasks, in order, in these containers."""
    instances = [Instance(c.component, task) for c in built.components if not c.is_system for task in c.tasks]
    containers: dict[int, list[Instance]] = {}
    for instance, place in zip(instances, places, strict=True):
        containers.setdefault(place, []).append(instance)
    return PackingPlan(
        built.topology_id, 7, tuple(Container(n, tuple(i)) for n, i in sorted(containers.items()))
    )


@st.composite
def running(draw: st.DrawFn) -> tuple[Topology, PackingPlan]:
    """Return a topology and any plan for it, even or not, its container ids with gaps."""
    built = topology(*draw(TASK_COUNTS))
    count = sum(len(c.tasks) for c in built.components if not c.is_system)
    return built, placed(built, *draw(st.lists(st.integers(1, 12), min_size=count, max_size=count)))


def fewest_moves(plan: PackingPlan, count: int) -> int:
    """Return how many moves no even plan can do without: what the fullest containers cannot keep."""
    total = len(plan.container_of())
    count = min(count, total)
    sizes = sorted((len(c.instances) for c in plan.containers), reverse=True)
    wanted = [total // count + (index < total % count) for index in range(count)]
    return total - sum(min(have, want) for have, want in zip(sizes, wanted, strict=False))


def test_a_third_container_takes_bolts_and_leaves_the_spouts_alone() -> None:
    built = topology(2, 4)
    plan = round_robin(built, 2, version=4)
    new = repack(plan, built, 3)
    assert new == PackingPlan(
        "wc-1-17",
        5,
        (
            Container(1, (Instance("a", 2), Instance("b", 4))),
            Container(2, (Instance("a", 3), Instance("b", 5))),
            Container(3, (Instance("b", 6), Instance("b", 7))),
        ),
    )
    assert changes(plan, new) == Changes(
        (Move(Instance("b", 6), 1, 3), Move(Instance("b", 7), 2, 3)), started=(3,), stopped=()
    )


def test_the_tasks_of_a_container_that_goes_are_spread_by_component() -> None:
    built = topology(3, 3)
    plan = placed(built, 1, 2, 3, 1, 2, 3)
    new = repack(plan, built, 2)
    assert changes(plan, new) == Changes(
        (Move(Instance("a", 4), 3, 1), Move(Instance("b", 7), 3, 2)), started=(), stopped=(3,)
    )


def test_nothing_to_move_is_the_same_plan() -> None:
    built = topology(2, 3)
    plan = round_robin(built, 2, version=4)
    assert repack(plan, built, 2) is plan
    assert changes(plan, plan) == Changes((), (), ())


def test_less_than_one_container_is_refused() -> None:
    built = topology(1)
    with pytest.raises(PackingError, match="cannot run in 0 containers; ask for 1 or more"):
        repack(round_robin(built, 1), built, 0)


@given(running(), st.integers(1, 20))
def test_every_task_is_there_once_and_the_containers_are_even(
    start: tuple[Topology, PackingPlan], count: int
) -> None:
    built, plan = start
    new = repack(plan, built, count)
    check(new, built)
    sizes = [len(container.instances) for container in new.containers]
    assert len(sizes) == min(count, len(plan.container_of()))
    assert max(sizes) - min(sizes) <= 1


@given(running(), st.integers(1, 20))
def test_no_plan_that_is_even_moves_less(start: tuple[Topology, PackingPlan], count: int) -> None:
    built, plan = start
    assert len(changes(plan, repack(plan, built, count)).moves) == fewest_moves(plan, count)


@given(running(), st.integers(1, 20))
def test_no_container_gives_and_takes(start: tuple[Topology, PackingPlan], count: int) -> None:
    built, plan = start
    moves = changes(plan, repack(plan, built, count)).moves
    assert not {move.from_container for move in moves} & {move.to_container for move in moves}


@given(running(), st.integers(1, 20))
def test_repacking_again_moves_nothing(start: tuple[Topology, PackingPlan], count: int) -> None:
    built, plan = start
    new = repack(plan, built, count)
    assert new.version == plan.version + (new is not plan)
    assert repack(new, built, count) is new
