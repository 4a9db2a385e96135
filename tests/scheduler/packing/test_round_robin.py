"""Round robin packing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.errors import PackingError
from scheduler.packing.check import check
from scheduler.packing.round_robin import round_robin
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.topology import Component, Topology


def topology(*task_counts: int, acker_count: int = 1) -> Topology:
    """Return a topology with components a, b, ... of so many tasks, after the ackers."""
    components, first = [], 1
    for name, count in [("__acker", acker_count), *zip("abcdefgh", task_counts, strict=False)]:
        tasks = tuple(range(first, first + count))
        first += count
        system = name.startswith("__")
        components.append(
            Component(name, name == "a", () if system else ("run",), {}, (), tasks, count, is_system=system)
        )
    return Topology("wc-1-17", "wc", tuple(components))


def test_instances_go_round_the_containers_in_order_of_component_and_task() -> None:
    assert round_robin(topology(2, 3), 2, version=4) == PackingPlan(
        "wc-1-17",
        4,
        (
            Container(1, (Instance("a", 2), Instance("b", 4), Instance("b", 6))),
            Container(2, (Instance("a", 3), Instance("b", 5))),
        ),
    )


def test_no_container_stays_empty() -> None:
    assert [c.container_id for c in round_robin(topology(1, 1), 7).containers] == [1, 2]


@pytest.mark.parametrize("count", [0, -1])
def test_less_than_one_container_is_refused(count: int) -> None:
    with pytest.raises(PackingError, match=f"asks for {count} containers; set topology.workers"):
        round_robin(topology(1), count)


def test_a_topology_without_instances_is_refused() -> None:
    with pytest.raises(PackingError, match="no spout or bolt with a task"):
        round_robin(topology(), 1)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any), st.integers(1, 30), st.integers(0, 3))
def test_every_plan_holds_and_is_even(task_counts: list[int], count: int, acker_count: int) -> None:
    built = topology(*task_counts, acker_count=acker_count)
    plan = round_robin(built, count)
    check(plan, built)
    sizes = [len(container.instances) for container in plan.containers]
    assert len(sizes) == min(count, sum(task_counts))
    assert max(sizes) - min(sizes) <= 1
    assert [c.container_id for c in plan.containers] == list(range(1, len(sizes) + 1))
    assert round_robin(built, count) == plan
