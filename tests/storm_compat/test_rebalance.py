"""What a rebalance may ask for, and what it makes of a topology."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from scheduler.packing.repack import Changes, Move
from scheduler.packing.round_robin import round_robin
from scheduler.plan import Instance
from scheduler.state.records import RebalanceRecord, SubmissionRecord
from storm_compat import conf as confs
from storm_compat import rebalance
from storm_compat.alive import Kept
from storm_compat.compile import compile_topology
from storm_compat.errors import InvalidConf, InvalidTopology
from storm_compat.thrift import idl
from tests.storm_compat.builders import bolt, common, spout, topology, word_count


def kept(**conf: Any) -> Kept:
    """Return word count, of the tasks words 4 and count 2, 3 (1 is the acker's), in one container."""
    whole = confs.effective(confs.cluster({}), {"topology.acker.executors": 1, **conf})
    compiled = compile_topology("wc", "wc-1-17", whole, word_count())
    return Kept(compiled.topology, SubmissionRecord(1.0, "me"), round_robin(compiled.topology, 1))


def order(**options: Any) -> RebalanceRecord:
    return rebalance.order(kept(), idl.load().RebalanceOptions(**options))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"num_executors": {"x": 2}},
            "Invalid component x for topology wc, valid values are count,words",
        ),
        (
            {"topology_resources_overrides": {"x": {"cpu": 2.0}}},
            "Invalid component x for topology wc, valid values are count,words",
        ),
        (
            {"topology_resources_overrides": {"count": {"cpu": math.nan}}},
            "Component count cannot need nan of cpu",
        ),
        (
            {"topology_resources_overrides": {"count": {"cpu": -1.0}}},
            "Component count cannot need -1.0 of cpu",
        ),
        ({"num_executors": {"count": 0}}, "Number of executors must be greater than 0"),
        ({"num_executors": {"x": -1}}, "Number of executors must be greater than 0"),
        ({"num_workers": 0}, "Number of workers must be greater than 0"),
    ],
)
def test_what_cannot_be_is_refused_with_storms_texts(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidTopology) as caught:
        order(**options)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "overrides",
    ["[]", "{", '{"topology.workers": 0}', '{"heronry.stream.queue.high.bytes": 1}'],
)
def test_overrides_that_could_not_run_are_refused_before_anything_happens(overrides: str) -> None:
    with pytest.raises(InvalidConf):
        order(topology_conf_overrides=overrides)


def test_what_says_who_the_topology_is_cannot_be_overridden() -> None:
    text = json.dumps(
        {
            "topology.submitter.principal": "eve",
            "topology.submitter.user": "eve",
            "storm.zookeeper.superACL": "x",
            "storm.zookeeper.topology.auth.scheme": "x",
            "storm.zookeeper.topology.auth.payload": "x",
            "storm.local.hostname": "x",
            "storm.id": "other-1-1",
            "topology.max.spout.pending": 7.0,
        }
    )
    assert order(topology_conf_overrides=text).conf == {"topology.max.spout.pending": 7}


def test_no_options_spread_what_there_is() -> None:
    assert rebalance.order(kept(), None) == RebalanceRecord() == order()


def test_system_components_are_known() -> None:
    record = order(num_executors={"__acker": 5, "__other": 1})
    assert rebalance.carried_out(kept(), record, 4).executors == {}


def test_executors_are_capped_by_tasks_and_move_nothing() -> None:
    done = rebalance.carried_out(kept(), order(num_executors={"count": 1, "words": 9}), 4)
    assert done.executors == {"count": (2, 1)}
    assert done.changes == Changes((), (), ())
    assert done.after.packing is done.before.packing
    assert [c.tasks for c in done.after.topology.components] == [
        c.tasks for c in done.before.topology.components
    ]


def test_more_workers_are_more_containers_as_far_as_there_are_slots() -> None:
    done = rebalance.carried_out(kept(), order(num_workers=9), 2)
    assert done.changes == Changes((Move(Instance("count", 3), 1, 2),), started=(2,), stopped=())
    assert done.restarted == []
    assert rebalance.carried_out(done.after, order(), 2).after == done.after


def test_another_conf_restarts_whom_it_concerns_and_is_a_plan_of_its_own() -> None:
    done = rebalance.carried_out(kept(), order(topology_conf_overrides='{"my.key": 1}'), 4)
    assert done.restarted == ["count", "words"]
    assert done.after.topology.conf["my.key"] == 1
    assert done.after.packing.version == done.before.packing.version + 1
    assert done.changes == Changes((), (), ())


def test_a_conf_that_all_have_already_restarts_nobody() -> None:
    before = kept(**{"my.key": 1})
    done = rebalance.carried_out(before, order(topology_conf_overrides='{"my.key": 1}'), 4)
    assert done.restarted == []


def test_resources_are_kept_with_the_components() -> None:
    code = topology({"a": spout(common(conf={"x": 1}))}, {"b": bolt()})
    for resources in ({"a": {"cpu": 1.0}}, {"a": {"memory": 2.0}}):
        code = rebalance.with_resources(code, resources)
    assert json.loads(code.spouts["a"].common.json_conf) == {
        "x": 1,
        "topology.component.resources.map": {"cpu": 1.0, "memory": 2.0},
    }
    assert code.bolts["b"].common.json_conf is None
