"""Flow control on tasks: stories, and floods through random topologies."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scheduler.stream.notices import PauseReading, ResumeReading
from tests.scheduler.stream.cluster import Cluster, ack, bolt, emit, spout, topology
from tests.scheduler.stream.random_flood import HIGH_BYTES, READ_BYTES, RandomFlood

SPOUT, SLOW = 1, 2


def flooded(*containers: list[int]) -> Cluster:
    """Return a spout that says more than a bolt reads; the bolt's pipe holds little."""
    plan = topology(
        spout("s", SPOUT),
        bolt("slow", SLOW, reads=["s"]),
        heronry__stream__queue__high__bytes=2000,
        heronry__stream__queue__low__bytes=500,
    )
    cluster = Cluster(plan, *containers)
    cluster.activate()
    cluster.notices.clear()
    cluster.pipe_bytes = 100
    cluster.children[SPOUT].say(b"".join(emit(number) for number in range(50)))
    cluster.read(SPOUT)
    for wire, frames in cluster.wires.items():
        while frames:
            cluster.deliver(*wire)
    return cluster


@pytest.mark.parametrize("places", [([1, 2],), ([1], [2])])
def test_a_spout_rests_while_a_task_below_it_is_congested(places: tuple[list[int], ...]) -> None:
    cluster = flooded(*places)
    local = cluster.local(SPOUT)
    assert (local.hold_count, local.blocker_count) == (1, 1)
    cluster.now += 0.5
    cluster.pipe_bytes = 1 << 20
    cluster.settle()
    assert (local.hold_count, local.blocker_count) == (0, 0)
    assert cluster.notices == [PauseReading(SPOUT), ResumeReading(SPOUT)]
    assert local.held_ms == pytest.approx(500, abs=1)
    assert len(cluster.children[SLOW].held) == 50


@pytest.mark.parametrize("places", [([1, 2],), ([1], [2])])
def test_the_death_of_a_congested_component_lets_its_feeders_go(places: tuple[list[int], ...]) -> None:
    cluster = flooded(*places)
    cluster.kill_child(SLOW)
    cluster.settle()
    assert (cluster.local(SPOUT).hold_count, cluster.local(SPOUT).blocker_count) == (0, 0)


def test_what_piles_up_for_a_dead_component_holds_its_feeders() -> None:
    cluster = flooded([1, 2])
    cluster.kill_child(SLOW)
    cluster.managers[1].receive(SPOUT, b"".join(emit(number) for number in range(50)), cluster.now)
    cluster.round(1)
    assert (cluster.local(SPOUT).hold_count, cluster.local(SPOUT).blocker_count) == (1, 1)
    cluster.pipe_bytes = 1 << 20
    child = cluster.start_child(SLOW)
    cluster.settle()
    assert len(child.held) == 50
    assert (cluster.local(SPOUT).hold_count, cluster.local(SPOUT).blocker_count) == (0, 0)


def test_the_feeders_of_a_lost_container_wait_for_its_successor() -> None:
    cluster = flooded([1], [2])
    cluster.lose_container(2)
    local = cluster.local(SPOUT)
    assert (local.hold_count, local.blocker_count) == (1, 1)  # once, though congested and lost
    cluster.start_container(2)
    cluster.pipe_bytes = 1 << 20
    cluster.connect(1, 2)
    cluster.settle()
    assert (local.hold_count, local.blocker_count) == (0, 0)


def test_a_container_that_comes_late_hears_who_is_congested() -> None:
    cluster = flooded([1], [2])
    cluster.cut(1, 2)
    cluster.notice_loss(1, 2)
    cluster.notice_loss(2, 1)
    cluster.connect(1, 2)
    for wire, frames in cluster.wires.items():
        while frames:
            cluster.deliver(*wire)
    assert cluster.managers[1].gates.flow.congested == {SLOW}
    assert cluster.local(SPOUT).hold_count == 1


def test_a_slow_connection_counts_as_congestion_of_all_behind_it() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), bolt("b", 3, reads=["s"]))
    cluster = Cluster(plan, [1], [2, 3])
    gates, link = cluster.managers[1].gates, cluster.managers[1].links[2]
    link.queued_bytes = 300_000
    gates.measure_link(link, cluster.now)
    assert gates.flow.congested == {2, 3}
    assert (cluster.local(1).hold_count, cluster.local(1).blocker_count) == (2, 2)
    link.queued_bytes = 200_000
    gates.measure_link(link, cluster.now)  # between the marks nothing changes
    assert gates.flow.congested == {2, 3}
    link.queued_bytes = 60_000
    gates.measure_link(link, cluster.now)
    assert (cluster.local(1).hold_count, cluster.local(1).blocker_count) == (0, 0)


def test_a_peer_that_takes_nothing_is_sent_little_whatever_the_wire_would_take() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), heronry__stream__queue__high__bytes=4000)
    plan.conf["heronry.stream.queue.low.bytes"] = 1000  # type: ignore[index]
    cluster = Cluster(plan, [1], [2])
    for number in range(1000):
        cluster.children[1].say(emit(number))
        if not cluster.can_read(1):
            break
        cluster.read(1)
    assert sum(map(len, cluster.wires[1, 2])) < 4200
    assert 4000 < cluster.managers[1].links[2].on_way_bytes < 4200  # as they will be once rendered
    assert cluster.local(1).hold_count == 1
    cluster.settle()
    assert cluster.local(1).hold_count == cluster.local(1).blocker_count == 0
    assert cluster.managers[1].links[2].on_way_bytes <= 1000


def test_time_that_a_spout_is_not_asked_counts_as_held() -> None:
    plan = topology(spout("s", 1), bolt("a", 2, reads=["s"]), bolt("b", 3, reads=["a"]))
    cluster = Cluster(plan, [1, 2, 3])
    gates = cluster.managers[1].gates
    slow = cluster.local(3)
    slow.queued_bytes = 300_000
    gates.measure(slow, cluster.now)
    slow.queued_bytes = 0
    gates.measure(slow, cluster.now + 0.5)
    assert [cluster.local(task).held_ms for task in (1, 2, 3)] == pytest.approx([500, 500, 0])


def test_a_paused_component_is_read_on_where_it_stopped() -> None:
    cluster = flooded([1, 2])
    cluster.children[SPOUT].say(emit("later"))
    assert not cluster.can_read(SPOUT)
    cluster.pipe_bytes = 1 << 20
    cluster.settle()
    assert cluster.children[SLOW].values()[-1] == ["later"]
    cluster.says(SLOW, *[ack(delivery) for delivery in cluster.children[SLOW].held])
    assert cluster.errors() == []


@settings(max_examples=100, deadline=None)
@example(seed=131, components=5, containers=2, has_cycles=False)  # the most on the way so far
@given(
    seed=st.integers(0, 2**32),
    components=st.integers(2, 5),
    containers=st.integers(1, 3),
    has_cycles=st.booleans(),
)
def test_nothing_is_lost_or_stuck_in_a_flood(
    seed: int, components: int, containers: int, has_cycles: bool
) -> None:
    flood = RandomFlood(seed, components, containers, has_cycles=has_cycles)
    flood.flood(2000)
    flood.drain()
    assert flood.leftovers() == []
    locals_ = [local for manager in flood.managers.values() for local in manager.tasks.values()]
    assert flood.received_count == sum(r.transferred for local in locals_ for r in local.routes.values())
    assert flood.errors() == []
    for task, queued_bytes in flood.largest_queue.items():
        if flood.topology.component_of()[task] not in flood.cyclic:
            # One read may turn into twice its size; so much may be on the way from each other container.
            one_place = HIGH_BYTES + 2 * READ_BYTES
            assert queued_bytes <= len(flood.placement) * one_place
