"""Task ids that are told before the tuple is there are those it goes to."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilang.library import CAREFUL
from scheduler.stream import notices
from scheduler.stream.foresight import SUPPLY_COUNT
from scheduler.topology import Component, GroupingKind, Stream
from tests.scheduler.stream.cluster import Child, Cluster, bolt, by, emit, spout, topology
from tests.scheduler.stream.random_topology import KINDS

ALL, DIRECT, FIELDS = GroupingKind.ALL, GroupingKind.DIRECT, GroupingKind.FIELDS
BY_VALUE = (FIELDS, GroupingKind.PARTIAL_KEY)
ASKING = 2


def emitter(*streams: str) -> Component:
    declared = {name: Stream(("value",), is_direct=name == "direct") for name in streams or ("default",)}
    return bolt("a", ASKING, reads=["s"], streams=declared)


def started(*consumers: Component, streams: tuple[str, ...] = (), **conf: Any) -> Cluster:
    """Return a bolt of a library that keeps early lists, between a spout and its consumers."""
    conf.setdefault("heronry__task__ids__ahead", True)
    plan = topology(spout("s", 1), emitter(*streams), *consumers, **conf)
    return Cluster(plan, sorted(plan.component_of()))


def asks(cluster: Cluster, *values: Any, **how: Any) -> Child:
    child = cluster.children[ASKING]
    for value in values:
        child.ask(emit(value, wants_task_ids=True, **how))
    cluster.settle()
    return child


def receivers(cluster: Cluster, value: Any) -> list[int]:
    """Return the tasks that got a value."""
    return sorted(task for task, child in cluster.children.items() if [value] in child.values())


def test_after_the_first_answer_a_supply_is_sent_and_renewed_when_half_is_used() -> None:
    cluster = started(bolt("b", 3, reads=["a"]))
    child = asks(cluster, "x")
    assert child.task_ids == [[3]] * (1 + SUPPLY_COUNT)
    asks(cluster, *range(SUPPLY_COUNT // 2 - 1))
    assert len(child.task_ids) == 1 + SUPPLY_COUNT
    asks(cluster, "y")
    assert len(child.task_ids) == 1 + SUPPLY_COUNT + SUPPLY_COUNT // 2
    assert cluster.children[3].values()[-1] == ["y"]
    assert cluster.errors() == []


def test_a_shuffle_chooses_before_and_keeps_to_it() -> None:
    cluster = started(bolt("b", 3, 4, reads=["a"]))
    values = range(3 * SUPPLY_COUNT)
    child = asks(cluster, *values)
    assert [receivers(cluster, value) for value in values] == child.task_ids[: len(values)]
    assert {task for (task,) in child.task_ids} == {3, 4}


def test_emits_that_do_not_ask_use_nothing_up() -> None:
    cluster = started(bolt("b", 3, 4, reads=["a"]))
    child = asks(cluster, "x")
    cluster.says(ASKING, *[emit(f"quiet {number}") for number in range(101)])
    asks(cluster, "y", "z")
    assert [receivers(cluster, value) for value in "xyz"] == child.task_ids[:3]
    assert len(child.task_ids) == 1 + SUPPLY_COUNT


def test_nobody_is_told_who_was_not_seen_to_ask() -> None:
    cluster = started(bolt("b", 3, reads=["a"]))
    cluster.says(ASKING, emit("x"))
    assert cluster.children[ASKING].task_ids == []


def test_one_who_is_told_ahead_need_not_be_watched_but_is_given_only_so_many_tuples() -> None:
    cluster = started(bolt("b", 3, reads=["a"]), topology__shellbolt__max__pending=5)
    asks(cluster, "x")
    assert notices.Asks(ASKING, is_waiting=False) in cluster.notices
    assert cluster.local(ASKING).limit == 5


@pytest.mark.parametrize("kind", BY_VALUE)
def test_where_values_decide_each_emit_is_answered_when_it_comes(kind: GroupingKind) -> None:
    cluster = started(bolt("b", 3, 4, reads=[by(kind, "a", "default", "value")]))
    child = asks(cluster, *range(50))
    assert [receivers(cluster, value) for value in range(50)] == child.task_ids
    assert notices.Asks(ASKING, is_waiting=True) in cluster.notices


def test_where_streams_differ_each_emit_is_answered_when_it_comes() -> None:
    cluster = started(bolt("b", 3, reads=["a"]), streams=("default", "errors"))
    child = asks(cluster, "x")
    asks(cluster, "y", stream="errors")
    assert child.task_ids == [[3], []]


def test_streams_that_nobody_reads_are_alike_and_direct_ones_do_not_count() -> None:
    cluster = started(bolt("b", 3, reads=[by(DIRECT, "a", "direct")]), streams=("direct", "errors", "trace"))
    child = asks(cluster, "x", stream="trace")
    cluster.says(ASKING, emit("straight", stream="direct", task=3, wants_task_ids=True))
    asks(cluster, "y", stream="errors")
    assert child.task_ids == [[]] * (1 + SUPPLY_COUNT)
    assert cluster.children[3].values() == [["straight"]]


def test_an_unknown_library_is_told_nothing_ahead() -> None:
    cluster = started(bolt("b", 3, reads=["a"]), heronry__task__ids__ahead=None)
    assert asks(cluster, "x").task_ids == [[3]]


def test_a_known_library_is_told_ahead_unless_the_conf_forbids_it() -> None:
    for is_ahead, count in ((None, 1 + SUPPLY_COUNT), (False, 1)):
        cluster = started(bolt("b", 3, reads=["a"]), heronry__task__ids__ahead=is_ahead)
        cluster.kill_child(ASKING)
        cluster.start_child(ASKING, CAREFUL)
        cluster.settle()
        assert len(asks(cluster, "x").task_ids) == count


def test_lists_that_would_fill_the_pipe_are_not_sent_ahead() -> None:
    many = bolt("b", *range(1000, 1700), reads=[by(ALL, "a")])
    plan = topology(spout("s", 1), emitter(), many, heronry__task__ids__ahead=True)
    cluster = Cluster(plan, [1, ASKING, *many.tasks])
    assert len(asks(cluster, "x").task_ids) == 1


def test_the_next_life_knows_nothing_of_what_was_told_to_the_last() -> None:
    cluster = started(bolt("b", 3, 4, reads=["a"]))
    asks(cluster, "x")
    cluster.kill_child(ASKING)
    cluster.start_child(ASKING)
    cluster.settle()
    child = asks(cluster, "y", "z")
    assert [receivers(cluster, value) for value in "yz"] == child.task_ids[:2]


def test_after_a_mistake_the_order_still_holds_and_nothing_more_is_told_ahead() -> None:
    cluster = started(bolt("b", 3, 4, reads=["a"]))
    asks(cluster, "x")
    asks(cluster, "lost", stream="undeclared")
    values = range(3 * SUPPLY_COUNT)
    child = asks(cluster, *values)
    assert [receivers(cluster, value) for value in values] == child.task_ids[2:]
    assert len(cluster.errors()) == 1


def test_what_was_told_before_a_mistake_goes_where_its_task_has_moved() -> None:
    cluster = started(bolt("b", 3, 4, reads=["a"]))
    asks(cluster, "x")
    asks(cluster, "lost", stream="undeclared")
    cluster.plan_anew([1, ASKING], [3, 4])
    cluster.follow(1)
    cluster.follow(2)
    cluster.settle()
    for task in (3, 4):
        cluster.retire(task)
        cluster.start_child(task)
    cluster.settle()
    child = asks(cluster, "y", "z")
    assert [receivers(cluster, value) for value in "yz"] == child.task_ids[2:4]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kinds=st.lists(st.sampled_from(KINDS), max_size=3),
    streams=st.sampled_from([("default",), ("default", "other"), ("default", "direct")]),
)
def test_whatever_is_emitted_every_list_is_where_its_tuple_went(
    seed: int, kinds: list[GroupingKind], streams: tuple[str, ...]
) -> None:
    chance = random.Random(seed)
    task = iter(range(10, 100))
    consumers = [
        bolt(
            f"b{index}",
            *[next(task) for _ in range(chance.randint(1, 3))],
            reads=[by(kind, "a", chance.choice(streams), *(["value"] if kind in BY_VALUE else []))],
        )
        for index, kind in enumerate(kinds)
        if "direct" not in streams
    ]
    if "direct" in streams:
        consumers = [bolt("b", 10, 11, reads=[by(DIRECT, "a", "direct"), "a"])]
    plan = topology(spout("s", 1), emitter(*streams), *consumers, heronry__task__ids__ahead=True)
    places: tuple[list[int], list[int]] = ([1, ASKING], [])
    for consumer in consumers:
        for one in consumer.tasks:
            chance.choice(places).append(one)
    cluster = Cluster(plan, *places)
    child = cluster.children[ASKING]
    asking: list[int] = []
    for value in range(300):
        stream = chance.choice(streams)
        if stream == "direct":
            child.say(emit(value, stream=stream, task=chance.choice((10, 11)), wants_task_ids=True))
        elif chance.random() < 0.8:
            asking.append(value)
            child.ask(emit(value, stream=stream, wants_task_ids=True))
        else:
            child.say(emit(value, stream=stream))
        if chance.random() < 0.1:
            cluster.settle()
    cluster.settle()
    got = {value: receivers(cluster, value) for value in asking}
    assert [sorted(told) for told in child.task_ids[: len(asking)]] == [got[value] for value in asking]
    assert cluster.errors() == []
