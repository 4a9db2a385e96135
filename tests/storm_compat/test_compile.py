from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.topology import Component, Grouping, GroupingKind, Input, Stream, Topology, from_json, to_json
from storm_compat import conf as confs
from storm_compat.compile import MAX_TASKS, compile_topology, java_order
from storm_compat.errors import InvalidTopology
from tests.storm_compat.builders import bolt, common, grouping, java_part, spout, topology, word_count


def compiled(code: Any, **conf: Any) -> Topology:
    effective = confs.cluster({}) | {key.replace("__", "."): value for key, value in conf.items()}
    return compile_topology("t", "t-1-17", effective, code).topology


def tasks(code: Any, **conf: Any) -> dict[str, tuple[int, ...]]:
    return {c.component: c.tasks for c in compiled(code, **conf).components}


def complaint(code: Any, **conf: Any) -> str:
    with pytest.raises(InvalidTopology) as caught:
        compiled(code, **conf)
    return str(caught.value)


def test_a_topology_becomes_ours() -> None:
    found = compiled(word_count())
    assert [c.component for c in found.components] == ["__acker", "__system", "count", "words"]
    assert found.component("count") == Component(
        component="count",
        is_spout=False,
        command=("streamparse_run", "-s json bolts.x.X"),
        streams={"default": Stream(("word", "n"))},
        inputs=(Input("words", "default", Grouping(GroupingKind.FIELDS, ("word",))),),
        tasks=(2, 3),
        executor_count=2,
    )
    assert found.component("words").is_spout
    assert found.component("words").tasks == (4,)
    acker = found.component("__acker")
    assert (acker.is_system, acker.command, acker.tasks, acker.executor_count) == (True, (), (1,), 1)
    assert from_json(to_json(found)) == found


def test_task_ids_are_those_of_storm() -> None:
    """The example that was run against Storm: Count 1-2, __acker 3-4, metrics 5, split 6-7, words 8-10."""
    code = topology(
        {"words": spout(common(hint=3))},
        {"split": bolt(common(hint=2)), "Count": bolt(common(hint=2)), "z_custom": bolt()},
    )
    consumer = {"class": "org.X", "parallelism.hint": 1}
    found = tasks(code, topology__workers=2, topology__metrics__consumer__register=[consumer])
    assert found == {
        "Count": (1, 2),
        "__acker": (3, 4),
        "__metrics_org.X": (5,),
        "__system": (),
        "split": (6, 7),
        "words": (8, 9, 10),
        "z_custom": (11,),
    }


def test_ackers_follow_their_key_or_else_the_workers() -> None:
    assert tasks(word_count(), topology__workers=3)["__acker"] == (1, 2, 3)
    assert tasks(word_count(), topology__acker__executors=0)["__acker"] == ()
    assert tasks(word_count(), topology__workers=3, topology__acker__executors=1)["__acker"] == (1,)


def test_event_loggers_and_metrics_consumers_take_ids_when_they_are_asked_for() -> None:
    assert tasks(word_count(), topology__eventlogger__executors=2)["__eventlogger"] == (2, 3)
    twice = [{"class": "C", "parallelism.hint": 2}, {"class": "C", "parallelism.hint": 1}]
    found = tasks(word_count(), topology__metrics__consumer__register=twice)
    assert (found["__metrics_C"], found["__metrics_C#2"]) == ((2, 3), (4,))


def test_more_tasks_than_executors() -> None:
    code = topology({"a": spout(common(hint=2, conf={"topology.tasks": 5}))})
    component = compiled(code).component("a")
    assert (len(component.tasks), component.executor_count) == (5, 2)
    assert compiled(code, **{"topology.max.task.parallelism": 1}).component("a").executor_count == 1


def test_an_unset_hint_is_one() -> None:
    assert compiled(topology({"a": spout(common(hint=None))})).component("a").tasks == (2,)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2))
def test_strings_are_ordered_as_java_orders_them(pair: list[str]) -> None:
    def units(text: str) -> list[int]:
        return [
            unit
            for c in map(ord, text)
            for unit in (
                [c] if c < 0x10000 else [0xD800 + (c - 0x10000 >> 10), 0xDC00 + (c - 0x10000 & 0x3FF)]
            )
        ]

    first, second = pair
    assert (java_order(first) < java_order(second)) == (units(first) < units(second))


def test_java_puts_an_emoji_before_a_private_character() -> None:
    assert sorted(["\uffee", "\U0001f600"], key=java_order) == ["\U0001f600", "\uffee"]
    assert sorted(["split", "__acker", "C", "$"], key=java_order) == ["$", "C", "__acker", "split"]


@pytest.mark.parametrize(
    ("wire", "ours"),
    [
        (("fields", []), Grouping(GroupingKind.GLOBAL)),
        (("fields", ["word"]), Grouping(GroupingKind.FIELDS, ("word",))),
        (("shuffle", None), Grouping(GroupingKind.SHUFFLE)),
        (("all", None), Grouping(GroupingKind.ALL)),
        (("none", None), Grouping(GroupingKind.NONE)),
        (("direct", None), Grouping(GroupingKind.DIRECT)),
        (("local_or_shuffle", None), Grouping(GroupingKind.LOCAL_OR_SHUFFLE)),
    ],
)
def test_groupings(wire: tuple[str, Any], ours: Grouping) -> None:
    code = topology({"a": spout()}, {"b": bolt(common({("a", "default"): grouping(*wire)}))})
    assert compiled(code).component("b").inputs == (Input("a", "default", ours),)


def test_a_grouping_that_cannot_be_read_is_refused_with_its_place() -> None:
    code = topology(
        {"a": spout()}, {"b": bolt(common({("a", "default"): grouping("custom_serialized", b"x")}))}
    )
    assert complaint(code).startswith(
        "Component: [b] subscribes from stream: [default] of component [a] with a grouping that is Java code"
    )


def test_a_serialized_shell_component_becomes_ours_with_all_it_says() -> None:
    part = java_part("2.8.2", "stays")
    found = compiled(topology({"a": spout()}, {"b": bolt(part=part)})).component("b")
    assert found.command == ("python3", "café 😀.py", "a b", "")
    assert found.environment == {"PATH": "/opt/tools", "FOO": "bar"}
    assert found.changes_directory is False


@pytest.mark.parametrize(
    "break_it",
    [
        lambda code: setattr(code.spouts["words"], "common", None),
        lambda code: setattr(code, "bolts", None),
        lambda code: setattr(code.spouts["words"].spout_object, "serialized_java", b"x"),
        lambda code: setattr(code.spouts["words"].spout_object, "shell", None),
    ],
)
def test_a_topology_that_lacks_parts_is_refused(break_it: Any) -> None:
    code = word_count()
    break_it(code)
    assert complaint(code).startswith("topology")


def test_a_bolt_may_read_the_systems_streams() -> None:
    inputs = {("__system", "__tick"): grouping("shuffle"), ("a", "__metrics"): grouping("shuffle")}
    compiled(topology({"a": spout()}, {"b": bolt(common(inputs))}))


def test_components_keep_only_the_conf_that_counts() -> None:
    conf = {"topology.tick.tuple.freq.secs": 2, "topology.subprocess.timeout.secs": 9, "mine": [1]}
    found = compiled(topology({"a": spout(common(conf=conf))})).component("a")
    assert found.conf == {"topology.tick.tuple.freq.secs": 2, "mine": [1]}


def test_what_the_client_sent_is_not_changed() -> None:
    code, untouched = word_count(), word_count()
    result = compile_topology("t", "t-1-17", confs.cluster({}), code)
    assert code.bolts["count"].common.json_conf == untouched.bolts["count"].common.json_conf
    assert result.normalized.bolts["count"].common.json_conf == '{"topology.tasks": 2}'
    assert result.normalized.bolts.keys() == {"count"}


def test_no_slip_of_the_finger_takes_the_machine_down() -> None:
    assert str(MAX_TASKS) in complaint(topology({"a": spout(common(hint=2_000_000_000))}))
    assert str(MAX_TASKS) in complaint(word_count(), topology__acker__executors=2_000_000_000)


def test_the_clusters_limits_are_kept() -> None:
    text = complaint(word_count(), **{"nimbus.slots.perTopology": 1, "topology.workers": 2})
    assert text == "Failed to submit topology. Topology requests more than 1 workers."
    text = complaint(word_count(), **{"nimbus.executors.perTopology": 2})
    assert text == "Failed to submit topology. Topology requests more than 2 executors."


@pytest.mark.parametrize(
    ("conf", "text"),
    [
        (
            {"heronry.stream.queue.high.bytes": "x"},
            "heronry.stream.queue.high.bytes must be a number, not 'x'",
        ),
        ({"topology.tick.tuple.freq.secs": -1}, "topology.tick.tuple.freq.secs must be at least 0, not -1"),
        ({"topology.workers": None}, "Field TOPOLOGY_WORKERS cannot be null"),
    ],
)
def test_settings_that_no_container_could_start_with_are_refused(conf: dict[str, Any], text: str) -> None:
    assert complaint(word_count(), **conf) == text


def test_such_a_setting_of_one_component_is_refused_with_its_name() -> None:
    code = topology({"a": spout(common(conf={"heronry.spout.wait.patience": "x"}))})
    assert complaint(code) == "Component: [a] heronry.spout.wait.patience must be a number, not 'x'"


def test_more_processes_than_a_machine_can_bear_are_refused() -> None:
    assert complaint(topology({"a": spout(common(hint=99_000))})) == (
        "Failed to submit topology. It asks for 99000 tasks of spouts and bolts, each a process of its own; "
        "at most 5000"
    )


def test_a_component_may_hold_what_json_has_no_word_for() -> None:
    part = common()
    part.json_conf = '{"x": NaN, "y": 1e999}'
    assert compiled(topology({"a": spout(part)})).component("a").conf == {"x": None, "y": None}


def test_a_metrics_consumer_that_is_null_is_passed_over() -> None:
    consumers = [None, {"class": "C", "parallelism.hint": 1}]
    assert tasks(word_count(), topology__metrics__consumer__register=consumers)["__metrics_C"] == (2,)
