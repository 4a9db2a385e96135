"""A plan that changes under way: stories, and random lives in which tasks move again and again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilang.library import UNKNOWN, Library
from scheduler.stream.links import FrameSplitter, pack_frames
from scheduler.stream.notices import PauseReading
from scheduler.stream.placement import Shift
from scheduler.topology import GroupingKind, Topology
from tests.scheduler.stream.cluster import Child, Cluster, bolt, by, emit, spout, topology
from tests.scheduler.stream.random_topology import RandomLife, random_placement

SPOUT, A, B = 1, 2, 3


def chain(**conf: object) -> Topology:
    """Return spout 1 -> bolt 2 -> bolt 3."""
    return topology(spout("s", SPOUT), bolt("a", A, reads=["s"]), bolt("b", B, reads=["a"]), **conf)


def started(plan: Topology, *containers: list[int]) -> Cluster:
    cluster = Cluster(plan, *containers)
    cluster.activate()
    return cluster


def moved(cluster: Cluster, *containers: list[int]) -> None:
    """Carry a change of plan out as a whole."""
    cluster.plan_anew(*containers)
    shifts = [cluster.follow(container_id) for container_id in list(cluster.managers)]
    cluster.settle()
    for shift in shifts:
        for task in shift.leaving | shift.renewed:
            cluster.retire(task)
    for task in sorted(cluster.container_of.keys() - cluster.children.keys()):
        cluster.start_child(task)
    cluster.settle()


def test_a_plan_that_changes_nothing_here_asks_for_nothing() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    cluster.plan_anew([SPOUT, A, B])
    assert cluster.follow(1) == Shift()


def test_only_who_moves_is_touched() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    local = cluster.local(A)
    cluster.plan_anew([SPOUT, A], [B])
    assert cluster.follow(1) == Shift(leaving=frozenset({B}))
    assert cluster.follow(2) == Shift()
    cluster.settle()
    cluster.retire(B)
    assert cluster.local(A) is local
    assert sorted(cluster.managers[1].tasks) == [SPOUT, A]
    assert [task.task for task in cluster.managers[2].tasks.values()] == [B]


def test_a_moved_bolt_goes_on_elsewhere_and_its_trees_are_acked_from_there() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    moved(cluster, [SPOUT, A], [B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    (delivery,) = cluster.children[A].held
    cluster.says(A, b'{"command": "emit", "anchors": ["%d"], "tuple": ["y"]}\nend\n' % delivery)
    cluster.ack_all(A)
    assert cluster.children[B].values() == [["y"]]
    cluster.ack_all(B)
    assert cluster.children[SPOUT].acked == [b"1"]
    assert cluster.leftovers() == []


def test_counters_of_who_stays_go_on() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    route = cluster.local(SPOUT).routes["default"]
    moved(cluster, [SPOUT, B], [A])
    cluster.spout_emits(SPOUT, "y", message_id=2)
    assert cluster.local(SPOUT).routes["default"] is route
    assert route.emitted == 2
    assert route.failed == 1  # x was with the component that had to end


def test_a_retiring_spout_is_asked_no_more_and_still_hears_what_becomes_of_its_tuples() -> None:
    cluster = started(chain(), [SPOUT, A], [B])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.plan_anew([A], [B, SPOUT])
    cluster.follow(1)
    cluster.follow(2)
    cluster.spout_emits(SPOUT, "never", message_id=2)
    manager = cluster.managers[1]
    assert not manager.has_finished(SPOUT)
    cluster.ack_all(A)
    assert manager.has_finished(SPOUT)
    assert cluster.children[SPOUT].acked == [b"1"]
    cluster.retire(SPOUT)
    cluster.start_child(SPOUT)
    cluster.settle()
    cluster.spout_emits(SPOUT, "z", message_id=3)
    assert cluster.children[A].values() == [["z"]]


def test_a_row_for_a_task_that_has_left_is_passed_on_and_its_tree_knows() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A])
    cluster.plan_anew([SPOUT], [], [A])
    cluster.follow(2)
    cluster.settle()
    cluster.retire(A)
    cluster.start_child(A)
    cluster.settle()
    assert cluster.managers[1].placement.container_of[A] == 2  # it has not heard of the plan
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.spout_emits(SPOUT, "y", message_id=2)
    assert cluster.children[A].values() == [["x"], ["y"]]
    cluster.children[A].ack(next(iter(cluster.children[A].held)))
    cluster.settle()
    assert cluster.children[SPOUT].acked == [b"1"]
    cluster.lose_container(3)
    assert cluster.children[SPOUT].failed == [b"2"]


def test_rows_that_are_passed_on_come_before_those_that_went_straight_to_the_new_place() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    cluster.plan_anew([SPOUT], [], [A])
    cluster.follow(2)
    cluster.follow(3)
    cluster.managers[1].receive(SPOUT, emit("x", message_id=1), cluster.now)
    cluster.round(1)
    cluster.follow(1)
    cluster.managers[1].receive(SPOUT, emit("y", message_id=2), cluster.now)
    cluster.round(1)
    cluster.deliver(1, 3)  # the way through the old place takes longer
    cluster.settle()
    assert cluster.managers[3].tasks[A].queued_bytes > 0
    cluster.retire(A)
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [["x"], ["y"]]
    cluster.ack_all(A)
    assert cluster.children[SPOUT].acked == [b"1", b"2"]
    assert cluster.leftovers() == []


def test_a_bolt_that_leaves_waits_for_all_who_may_still_send_it_something() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    cluster.plan_anew([SPOUT], [], [A])
    cluster.follow(2)
    cluster.settle()
    assert not cluster.managers[2].has_finished(A)
    cluster.follow(3)
    cluster.settle()
    assert not cluster.managers[2].has_finished(A)
    cluster.follow(1)
    cluster.settle()
    assert cluster.managers[2].has_finished(A)


def test_of_two_that_move_together_what_was_sent_by_the_old_plan_comes_first() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    cluster.managers[1].receive(SPOUT, emit("x"), cluster.now)
    cluster.plan_anew([], [], [A, SPOUT])
    for container_id in (2, 3, 1):
        cluster.follow(container_id)
    cluster.managers[1].receive(SPOUT, emit("y"), cluster.now)
    cluster.round(1)
    cluster.deliver(1, 3)  # y, while x is still on its way through the old place
    cluster.settle()
    cluster.retire(SPOUT)
    cluster.retire(A)
    cluster.start_child(A)
    cluster.start_child(SPOUT)
    cluster.managers[3].receive(SPOUT, b'{"pid": 1}\nend\n' + emit("z"), cluster.now)
    cluster.settle()
    assert cluster.children[A].values() == [["x"], ["y"], ["z"]]


def test_what_waits_for_a_bolt_goes_along_when_it_moves_again_before_it_has_started() -> None:
    cluster = started(chain(), [SPOUT], [A], [B])
    cluster.plan_anew([SPOUT, A], [], [B])
    for container_id in (1, 2, 3):
        cluster.follow(container_id)
    cluster.settle()
    cluster.retire(A)
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.spout_emits(SPOUT, 'quotes " and \u00e9', message_id=2)
    cluster.spout_emits(SPOUT, "nobody acks")
    cluster.managers[1].tick(A, 1)
    cluster.round(1)
    cluster.plan_anew([SPOUT], [A], [B])
    for container_id in (1, 2, 3):
        cluster.follow(container_id)
    cluster.settle()
    assert cluster.managers[1].has_finished(A)
    cluster.retire(A)
    cluster.settle()
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [["x"], ['quotes " and \u00e9'], ["nobody acks"]]
    cluster.ack_all(A)
    assert cluster.children[SPOUT].acked == [b"1", b"2"]
    assert cluster.leftovers() == []


def test_a_tuple_that_was_passed_on_has_its_bolt_started_though_the_topology_rests() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    cluster.plan_anew([SPOUT], [], [A])
    cluster.follow(2)
    cluster.follow(3)
    (frame,) = FrameSplitter().feed(pack_frames([(A, SPOUT, ~1, b'["x"]', [])], [], [], 0, 2))
    cluster.managers[3].receive_frame(2, frame, cluster.now)
    assert [local.task for local in cluster.managers[3].dirty] == [A]


def test_what_is_passed_on_to_one_who_has_not_heard_of_the_plan_waits_there() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    cluster.plan_anew([SPOUT], [], [A])
    cluster.follow(2)
    cluster.managers[1].receive(SPOUT, emit("x", message_id=1), cluster.now)
    cluster.round(1)
    cluster.deliver(1, 2)
    while cluster.wires[2, 3]:
        cluster.deliver(2, 3)
    assert not cluster.wires[3, 2]  # else it would go round in circles, and fall behind what comes next
    cluster.managers[1].receive(SPOUT, emit("y", message_id=2), cluster.now)
    cluster.round(1)
    cluster.deliver(1, 2)
    cluster.follow(3)
    cluster.follow(1)
    cluster.settle()
    cluster.retire(A)
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [["x"], ["y"]]
    cluster.ack_all(A)
    assert cluster.children[SPOUT].acked == [b"1", b"2"]
    assert cluster.leftovers() == []


def test_what_came_before_its_source_moves_stays_in_front_of_what_comes_then() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [], [])
    cluster.plan_anew([SPOUT], [], [A], [])
    for container_id in (1, 2, 3, 4):
        cluster.follow(container_id)
    cluster.settle()
    cluster.retire(A)
    cluster.managers[1].receive(SPOUT, emit("x"), cluster.now)
    cluster.settle()
    cluster.plan_anew([], [], [A], [SPOUT])
    cluster.follow(3)
    cluster.managers[1].receive(SPOUT, emit("y"), cluster.now)
    cluster.settle()
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [["x"], ["y"]]


@pytest.mark.parametrize("have_all_followed", [True, False])
def test_what_comes_for_a_bolt_that_moves_again_before_it_has_started_goes_behind_what_waits(
    have_all_followed: bool,
) -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [], [])
    cluster.plan_anew([SPOUT], [], [A], [])
    for container_id in (1, 2, 3, 4):
        cluster.follow(container_id)
    cluster.settle()
    cluster.retire(A)
    cluster.managers[1].receive(SPOUT, emit("x"), cluster.now)
    cluster.settle()
    cluster.plan_anew([SPOUT], [], [], [A])
    for container_id in (2, 3, 4):
        cluster.follow(container_id)
    cluster.managers[1].receive(SPOUT, emit("y"), cluster.now)
    cluster.settle()
    if have_all_followed:
        cluster.follow(1)
        cluster.settle()
    assert cluster.managers[3].has_finished(A) is have_all_followed
    cluster.retire(A)
    cluster.settle()
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [["x"], ["y"]]


def test_a_tree_goes_on_when_a_container_ends_that_it_went_through_and_that_has_left() -> None:
    cluster = started(chain(), [SPOUT, B], [A])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    (delivery,) = cluster.children[A].held
    cluster.says(A, b'{"command": "emit", "anchors": ["%d"], "tuple": ["y"]}\nend\n' % delivery)
    cluster.ack_all(A)
    moved(cluster, [SPOUT, A, B])
    assert cluster.end_container(2)
    assert cluster.children[SPOUT].failed == []
    cluster.ack_all(B)
    assert cluster.children[SPOUT].acked == [b"1"]
    assert cluster.leftovers() == []


def test_a_container_whose_component_had_to_end_does_not_say_that_it_has_left_before_all_follow() -> None:
    cluster = started(chain(), [SPOUT, B], [A])
    cluster.plan_anew([SPOUT, A, B])
    cluster.follow(2)
    cluster.settle()
    cluster.retire(A)
    assert not cluster.managers[2].leave()
    cluster.follow(1)
    cluster.settle()
    assert cluster.managers[2].leave()


def test_a_loss_of_a_link_is_told_to_nobody_by_one_who_has_left() -> None:
    cluster = started(chain(), [SPOUT], [B], [A])
    cluster.spout_emits(SPOUT, "x", message_id=1)
    (delivery,) = cluster.children[A].held
    cluster.says(A, b'{"command": "emit", "anchors": ["%d"], "tuple": ["y"]}\nend\n' % delivery)
    cluster.ack_all(A)
    moved(cluster, [SPOUT, A], [B])
    assert cluster.managers[3].leave()
    cluster.settle()
    cluster.notice_loss(3, 2)  # the other end hung up first, as it may
    cluster.settle()
    assert cluster.children[SPOUT].failed == []
    cluster.ack_all(B)
    assert cluster.children[SPOUT].acked == [b"1"]


def test_what_is_sent_to_one_that_has_left_is_lost_with_it() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A])
    moved(cluster, [SPOUT, A])
    assert cluster.managers[2].leave()
    cluster.settle()
    assert cluster.managers[1].links[2].ends_well
    moved(cluster, [SPOUT], [A])
    assert not cluster.managers[1].links[2].ends_well
    cluster.spout_emits(SPOUT, "x", message_id=1)
    cluster.lose_container(2)
    assert cluster.children[SPOUT].failed == [b"1"]


def test_who_has_left_has_left_also_by_the_next_plan() -> None:
    cluster = started(chain(), [SPOUT, B], [A])
    moved(cluster, [SPOUT, A, B])
    assert cluster.managers[2].leave()
    cluster.plan_anew([SPOUT, A, B])
    cluster.follow(2)
    cluster.settle()
    assert cluster.managers[1].links[2].ends_well


def test_who_has_something_for_one_it_cannot_reach_has_not_left() -> None:
    cluster = started(chain(), [SPOUT, A], [B])
    moved(cluster, [SPOUT, A, B])
    cluster.cut(1, 2)
    cluster.notice_loss(2, 1)
    cluster.managers[2].links[1].rows.append((B, A, 0, b'["y"]', []))
    assert not cluster.managers[2].leave()
    cluster.connect(1, 2)
    cluster.settle()
    assert cluster.managers[2].leave()


def test_who_hears_of_another_conf_is_started_anew_and_loses_nothing() -> None:
    plan = chain()
    cluster = started(plan, [SPOUT, A, B])
    cluster.plan_anew([SPOUT, A, B], conf={"topology.max.spout.pending": 1})
    assert cluster.follow(1) == Shift(renewed=frozenset({SPOUT, A, B}))
    cluster.settle()
    for task in (SPOUT, A, B):
        cluster.retire(task)
    cluster.settle()
    assert cluster.children[A].handshake["conf"] == {"topology.max.spout.pending": 1}
    for number in (1, 2):
        cluster.spout_emits(SPOUT, number, message_id=number)
    assert cluster.children[A].values() == [[1]]  # one at a time from now on
    cluster.ack_all(A)
    assert cluster.children[SPOUT].acked == [b"1"]


def test_what_comes_for_a_component_that_is_started_anew_waits_for_it() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    cluster.plan_anew([SPOUT, A, B], conf={"x": 1})
    cluster.follow(1)
    manager = cluster.managers[1]
    assert manager.has_finished(A)
    manager.rest(A, cluster.now)
    del cluster.children[A]  # told to end
    cluster.retire(SPOUT)
    cluster.settle()
    cluster.spout_emits(SPOUT, "x", message_id=1)
    manager.lose(A, cluster.now)
    assert manager.release(A, cluster.now)
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [["x"]]
    cluster.ack_all(A)
    assert cluster.children[SPOUT].acked == [b"1"]


def test_what_comes_for_one_that_is_started_anew_goes_to_it_though_the_last_one_took_few_at_a_time() -> None:
    cluster = started(chain(topology__shellbolt__max__pending=1), [SPOUT, A, B])
    cluster.spout_emits(SPOUT, 0)
    cluster.children[A].ask(emit(0, wants_task_ids=True))
    cluster.settle()
    cluster.ack_all(A)
    cluster.plan_anew([SPOUT, A, B], conf={"topology.shellbolt.max.pending": 2})
    cluster.follow(1)
    manager = cluster.managers[1]
    manager.rest(A, cluster.now)
    del cluster.children[A]  # told to end
    cluster.retire(SPOUT)
    for value in (1, 2, 3, 4):
        cluster.spout_emits(SPOUT, value)
    manager.lose(A, cluster.now)
    assert manager.release(A, cluster.now)
    cluster.start_child(A)
    cluster.settle()
    assert cluster.children[A].values() == [[1], [2], [3], [4]]


def test_a_spout_that_is_started_anew_hears_nothing_that_was_meant_for_its_last_life() -> None:
    cluster = started(chain(), [SPOUT, A, B])
    manager = cluster.managers[1]
    manager.is_active = False
    cluster.settle()
    cluster.plan_anew([SPOUT, A, B], conf={"x": 1})
    cluster.follow(1)
    manager.rest(SPOUT, cluster.now)
    del cluster.children[SPOUT]  # told to end
    cluster.activate()
    manager.lose(SPOUT, cluster.now)
    manager.release(SPOUT, cluster.now)
    child = cluster.start_child(SPOUT)
    cluster.settle()
    assert [message["command"] for message in child.messages] == ["activate", "next"]


def test_a_task_that_comes_waits_for_what_is_congested_already() -> None:
    cluster = started(topology(spout("s", 1, 2), bolt("a", 3, reads=["s"])), [1, 3], [2])
    manager = cluster.managers[1]
    manager.gates.flow.set(3, "queue", is_congested=True)
    cluster.plan_anew([1, 3, 2])
    cluster.follow(1)
    assert (manager.tasks[2].hold_count, manager.tasks[2].blocker_count) == (1, 1)
    assert PauseReading(2) in cluster.notices


def test_a_bolt_that_comes_back_is_not_congested_because_it_was_when_it_left() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    gates = cluster.managers[2].gates
    local = cluster.local(A)
    local.queued_bytes += 1 << 30
    gates.measure(local, cluster.now)
    cluster.settle()
    assert cluster.local(SPOUT).hold_count == 1
    local.queued_bytes -= 1 << 30
    moved(cluster, [SPOUT], [], [A])
    assert cluster.local(SPOUT).hold_count == 0
    moved(cluster, [SPOUT], [A], [])
    assert cluster.local(SPOUT).hold_count == 0


def test_who_leaves_is_not_called_congested_by_the_container_that_it_leaves() -> None:
    cluster = started(topology(spout("s", SPOUT), bolt("a", A, reads=["s"])), [SPOUT], [A], [])
    cluster.spout_emits(SPOUT, "x")
    cluster.plan_anew([SPOUT], [], [A])
    for container_id in (1, 2, 3):
        cluster.follow(container_id)
    cluster.settle()
    cluster.managers[2].gates.hear(3, [(A, True)], cluster.now)
    cluster.connect(1, 2)
    cluster.settle()
    cluster.retire(A)
    cluster.start_child(A)
    cluster.settle()
    moved(cluster, [SPOUT], [A], [])
    assert cluster.local(SPOUT).hold_count == 0


def test_the_groupings_see_the_tasks_where_they_are_now() -> None:
    local = by(GroupingKind.LOCAL_OR_SHUFFLE, "s")
    cluster = started(topology(spout("s", 1), bolt("a", 2, 3, reads=[local])), [1, 2], [3])
    moved(cluster, [1, 3], [2])
    for number in range(4):
        cluster.spout_emits(1, number, message_id=number)
    assert cluster.children[3].values() == [[0], [1], [2], [3]]


def test_task_ids_that_were_told_ahead_hold_wherever_the_tasks_are() -> None:
    parts = spout("s", 1), bolt("a", 2, reads=["s"]), bolt("b", 3, 4, reads=["a"])
    plan = topology(*parts, heronry__task__ids__ahead=True)
    cluster = started(plan, [1, 2, 3, 4])
    asking = cluster.children[2]

    def ask(*values: int) -> None:
        for value in values:
            asking.ask(emit(value, wants_task_ids=True))
        cluster.settle()

    ask(0)
    moved(cluster, [1, 2, 3], [4])
    assert len(asking.task_ids) > 20
    ask(*range(1, 70))
    for value, (task,) in zip(range(1, 70), asking.task_ids[1:], strict=False):
        assert [value] in cluster.children[task].values()


class MovingLife(RandomLife):
    """A random life in which the plan changes whenever the last change is over."""

    followers: list[int]
    is_in_order = True
    """Unless a component had to end before all followed: what is then on its way to it comes late."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self._heard_counts: dict[Child, int] = {}
        self._last: dict[tuple[int, int], int] = {}
        """By source and destination: the number of the last tuple, which grow as they are emitted."""
        super().__init__(*args, **more)

    def live(self, steps: int, *, has_losses: bool = False, is_hasty: bool = False) -> None:
        self.followers = []
        for _ in range(steps):
            if self.chance.random() < 0.5:
                self._go_on(is_hasty=is_hasty)
            super().live(1, has_losses=has_losses)

    def _go_on(self, *, is_hasty: bool) -> None:
        retiring = [t for m in self.managers.values() for t in m.placement.retiring]
        if self.followers:
            self.follow(self.followers.pop())
            return
        for task in retiring:
            if self._retire(task, is_hasty=is_hasty):
                return
        if retiring:
            return
        for task in sorted(self.container_of.keys() - self.children.keys()):
            if self.chance.random() < 0.8:  # else it may be to move again before it was there
                self.start_child(task)
        for container_id in [c for c, manager in self.managers.items() if not manager.tasks]:
            is_over = (
                container_id not in self.placement or self.plan.containers[-1].container_id < container_id
            )
            if is_over and not self.end_container(container_id):
                self._all_may_fail()  # what touched it, as at every loss of a link
        if self.chance.random() < 0.5:
            count = self.chance.randint(1, 4)
            conf = {"topology.max.spout.pending": self.chance.choice((20, 20, 5))}
            self.plan_anew(*random_placement(self.chance, self.topology, count), conf=conf)
            self.followers = list(self.managers)
            self.chance.shuffle(self.followers)

    def start_child(self, task: int, library: Library = UNKNOWN) -> Child:
        """Start a component, which takes longer than what was passed on takes to come."""
        container_id = self.container_of[task]
        for wire, frames in self.wires.items():
            while wire[1] == container_id and frames:
                self.deliver(*wire)
        return super().start_child(task, library)

    def _check_outcomes(self, child: Child) -> None:
        for message in child.messages[self._heard_counts.get(child, 0) :]:
            if "tuple" in message and message["comp"] is not None:
                way, (number,) = (message["task"], child.task), message["tuple"]
                is_in_order = self._last.get(way, 0) < number or not self.is_in_order
                assert is_in_order, f"{way}: {number} came after {self._last[way]}"
                self._last[way] = number
        self._heard_counts[child] = len(child.messages)
        super()._check_outcomes(child)

    def _retire(self, task: int, *, is_hasty: bool) -> bool:
        manager = self.managers[self.container_of[task]]
        if not manager.has_finished(task):
            if not is_hasty or self.chance.random() < 0.5:
                return False
            self._all_may_fail()
            self.is_in_order = False
        child = self.children.get(task)
        if child is not None:
            self._check_outcomes(child)
        self.retire(task)
        return True

    def end(self) -> None:
        while self.followers:
            self._go_on(is_hasty=False)
        self.is_in_order = False
        for task in [t for m in self.managers.values() for t in m.placement.retiring]:
            self._all_may_fail()
            child = self.children.get(task)
            self.retire(task)
            if child is not None:
                self._check_outcomes(child)
        super().end()


@pytest.mark.timeout(240)
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), components=st.integers(2, 5), containers=st.integers(1, 3))
def test_nothing_fails_because_tasks_move_when_their_components_may_finish(
    seed: int, components: int, containers: int
) -> None:
    life = MovingLife(seed, components, containers, fail_rate=0.0)
    life.live(500)
    life.end()


@pytest.mark.timeout(240)
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), components=st.integers(2, 5), containers=st.integers(1, 3))
def test_what_was_with_a_component_that_had_to_end_fails_and_nothing_is_acked_too_early(
    seed: int, components: int, containers: int
) -> None:
    life = MovingLife(seed, components, containers, fail_rate=0.02)
    life.live(500, is_hasty=True)
    life.end()
