"""Tuple trees over one, two and three containers: who is acked, who fails, and when."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.stream.links import FrameSplitter
from scheduler.topology import GroupingKind, Topology
from tests.scheduler.stream.cluster import Cluster, ack, bolt, by, emit, spout, topology
from tests.scheduler.stream.random_topology import RandomLife

SEEDS = st.integers(0, 2**32)
SPOUT, A, B = 1, 2, 3
PLACES = [([SPOUT, A, B],), ([SPOUT], [A, B]), ([SPOUT, B], [A]), ([SPOUT], [A], [B])]
LAST = by(GroupingKind.SHUFFLE, "a")


def chain(**conf: object) -> Topology:
    """Return spout 1 -> bolt 2 -> bolt 3."""
    return topology(spout("s", SPOUT), bolt("a", A, reads=["s"]), bolt("b", B, reads=["a"]), **conf)


def started(plan: Topology, *containers: list[int]) -> Cluster:
    cluster = Cluster(plan, *containers)
    cluster.activate()
    return cluster


def told(cluster: Cluster, task: int = SPOUT) -> tuple[list[bytes], list[bytes]]:
    """Return what a spout was told: acked ids, failed ids."""
    child = cluster.children[task]
    return child.acked, child.failed


def only(cluster: Cluster, task: int) -> int:
    """Return the one delivery that a component holds."""
    (delivery,) = cluster.children[task].held
    return delivery


# -- trees ------------------------------------------------------------------------


@pytest.mark.parametrize("places", PLACES)
def test_a_root_is_acked_when_the_last_of_its_tuples_is(places: tuple[list[int], ...]) -> None:
    cluster = started(chain(), *places)
    cluster.spout_emits(SPOUT, "x", message_id="m1")
    first = only(cluster, A)
    cluster.says(A, emit("y", anchors=[first]), emit("z", anchors=[first]))
    cluster.children[A].ack(first)
    cluster.settle()
    assert told(cluster) == ([], [])
    one, other = cluster.children[B].held
    cluster.children[B].ack(other)
    cluster.settle()
    assert told(cluster) == ([], [])
    cluster.children[B].ack(one)
    cluster.settle()
    assert told(cluster) == ([b'"m1"'], [])
    assert cluster.leftovers() == []


@pytest.mark.parametrize("places", PLACES)
def test_a_fail_in_any_branch_fails_the_root_once_and_later_acks_change_nothing(
    places: tuple[list[int], ...],
) -> None:
    cluster = started(chain(), *places)
    cluster.spout_emits(SPOUT, "x", message_id=7)
    first = only(cluster, A)
    cluster.says(A, *[emit(branch, anchors=[first]) for branch in "pqr"])
    branches = list(cluster.children[B].held)
    cluster.children[B].fail(branches[1])
    cluster.settle()
    assert told(cluster) == ([], [b"7"])
    cluster.children[B].fail(branches[0])
    cluster.says(A, emit("late", anchors=[first]))
    cluster.ack_all(A)
    cluster.ack_all(B)
    assert told(cluster) == ([], [b"7"])
    assert cluster.leftovers() == []


@pytest.mark.parametrize("places", PLACES)
def test_anchoring_twice_to_one_tuple_counts_once(places: tuple[list[int], ...]) -> None:
    cluster = started(chain(), *places)
    cluster.spout_emits(SPOUT, "x", message_id=1)
    first = only(cluster, A)
    cluster.says(A, emit("y", anchors=[first, first]))
    cluster.ack_all(A)
    assert told(cluster) == ([], [])
    cluster.ack_all(B)
    assert told(cluster) == ([b"1"], [])
    assert cluster.leftovers() == []


@pytest.mark.parametrize("places", PLACES)
def test_an_unanchored_tuple_is_in_no_tree(places: tuple[list[int], ...]) -> None:
    cluster = started(chain(), *places)
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.says(A, emit("y"))
    cluster.ack_all(A)
    assert told(cluster) == ([b"1"], [])
    cluster.children[B].fail(only(cluster, B))
    cluster.settle()
    assert told(cluster) == ([b"1"], [])
    assert cluster.leftovers() == []


@pytest.mark.parametrize("places", [([1, 2, 3, 4],), ([1, 2], [3, 4]), ([1], [2, 3], [4])])
def test_a_tuple_for_all_tasks_is_done_when_the_last_task_is(places: tuple[list[int], ...]) -> None:
    plan = topology(spout("s", 1), bolt("a", 2, 3, 4, reads=[by(GroupingKind.ALL, "s")]))
    cluster = started(plan, *places)
    cluster.spout_emits(1, "x", message_id=1)
    for task in (2, 3, 4):
        assert told(cluster) == ([], [])
        cluster.ack_all(task)
    assert told(cluster) == ([b"1"], [])
    assert cluster.leftovers() == []


@pytest.mark.parametrize(
    "places", [([1, 2, 3, 4],), ([1, 3], [2, 4]), ([1], [2, 3], [4]), ([1, 4], [2], [3])]
)
@pytest.mark.parametrize("is_failed", [False, True])
def test_a_tuple_that_joins_two_roots_settles_both(places: tuple[list[int], ...], is_failed: bool) -> None:
    plan = topology(
        spout("r", 1), spout("s", 2), bolt("join", 3, reads=["r", "s"]), bolt("sink", 4, reads=["join"])
    )
    cluster = started(plan, *places)
    cluster.spout_emits(1, "x", message_id="r1")
    cluster.spout_emits(2, "y", message_id="s1")
    cluster.says(3, emit("xy", anchors=list(cluster.children[3].held)))
    cluster.ack_all(3)
    assert (told(cluster, 1), told(cluster, 2)) == (([], []), ([], []))
    if is_failed:
        cluster.children[4].fail(only(cluster, 4))
        cluster.settle()
        assert (told(cluster, 1), told(cluster, 2)) == (([], [b'"r1"']), ([], [b'"s1"']))
    else:
        cluster.ack_all(4)
        assert (told(cluster, 1), told(cluster, 2)) == (([b'"r1"'], []), ([b'"s1"'], []))
    assert cluster.leftovers() == []


@pytest.mark.parametrize("is_report_first", [False, True])
def test_a_tuple_that_goes_home_again_is_waited_for(is_report_first: bool) -> None:
    cluster = started(chain(), [SPOUT, B], [A])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    first = only(cluster, A)
    child = cluster.children[A]
    # In one read both go in one frame, in which rows come first; else the row has a frame of its own.
    child.say(emit("y", anchors=[first]))
    if is_report_first:
        child.say(ack(first))
        del child.held[first]
        cluster.read(A)
    else:
        cluster.read(A)
        child.ack(first)
    cluster.settle()
    assert told(cluster) == ([], [])
    cluster.ack_all(B)
    assert told(cluster) == ([b"1"], [])
    assert cluster.leftovers() == []


def test_reports_may_overtake_rows() -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    first = only(cluster, A)
    cluster.children[A].say(emit("y", anchors=[first]) + ack(first))
    cluster.children[A].held.clear()
    cluster.read(A)
    cluster.deliver(2, 1)  # the report, while the row to 3 still flies
    assert told(cluster) == ([], [])
    cluster.settle()
    cluster.ack_all(B)
    assert told(cluster) == ([b"1"], [])
    assert cluster.leftovers() == []


def test_the_same_message_id_twice_is_two_trees() -> None:
    cluster = started(chain(), [SPOUT, A], [B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.spout_emits(SPOUT, "x", message_id=1)
    one, other = cluster.children[A].held
    cluster.children[A].ack(one)
    cluster.children[A].fail(other)
    cluster.settle()
    assert told(cluster) == ([b"1"], [b"1"])


# -- time -------------------------------------------------------------------------


@pytest.mark.parametrize("places", PLACES)
def test_a_tuple_times_out_after_its_time_and_a_second_at_most(places: tuple[list[int], ...]) -> None:
    cluster = started(chain(topology__message__timeout__secs=5), *places)
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.wait(4.0)
    cluster.wait(0.9)
    assert told(cluster) == ([], [])
    cluster.wait(1.0)
    assert told(cluster) == ([], [b"1"])
    cluster.ack_all(A)
    assert told(cluster) == ([], [b"1"])
    assert cluster.leftovers() == []


def test_only_old_trees_time_out() -> None:
    cluster = started(chain(topology__message__timeout__secs=5), [SPOUT, A, B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.wait(3.0)
    cluster.spout_emits(SPOUT, "y", message_id=2)
    cluster.wait(3.0)
    assert told(cluster) == ([], [b"1"])
    cluster.wait(3.0)
    assert told(cluster) == ([], [b"1", b"2"])


def test_without_timeouts_nothing_fails_by_age() -> None:
    cluster = started(chain(topology__enable__message__timeouts=False), [SPOUT], [A, B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.wait(10_000.0)
    assert told(cluster) == ([], [])
    cluster.ack_all(A)
    assert told(cluster) == ([b"1"], [])


def test_a_proxy_outlives_its_root_and_is_then_forgotten() -> None:
    cluster = started(chain(topology__message__timeout__secs=5), [SPOUT], [A, B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    acks = cluster.managers[2].acks
    cluster.wait(9.0)
    assert len(acks.proxies) == 1
    cluster.wait(2.0)
    assert len(acks.proxies) == 0
    cluster.ack_all(A)
    assert cluster.leftovers() == []


# -- losses -------------------------------------------------------------------------


@pytest.mark.parametrize("places", PLACES)
def test_the_death_of_a_component_fails_what_it_had_at_once(places: tuple[list[int], ...]) -> None:
    cluster = started(chain(), *places)
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.spout_emits(SPOUT, "y", message_id=2)
    one, _ = cluster.children[A].held
    cluster.children[A].ack(one)
    cluster.settle()
    cluster.kill_child(A)
    cluster.settle()
    assert told(cluster) == ([b"1"], [b"2"])
    assert cluster.leftovers() == []


def test_the_death_of_a_component_forgets_what_waited_for_it() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    for number in range(3):
        cluster.spout_emits(SPOUT, number, message_id=number)
    cluster.kill_child(A)
    cluster.spout_emits(SPOUT, "while nobody was there", message_id=3)
    child = cluster.start_child(A)
    cluster.settle()
    assert child.handshake["context"]["taskid"] == A
    assert child.values() == [["while nobody was there"]]
    cluster.ack_all(A)
    assert told(cluster) == ([b"3"], [b"0", b"1", b"2"])


def test_an_old_component_has_no_say_in_its_successors_tuples() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    old = only(cluster, A)
    cluster.kill_child(A)
    cluster.start_child(A)
    cluster.spout_emits(SPOUT, "y", message_id=2)
    assert only(cluster, A) != old
    cluster.says(A, ack(old))
    assert told(cluster) == ([], [b"1"])


def test_the_trees_of_a_dead_spout_are_forgotten_and_its_successor_hears_nothing() -> None:
    cluster = started(chain(), [SPOUT, B], [A])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.kill_child(SPOUT)
    cluster.start_child(SPOUT)
    cluster.settle()
    cluster.ack_all(A)
    assert told(cluster) == ([], [])
    assert cluster.leftovers() == []


def at_b(cluster: Cluster, *, is_reported: bool) -> None:
    """Bring a tuple home -> A -> B in three containers; A has acked, or not."""
    cluster.spout_emits(SPOUT, "x", message_id=1)
    first = only(cluster, A)
    cluster.says(A, emit("y", anchors=[first]))
    if is_reported:
        cluster.ack_all(A)


@pytest.mark.parametrize("is_reported", [False, True])
def test_a_tree_that_touched_a_dead_container_fails_at_once(is_reported: bool) -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    at_b(cluster, is_reported=is_reported)
    cluster.lose_container(3)
    assert told(cluster) == ([], [b"1"])
    cluster.ack_all(A)
    assert told(cluster) == ([], [b"1"])


def test_a_report_of_a_loss_that_is_known_already_fails_the_tree() -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    at_b(cluster, is_reported=False)
    cluster.children[A].ack(only(cluster, A))
    cluster.read(A)  # the report, which says that 3 was touched, is on its way
    cluster.kill_container(3)
    cluster.notice_loss(1, 3)
    assert told(cluster) == ([], [])
    cluster.settle()
    assert told(cluster) == ([], [b"1"])


def test_a_broken_connection_between_two_others_fails_the_tree_at_home() -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    first = only(cluster, A)
    cluster.children[A].say(emit("y", anchors=[first]) + ack(first))
    cluster.children[A].held.clear()
    cluster.read(A)
    cluster.cut(2, 3)  # with the row; the home has lost nobody
    cluster.settle()
    assert told(cluster) == ([], [])
    cluster.notice_loss(2, 3)
    cluster.settle()
    assert told(cluster) == ([], [b"1"])


def test_a_tree_whose_tuples_were_all_acked_before_the_loss_is_acked() -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    at_b(cluster, is_reported=True)
    cluster.children[B].ack(only(cluster, B))
    cluster.read(B)
    cluster.kill_container(3, kept_frames=1)
    cluster.settle()  # its last frame arrives before anybody notices
    for survivor in (1, 2):
        cluster.notice_loss(survivor, 3)
    cluster.settle()
    assert told(cluster) == ([b"1"], [])
    cluster.start_container(3)
    cluster.connect(1, 3)
    cluster.connect(2, 3)
    cluster.settle()
    assert cluster.leftovers() == []


@pytest.mark.parametrize("is_reported", [False, True])
def test_two_deaths_in_a_row_fail_the_tree_once(is_reported: bool) -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    at_b(cluster, is_reported=is_reported)
    cluster.kill_container(3)
    cluster.kill_container(2)
    cluster.notice_loss(1, 2)
    cluster.notice_loss(1, 3)
    cluster.settle()
    assert told(cluster) == ([], [b"1"])


def test_after_a_broken_connection_both_sides_live_on() -> None:
    cluster = started(chain(), [SPOUT, B], [A])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.cut(1, 2)
    cluster.notice_loss(1, 2)
    cluster.settle()
    assert told(cluster) == ([], [b"1"])
    cluster.connect(1, 2)  # the other side notices only now
    cluster.spout_emits(SPOUT, "y", message_id=2)
    old, new = cluster.children[A].held
    cluster.children[A].ack(old)
    cluster.children[A].ack(new)
    cluster.settle()
    assert told(cluster) == ([b"2"], [b"1"])
    assert cluster.leftovers() == []


def test_the_death_of_the_home_makes_others_forget_its_trees() -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    at_b(cluster, is_reported=False)
    cluster.lose_container(1)
    assert [len(cluster.managers[c].acks.proxies) for c in (2, 3)] == [0, 0]


def test_reports_for_a_dead_home_never_count_for_its_successor() -> None:
    cluster = started(chain(), [SPOUT], [A, B])
    cluster.spout_emits(SPOUT, "x", message_id="old")
    cluster.children[A].ack(only(cluster, A))
    cluster.read(A)
    (frame,) = cluster.wires[2, 1]
    cluster.lose_container(1)
    manager = cluster.start_container(1)
    manager.is_active = True
    cluster.connect(1, 2)
    cluster.spout_emits(SPOUT, "x", message_id="new")
    (root,) = manager.acks.roots.values()
    before = (root.n, root.val, root.peers)
    (body,) = FrameSplitter().feed(frame)
    manager.receive_frame(2, body, cluster.now)
    assert (root.n, root.val, root.peers) == before
    assert told(cluster) == ([], [])
    cluster.ack_all(A)
    assert told(cluster) == ([b'"new"'], [])


def test_an_unanchored_tuple_waits_for_the_successor_of_a_container() -> None:
    cluster = started(chain(), [SPOUT], [A, B])
    cluster.lose_container(2)
    cluster.children[SPOUT].say(emit("x"))  # as from a spout with threads: nobody has asked
    cluster.managers[1].receive(SPOUT, bytes(cluster.children[SPOUT].stdout), cluster.now)
    cluster.children[SPOUT].stdout.clear()
    cluster.start_container(2)
    cluster.connect(1, 2)
    cluster.settle()
    assert cluster.children[A].values() == [["x"]]


# -- anything --------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, components=st.integers(2, 5), containers=st.integers(1, 3), fails=st.booleans())
def test_every_root_is_acked_exactly_when_all_its_tuples_are(
    seed: int, components: int, containers: int, fails: bool
) -> None:
    life = RandomLife(seed, components, containers, fail_rate=0.05 if fails else 0.0)
    life.live(400, has_losses=False)
    life.end()


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS, components=st.integers(2, 5), containers=st.integers(1, 3))
def test_what_touched_a_lost_thing_fails_at_once_and_nothing_is_acked_too_early(
    seed: int, components: int, containers: int
) -> None:
    life = RandomLife(seed, components, containers, fail_rate=0.02)
    life.live(600, has_losses=True)
    life.end()
