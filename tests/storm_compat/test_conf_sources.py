from __future__ import annotations

from typing import Any

from storm_compat import conf as confs
from storm_compat.conf_sources import Setting, Source, ignored, of_cluster, of_topology

CLUSTER = confs.cluster({"topology.message.timeout.secs": 60, "mine": [1]}, {"nimbus.thrift.port": 7000})


def stored(**submitted: Any) -> dict[str, Any]:
    conf = {key.replace("__", "."): value for key, value in submitted.items()}
    return confs.stored(conf, CLUSTER, topology_id="wc-1-17", name="wc", owner="me")


def found(settings: list[Setting], *keys: str) -> list[tuple[Any, str]]:
    by_key = {setting.key: setting for setting in settings}
    assert list(by_key) == sorted(by_key)
    return [(by_key[key].value, by_key[key].source.value) for key in keys]


def test_a_cluster_has_defaults_and_what_was_set_for_it() -> None:
    settings = of_cluster(CLUSTER)
    keys = ("topology.workers", "topology.message.timeout.secs", "nimbus.thrift.port", "mine")
    assert found(settings, *keys) == [(1, "default"), (60, "cluster"), (7000, "cluster"), ([1], "cluster")]
    assert len(settings) == len(CLUSTER)


def test_a_topology_shows_what_was_submitted_and_what_nimbus_put_in() -> None:
    settings = of_topology(CLUSTER, stored(topology__workers=3, own="x", topology__debug=None))
    assert found(settings, "topology.workers", "own", "topology.debug") == [
        (3, "topology"),
        ("x", "topology"),
        (None, "topology"),
    ]
    assert found(settings, "storm.id", "topology.name", "topology.users") == [
        ("wc-1-17", "nimbus"),
        ("wc", "nimbus"),
        (["me"], "nimbus"),
    ]
    assert found(settings, "topology.message.timeout.secs", "topology.max.spout.pending") == [
        (60, "cluster"),
        (None, "default"),
    ]


def test_what_nimbus_fills_in_from_the_cluster_is_the_cluster_s() -> None:
    key = "topology.eventlogger.executors"
    assert found(of_topology(CLUSTER, stored()), key) == [(CLUSTER[key], "default")]
    assert found(of_topology(CLUSTER, stored(topology__eventlogger__executors=2)), key) == [(2, "topology")]


def test_classes_for_kryo_are_the_topology_s_if_there_are_any() -> None:
    key = "topology.kryo.register"
    assert found(of_topology(CLUSTER, stored()), key) == [({}, "nimbus")]
    with_class = stored(topology__kryo__register=["a.B"])
    assert found(of_topology(CLUSTER, with_class), key) == [({"a.B": None}, "topology")]


def test_what_only_the_cluster_decides_is_not_the_topology_s() -> None:
    key = "nimbus.slots.perTopology"
    (value, source) = found(of_topology(CLUSTER, stored(nimbus__slots__perTopology=99)), key)[0]
    assert (value, source) != (99, "topology")
    assert value == CLUSTER.get(key)


def test_a_component_sets_what_storm_lets_it_and_all_that_is_not_storm_s() -> None:
    own = {"topology.debug": True, "topology.workers": 9, "own": 1, "topology.tasks": 4}
    settings = of_topology(CLUSTER, stored(topology__workers=3), own)
    assert found(settings, "topology.debug", "own", "topology.workers") == [
        (True, "component"),
        (1, "component"),
        (3, "topology"),
    ]
    assert ignored(own) == ["topology.workers"]


def test_every_source_has_a_word() -> None:
    assert [source.value for source in Source] == ["default", "cluster", "nimbus", "topology", "component"]
