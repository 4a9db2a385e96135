from __future__ import annotations

import json
import math
from typing import Any

import pytest

from storm_compat import conf
from storm_compat.errors import InvalidConf
from storm_compat.keys import DEFAULTS, RULES


def complaint(**values: Any) -> str:
    with pytest.raises(InvalidConf) as caught:
        conf.check({key.replace("__", "."): value for key, value in values.items()})
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "Field TOPOLOGY_WORKERS must be a Positive Number"),
        (-1, "Field TOPOLOGY_WORKERS must be a Positive Number"),
        ("2", "Field TOPOLOGY_WORKERS must be an Integer within type range."),
        (1.5, "Field TOPOLOGY_WORKERS must be an Integer within type range."),
        (3_000_000_000, "Field TOPOLOGY_WORKERS must be an Integer within type range."),
        (True, "Field TOPOLOGY_WORKERS must be an Integer within type range."),
        (math.nan, "Field TOPOLOGY_WORKERS must be an Integer within type range."),
        (math.inf, "Field TOPOLOGY_WORKERS must be an Integer within type range."),
    ],
)
def test_a_wrong_number_of_workers_is_refused_in_storms_words(value: Any, text: str) -> None:
    assert complaint(topology__workers=value) == text


def test_a_text_for_a_boolean_is_refused_in_storms_words() -> None:
    assert complaint(topology__debug="true") == (
        "Field TOPOLOGY_DEBUG must be of type class java.lang.Boolean. "
        "Object: true actual type: class java.lang.String"
    )


def test_a_number_for_a_string_shows_its_java_type() -> None:
    assert complaint(topology__name=5_000_000_000) == (
        "Field TOPOLOGY_NAME must be of type class java.lang.String. "
        "Object: 5000000000 actual type: class java.lang.Long"
    )


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        (
            "topology.auto.task.hooks",
            "x",
            "Field TOPOLOGY_AUTO_TASK_HOOKS must be an Iterable but was a class java.lang.String",
        ),
        (
            "topology.auto.task.hooks",
            [1],
            "nullEach element of the list TOPOLOGY_AUTO_TASK_HOOKS must be a java.lang.String. (1)",
        ),
        (
            "topology.environment",
            {"A": 1},
            "Each value in the map TOPOLOGY_ENVIRONMENT must be a java.lang.String. (1)",
        ),
        ("topology.environment", [], "Field TOPOLOGY_ENVIRONMENT must be a Map"),
        (
            "topology.kryo.register",
            {"a": "b"},
            "Field TOPOLOGY_KRYO_REGISTER must be an Iterable containing only Strings or Maps of Strings",
        ),
        (
            "topology.metrics.consumer.register",
            [{"class": "C"}],
            (
                "Field TOPOLOGY_METRICS_CONSUMER_REGISTER list entry must have map entry "
                "with key: parallelism.hint"
            ),
        ),
        (
            "topology.message.timeout.secs",
            None,
            "Field TOPOLOGY_MESSAGE_TIMEOUT_SECScannot be null! Actual value: null",
        ),
        ("topology.priority", -1, "Field TOPOLOGY_PRIORITY must be a Positive Number"),
    ],
)
def test_other_types_are_refused_in_storms_words(key: str, value: Any, text: str) -> None:
    with pytest.raises(InvalidConf) as caught:
        conf.check({key: value})
    assert str(caught.value) == text


def test_unknown_keys_nulls_and_whole_floats_pass() -> None:
    conf.check(
        {
            "my.key": object(),
            "topology.workers": 2.0,
            "topology.max.spout.pending": None,
            "topology.users": "me",
            "topology.worker.childopts": ["-Xmx1g"],
            "topology.priority": 0,
        }
    )


def test_the_first_broken_key_in_storms_order_is_reported() -> None:
    assert complaint(topology__workers=0, topology__debug=1).startswith("Field TOPOLOGY_DEBUG")


def test_the_defaults_keep_their_own_rules() -> None:
    conf.check(DEFAULTS)
    assert len(RULES) == 318


def test_text_of_python_and_of_java_reads_alike() -> None:
    assert conf.parse('{"a": "x/y", "b": 1}') == conf.parse('{"a":"x\\/y","b":1}') == {"a": "x/y", "b": 1}


def test_what_storms_parser_forgives_is_forgiven() -> None:
    parsed = conf.parse('\ufeff {"a": 1, "a": 2, "n": NaN, "s": "tab\there", "big": 12345678901} trailing')
    assert math.isnan(parsed.pop("n"))
    assert parsed == {"a": 2, "s": "tab\there", "big": 12345678901}


@pytest.mark.parametrize(
    "text",
    [None, "", "null", "[]", "3", "no json", '{"a": 1', '{"a": ' + "[" * 100_000, '{"a": 1e9999999}x'[:3]],
)
def test_anything_but_an_object_is_refused(text: str | None) -> None:
    with pytest.raises(InvalidConf, match="must be a JSON object"):
        conf.parse(text)


def test_half_a_character_cannot_be_kept() -> None:
    with pytest.raises(InvalidConf, match="cannot be stored"):
        conf.parse('{"a": "\\ud800"}')


def stored(submitted: dict[str, Any]) -> dict[str, Any]:
    return conf.stored(submitted, conf.cluster({}), topology_id="wc-1-17", name="wc", owner="me")


def test_what_is_stored_holds_storms_additions_and_not_its_secrets() -> None:
    found = stored(
        {
            "topology.workers": 2.0,
            "mine": None,
            "topology.users": ["you", None],
            "storm.zookeeper.topology.auth.payload": "1:2",
            "topology.kryo.register": ["A", {"B": "C"}],
        }
    )
    assert found["topology.workers"] == 2
    assert type(found["topology.workers"]) is int
    assert found["mine"] is None
    assert found["topology.users"] == ["me", "you"]
    assert found["topology.kryo.register"] == {"A": None, "B": "C"}
    assert found["storm.id"] == "wc-1-17"
    assert found["topology.name"] == "wc"
    assert found["topology.submitter.principal"] == ""
    assert found["topology.submitter.user"] == "me"
    assert found["topology.acker.executors"] is None
    assert "storm.zookeeper.topology.auth.payload" not in found
    assert "nimbus.seeds" not in found
    json.dumps(found)


def test_a_null_hides_the_clusters_default() -> None:
    cluster = conf.cluster({"topology.debug": True, "topology.max.spout.pending": 7})
    effective = conf.effective(cluster, {"topology.max.spout.pending": None})
    assert effective["topology.max.spout.pending"] is None
    assert effective["topology.debug"] is True
    assert effective["topology.message.timeout.secs"] == 30


def test_a_cluster_override_is_checked_like_a_submission() -> None:
    with pytest.raises(InvalidConf, match="TOPOLOGY_WORKERS"):
        conf.cluster({"topology.workers": 0})


def test_a_component_keeps_its_own_keys_and_the_few_of_storms_that_count() -> None:
    own = conf.parse_component(
        "b",
        '{"topology.tick.tuple.freq.secs": 5.0, "topology.tasks": 4, '
        '"topology.message.timeout.secs": 9, "k": 1}',
    )
    assert own["topology.tasks"] == 4
    assert conf.component(own) == {"topology.tick.tuple.freq.secs": 5, "k": 1}


@pytest.mark.parametrize("text", [None, "", " ", "null", "{}"])
def test_a_component_may_set_nothing(text: str | None) -> None:
    assert conf.parse_component("b", text) == {}


def test_a_components_wrong_value_names_the_component() -> None:
    with pytest.raises(
        InvalidConf, match=r"Component: \[b\] Field TOPOLOGY_TICK_TUPLE_FREQ_SECS must be an Integer"
    ):
        conf.parse_component("b", '{"topology.tick.tuple.freq.secs": 0.5}')


@pytest.mark.parametrize(
    ("topology_wide", "own", "hint", "count"),
    [
        ({}, {}, 3, 3),
        ({}, {"topology.tasks": 5}, 3, 5),
        ({"topology.tasks": 2}, {}, 3, 2),
        ({"topology.max.task.parallelism": 2}, {"topology.tasks": 5}, 3, 2),
        ({"topology.max.task.parallelism": 9}, {"topology.max.task.parallelism": 1}, 3, 1),
        ({}, {"topology.tasks": 0}, 3, 0),
    ],
)
def test_tasks_come_from_tasks_or_hint_below_the_most(
    topology_wide: dict[str, Any], own: dict[str, Any], hint: int, count: int
) -> None:
    assert conf.task_count(topology_wide, own, hint) == count


def test_nan_for_a_text_is_refused_in_storms_words() -> None:
    assert complaint(topology__name=math.nan) == (
        "Field TOPOLOGY_NAME must be of type class java.lang.String. "
        "Object: NaN actual type: class java.lang.Double"
    )


def test_a_submission_cannot_raise_the_clusters_limits() -> None:
    cluster = {**conf.cluster({}), "nimbus.slots.perTopology": 2}
    submitted = {"nimbus.slots.perTopology": 9, "nimbus.topology.validator": "x"}
    found = conf.effective(cluster, submitted)
    assert found["nimbus.slots.perTopology"] == 2
    assert found["nimbus.topology.validator"] is None
