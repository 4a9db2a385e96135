"""Where tuples go."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import TopologyError
from scheduler.stream.java_hash import task_index
from scheduler.stream.local_task import LocalTask, RemoteTask
from scheduler.stream.routing import BadTuple, Route, build_routes
from scheduler.topology import GroupingKind, Stream
from tests.scheduler.stream.cluster import bolt, by, spout, topology

K = GroupingKind
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def routes(
    *inputs: Any, fields: tuple[str, ...] = ("a", "b"), here: tuple[int, ...] = (2, 3, 4)
) -> Mapping[str, Route]:
    """Return the routes of spout s with one bolt of tasks 2, 3, 4 (5, 6, 7, ...) per input."""
    bolts = [
        bolt(f"b{index}", *range(3 * index + 2, 3 * index + 5), reads=[i]) for index, i in enumerate(inputs)
    ]
    plan = topology(spout("s", 1, streams={"default": Stream(fields), "lonely": Stream(fields)}), *bolts)
    tasks: dict[int, LocalTask | RemoteTask] = {}
    for component in plan.components:
        for task in component.tasks:
            local = LocalTask(task, component.component, is_spout=component.is_spout, inputs=[])
            tasks[task] = local if task in here or task > 4 else RemoteTask(task, 2)
    numbers = {("s", "default"): 5, ("s", "lonely"): 6, **{(b.component, "default"): 9 for b in bolts}}
    return build_routes(plan.component("s"), 1, plan, tasks, stream_number=numbers, rng=random.Random(3))


def targets(route: Route, values: object = ("x", "y")) -> list[int]:
    slots = route.fixed if route.fixed is not None else route.choose(msgspec.Raw(json.dumps(values).encode()))
    return [target.task for target, _ in slots]


def test_a_stream_without_consumers_goes_nowhere() -> None:
    found = routes(by(K.SHUFFLE, "s"))
    assert sorted(found) == ["default", "lonely"]
    assert targets(found["lonely"]) == []
    assert (found["lonely"].stream_number, found["default"].stream_number) == (6, 5)
    assert found["lonely"].prefix == b'{"comp":"s","stream":"lonely","task":1,"id":"'


@pytest.mark.parametrize("kind", [K.SHUFFLE, K.ALL, K.GLOBAL, K.DIRECT, K.LOCAL_OR_SHUFFLE])
def test_a_bolt_without_tasks_is_passed_over(kind: GroupingKind) -> None:
    plan = topology(spout("s", 1), bolt("idle", reads=[by(kind, "s")]), bolt("b", 2, reads=[by(K.ALL, "s")]))
    tasks = {
        task: LocalTask(task, name, is_spout=task == 1, inputs=[]) for task, name in ((1, "s"), (2, "b"))
    }
    numbers = {(name, "default"): 5 for name in ("s", "idle", "b")}
    found = build_routes(plan.component("s"), 1, plan, tasks, stream_number=numbers, rng=random.Random(3))
    assert targets(found["default"]) == [2]


def test_all_reaches_every_task_and_global_the_lowest() -> None:
    route = routes(by(K.ALL, "s"), by(K.GLOBAL, "s"))["default"]
    assert sorted(targets(route)) == [2, 3, 4, 5]


@pytest.mark.parametrize("kind", [K.SHUFFLE, K.NONE, K.LOCAL_OR_SHUFFLE])
def test_shuffles_go_round_evenly(kind: GroupingKind) -> None:
    route = routes(by(kind, "s"))["default"]
    assert Counter(task for _ in range(30) for task in targets(route)) == {2: 10, 3: 10, 4: 10}


def test_two_tasks_of_one_spout_do_not_go_round_in_step() -> None:
    orders = set()
    for seed in range(20):
        plan = topology(spout("s", 1), bolt("b", 2, 3, 4, reads=["s"]))
        tasks: dict[int, LocalTask | RemoteTask] = {task: RemoteTask(task, 2) for task in (1, 2, 3, 4)}
        numbers = {("s", "default"): 0}
        route = build_routes(
            plan.component("s"), 1, plan, tasks, stream_number=numbers, rng=random.Random(seed)
        )["default"]
        orders.add(tuple(task for _ in range(3) for task in targets(route)))
    assert len(orders) > 1


def test_local_or_shuffle_keeps_to_its_own_container_while_it_has_tasks_there() -> None:
    route = routes(by(K.LOCAL_OR_SHUFFLE, "s"), here=(3,))["default"]
    assert {task for _ in range(9) for task in targets(route)} == {3}
    route = routes(by(K.LOCAL_OR_SHUFFLE, "s"), here=())["default"]
    assert {task for _ in range(9) for task in targets(route)} == {2, 3, 4}


def test_direct_consumers_are_no_part_of_an_ordinary_emit() -> None:
    route = routes(by(K.DIRECT, "s"), by(K.ALL, "s"))["default"]
    assert route.has_direct
    assert sorted(route.direct) == [2, 3, 4]
    assert targets(route) == [5, 6, 7]


def test_several_consumers_get_the_tuple_each() -> None:
    route = routes(by(K.FIELDS, "s", "default", "a"), by(K.SHUFFLE, "s"), by(K.GLOBAL, "s"))["default"]
    (a, b, c) = sorted(targets(route))
    assert (a in (2, 3, 4), b in (5, 6, 7), c) == (True, True, 8)


@settings(max_examples=200, deadline=None)
@given(key=JSON, other=JSON, indent=st.sampled_from([None, 1]), is_ascii=st.booleans())
def test_a_key_goes_where_java_sends_it_however_it_is_written(
    key: object, other: object, indent: int | None, is_ascii: bool
) -> None:
    route = routes(by(K.FIELDS, "s", "default", "b"), by(K.FIELDS, "s", "default", "b", "a"))["default"]
    text = json.dumps([other, key], indent=indent, ensure_ascii=is_ascii)
    for _ in range(2):  # the second time from the cache
        one, both = route.choose(msgspec.Raw(text.encode()))
        assert one[0].task == 2 + task_index([key], 3)
        assert both[0].task == 5 + task_index([key, other], 3)


def test_numbers_that_look_alike_are_different_keys() -> None:
    route = routes(by(K.FIELDS, "s", "default", "a"))["default"]
    for key in (1, 1.0, "1", True, None, 2**63, -(2**63) - 1):
        assert targets(route, [key, 0]) == [2 + task_index([key], 3)]


def test_joined_keys_do_not_run_into_each_other() -> None:
    route = routes(by(K.FIELDS, "s", "default", "a", "b"))["default"]
    for values in (['a","b', "c"], ["a", 'b","c'], [["a"], "b"], ["a", ["b"]]):
        assert targets(route, values) == [2 + task_index(values, 3)]


def test_very_many_and_very_long_keys_still_find_their_task() -> None:
    route = routes(by(K.FIELDS, "s", "default", "a"))["default"]
    for number in range(10_500):
        assert targets(route, [number, 0]) == [2 + task_index([number], 3)]
    long = "x" * 100_000
    assert targets(route, [long, 0]) == targets(route, [long, 0]) == [2 + task_index([long], 3)]


def test_a_tuple_without_the_key_is_bad() -> None:
    route = routes(by(K.FIELDS, "s", "default", "b"))["default"]
    with pytest.raises(BadTuple, match=r"a tuple has 1 values where 2 are declared: \['a', 'b'\]"):
        targets(route, ["x"])


def test_a_grouping_on_an_undeclared_field_is_the_topologys_error() -> None:
    with pytest.raises(TopologyError, match=r"a fields grouping on \['c'\] needs fields among \['a', 'b'\]"):
        routes(by(K.FIELDS, "s", "default", "c"))


def test_partial_key_shares_a_key_between_two_tasks_evenly_and_others_elsewhere() -> None:
    route = routes(by(K.PARTIAL_KEY, "s", "default", "b"))["default"]
    found = [targets(route, [n, "same"])[0] for n in range(20)]
    assert sorted(Counter(found).values()) == [10, 10]
    many = Counter(targets(route, ["x", f"key{n}"])[0] for n in range(300))
    assert set(many) == {2, 3, 4}
    assert max(many.values()) - min(many.values()) < 60


def test_partial_key_without_fields_takes_the_first_value() -> None:
    route = routes(by(K.PARTIAL_KEY, "s"))["default"]
    assert len({targets(route, ["same", n])[0] for n in range(20)}) == 2
    with pytest.raises(BadTuple, match="a tuple has 0 values where 2 are declared"):
        targets(route, [])


@pytest.mark.parametrize("kind", list(K))
def test_only_groupings_by_key_look_at_values(kind: GroupingKind) -> None:
    fields = ("a",) if kind is K.FIELDS else ()
    assert routes(by(kind, "s", "default", *fields))["default"].reads_values is (
        kind in (K.FIELDS, K.PARTIAL_KEY)
    )
