"""Who must wait for whom."""

from __future__ import annotations

import dataclasses

from scheduler.stream.flow import Change, FlowControl, cyclic_components, unbounded_cycle
from scheduler.topology import Topology
from tests.scheduler.stream.cluster import bolt, spout, topology


def diamond() -> Topology:
    """Return s -> a -> c, s -> b -> c -> d, and r -> d."""
    return topology(
        spout("r", 1),
        spout("s", 2),
        bolt("a", 3, reads=["s"]),
        bolt("b", 4, reads=["s"]),
        bolt("c", 5, 6, reads=["a", "b"]),
        bolt("d", 7, reads=["c", "r"]),
    )


def ring() -> Topology:
    """Return s -> a <-> b -> c, where b also feeds itself."""
    return topology(
        spout("s", 1),
        bolt("a", 2, reads=["s", "b"]),
        bolt("b", 3, reads=["a", "b"]),
        bolt("c", 4, reads=["b"]),
    )


def test_direct_feeders_are_paused_and_spouts_anywhere_above_held() -> None:
    flow = FlowControl(diamond())
    assert flow.set(5, "queue", is_congested=True) == Change(1, frozenset("ab"), frozenset("s"))
    assert flow.set(7, "queue", is_congested=True) == Change(1, frozenset("cr"), frozenset("rs"))
    assert flow.congested == {5, 7}


def test_a_spout_that_is_slow_itself_stops_nobody() -> None:
    assert FlowControl(diamond()).set(1, "queue", is_congested=True) == Change(1, frozenset(), frozenset())


def test_feeders_on_the_same_cycle_are_not_paused_but_spouts_are_held() -> None:
    flow = FlowControl(ring())
    assert flow.set(2, "queue", is_congested=True) == Change(1, frozenset("s"), frozenset("s"))
    assert flow.set(3, "queue", is_congested=True) == Change(1, frozenset(), frozenset("s"))
    assert flow.set(4, "queue", is_congested=True) == Change(1, frozenset("b"), frozenset("s"))


def test_a_task_recovers_when_all_its_reasons_are_gone() -> None:
    flow = FlowControl(diamond())
    assert flow.set(7, "queue", is_congested=True) is not None
    assert flow.set(7, "no link", is_congested=True) is None
    assert flow.set(7, "queue", is_congested=True) is None
    assert flow.set(7, "queue", is_congested=False) is None
    assert flow.set(7, "slow link", is_congested=False) is None
    assert flow.set(7, "no link", is_congested=False) == Change(-1, frozenset("cr"), frozenset("rs"))
    assert flow.set(7, "no link", is_congested=False) is None
    assert flow.congested == frozenset()


def test_components_on_cycles_are_named() -> None:
    assert cyclic_components(diamond()) == []
    assert cyclic_components(ring()) == ["a", "b"]


def test_a_cycle_without_max_spout_pending_is_warned_of() -> None:
    assert unbounded_cycle(diamond()) is None
    task, text = unbounded_cycle(ring()) or (0, "")
    assert task == ring().component("a").tasks[0]
    assert text.startswith("a, b feed each other in a cycle, and topology.max.spout.pending is not set")


def test_a_cycle_below_limited_spouts_is_fine() -> None:
    limited = dataclasses.replace(ring(), conf={"topology.max.spout.pending": 10})
    assert unbounded_cycle(limited) is None
