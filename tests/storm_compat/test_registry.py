from __future__ import annotations

import pytest

from scheduler.plan import PackingPlan
from scheduler.state.records import Status, StatusRecord, SubmissionRecord
from scheduler.topology import Topology
from storm_compat.alive import Alive, Kept
from storm_compat.errors import AlreadyAlive, NotAlive
from storm_compat.registry import MAX_TROUBLES, Registry


def _alive(name: str) -> Alive:
    topology = Topology(f"{name}-1-5", name, (), {})
    kept = Kept(topology, SubmissionRecord(5.0, "me"), PackingPlan(topology.topology_id, 1, ()))
    return Alive(kept, StatusRecord(Status.ACTIVE))


@pytest.fixture
def registry() -> Registry:
    registry = Registry(lambda: 77.0)
    for name in ("b", "a"):
        registry.add(_alive(name))
    return registry


def test_topologies_are_found_by_name_and_by_id(registry: Registry) -> None:
    assert [alive.name for alive in registry.all()] == ["a", "b"]
    assert registry.named("b").topology_id == "b-1-5"
    assert registry.with_id("a-1-5").name == "a"


@pytest.mark.parametrize("name", ["c", "", None])
def test_unknown_ones_are_refused_in_storms_words(registry: Registry, name: str | None) -> None:
    with pytest.raises(NotAlive, match=f"^{name} is not alive$"):
        registry.named(name)
    with pytest.raises(NotAlive, match=f"^{name}$"):
        registry.with_id(name)


def test_a_name_is_free_when_its_topology_is_forgotten(registry: Registry) -> None:
    with pytest.raises(AlreadyAlive, match="a is already alive"):
        registry.refuse_taken("a")
    assert not registry.is_free("a")
    assert not registry.is_free("not/a/name")
    registry.forget("a-1-5")
    registry.forget("a-1-5")
    registry.refuse_taken("a")
    assert registry.is_free("a")
    assert registry.get("a-1-5") is None


def test_the_name_of_a_topology_that_nobody_can_read_is_taken(registry: Registry) -> None:
    registry.unreadable["c"] = "c-1-5"
    assert not registry.is_free("c")
    with pytest.raises(AlreadyAlive, match="c is already alive"):
        registry.refuse_taken("c")
    with pytest.raises(NotAlive):
        registry.named("c")


def test_entries_may_go_while_they_are_looked_at(registry: Registry) -> None:
    for entry in registry:
        registry.forget(entry.alive.topology_id)
    assert registry.all() == []


def test_the_last_troubles_are_kept_with_their_time(registry: Registry) -> None:
    for number in range(MAX_TROUBLES + 3):
        registry.trouble("a-1-5", f"trouble {number}")
    registry.trouble("unknown", "nobody hears of it")
    troubles = registry.named("a").troubles
    assert [trouble.text for trouble in troubles] == [f"trouble {n}" for n in range(3, MAX_TROUBLES + 3)]
    assert {trouble.time_s for trouble in troubles} == {77.0}
    assert registry.named("b").troubles == ()
