import json

import pytest

from storm_compat import conf as confs
from storm_compat.cli.exit_codes import ExitCode
from tests.storm_compat.builders import bolt, common, spout, topology

CLUSTER = confs.cluster({"topology.message.timeout.secs": 60}, {"storm.log.dir": "/logs"})


@pytest.fixture
def cluster(nimbus):
    nimbus.topologies["wc"] = "ACTIVE"
    nimbus.conf = CLUSTER
    nimbus.stored_conf = confs.stored(
        {"topology.workers": 3}, CLUSTER, topology_id="wc-1-17", name="wc", owner="me"
    )
    nimbus.code = topology(
        {"words": spout(common(conf={"topology.tick.tuple.freq.secs": 5, "topology.workers": 9}))},
        {"count": bolt()},
    )
    return nimbus


def settings(result):
    assert result.code == 0, result.err
    return {one["key"]: (one["value"], one["source"]) for one in json.loads(result.out)["settings"]}


def test_the_cluster_s_values_and_who_set_them(cluster, heronry):
    shown = settings(heronry("config", "show", "--nimbus", cluster.address, "--json"))
    assert shown["topology.workers"] == (1, "default")
    assert shown["topology.message.timeout.secs"] == (60, "cluster")
    assert shown.keys() == CLUSTER.keys()


def test_a_topology_s_values_and_who_set_them(cluster, heronry):
    shown = settings(heronry("config", "show", "wc", "--nimbus", cluster.address, "--json"))
    assert shown["topology.workers"] == (3, "topology")
    assert shown["topology.message.timeout.secs"] == (60, "cluster")
    assert shown["storm.id"] == ("wc-1-17", "nimbus")


def test_a_component_s_values_and_what_it_sets_in_vain(cluster, heronry):
    result = heronry("config", "show", "wc", "-c", "words", "--nimbus", cluster.address, "--json")
    shown = settings(result)
    assert shown["topology.tick.tuple.freq.secs"] == (5, "component")
    assert shown["topology.workers"] == (3, "topology")
    assert "count only for a topology: topology.workers" in result.err


def test_a_table_without_what_is_default(cluster, heronry):
    result = heronry("config", "show", "wc", "--changed", "--nimbus", cluster.address)
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == ["KEY", "VALUE", "SOURCE"]
    assert ["topology.workers", "3", "topology"] in rows
    assert ["storm.log.dir", "/logs", "cluster"] in rows
    assert "default" not in {row[-1] for row in rows}


def test_a_name_that_is_none_is_met_with_the_nearest(cluster, heronry):
    result = heronry("config", "show", "wcc", "--nimbus", cluster.address)
    assert (result.code, "Did you mean wc?" in result.err) == (ExitCode.NOT_FOUND, True)
    result = heronry("config", "show", "wc", "-c", "wrds", "--nimbus", cluster.address)
    assert (result.code, "Did you mean words?" in result.err) == (ExitCode.NOT_FOUND, True)
    result = heronry("config", "show", "wc", "-c", "x", "--nimbus", cluster.address)
    assert "It has: count, words" in result.err
    result = heronry("config", "show", "-c", "words", "--nimbus", cluster.address)
    assert result.code == ExitCode.USAGE
