"""Topologies as values, and as JSON."""

from __future__ import annotations

import msgspec
import pytest

from scheduler.topology import (
    Component,
    Grouping,
    GroupingKind,
    Input,
    Stream,
    Topology,
    from_json,
    to_json,
)


def plan() -> Topology:
    return Topology(
        "t-1-17",
        "t",
        (
            Component(
                "__acker",
                False,
                (),
                {"__ack": Stream(("id",))},
                (Input("s", "default", Grouping(GroupingKind.FIELDS, ("id",))),),
                (1,),
                1,
                is_system=True,
            ),
            Component(
                "b",
                False,
                ("python", "b.py"),
                {},
                (
                    Input("s", "default", Grouping(GroupingKind.SHUFFLE)),
                    Input("s", "d", Grouping(GroupingKind.DIRECT)),
                ),
                (2, 3),
                1,
                {"own": [1, {"x": None}]},
            ),
            Component(
                "s", True, ("s",), {"default": Stream(("v",)), "d": Stream((), is_direct=True)}, (), (4,), 1
            ),
        ),
        {"own": 0, "topology.workers": 2, "é": 10**18},
    )


def test_json_gives_the_same_topology_back() -> None:
    assert from_json(to_json(plan())) == plan()


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", to_json(plan()).replace(b'"shuffle"', b'"shake"')])
def test_a_document_that_is_none_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        from_json(data)


def test_components_are_found_by_id() -> None:
    assert plan().component("b").tasks == (2, 3)
    with pytest.raises(KeyError):
        plan().component("c")


def test_tasks_know_their_component() -> None:
    assert plan().component_of() == {1: "__acker", 2: "b", 3: "b", 4: "s"}


def test_a_component_sets_its_conf_over_the_topologys() -> None:
    topology = plan()
    assert topology.component_conf(topology.component("b"))["own"] == [1, {"x": None}]
    assert topology.component_conf(topology.component("s"))["own"] == 0


def test_consumers_are_the_users_alone() -> None:
    assert [(c.component, g.kind) for c, g in plan().consumers("s", "default")] == [
        ("b", GroupingKind.SHUFFLE)
    ]
    assert plan().consumers("b", "default") == []
