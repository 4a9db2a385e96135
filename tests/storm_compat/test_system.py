from __future__ import annotations

import json
from typing import Any

from storm_compat import conf as confs
from storm_compat import validate
from storm_compat.system import acker_count, event_logger_count, with_system_parts
from storm_compat.thrift.check import check
from tests.storm_compat.builders import word_count


def whole(**conf: Any) -> Any:
    return with_system_parts(
        word_count(), confs.cluster({key.replace("__", "."): value for key, value in conf.items()})
    )


def inputs(common: Any) -> set[tuple[str, str, str]]:
    return {
        (
            source.componentId,
            source.streamId,
            next(arm for arm, value in vars(grouping).items() if value is not None),
        )
        for source, grouping in common.inputs.items()
    }


def test_a_whole_topology_is_complete_and_hangs_together() -> None:
    consumers = [{"class": "C", "parallelism.hint": 1}]
    found = whole(topology__eventlogger__executors=1, topology__metrics__consumer__register=consumers)
    check(found, "topology")
    validate.structure(found)
    assert set(found.bolts) == {"count", "__acker", "__eventlogger", "__metrics_C", "__system"}
    assert set(found.spouts) == {"words"}


def test_ackers_read_from_all_and_answer_the_spouts() -> None:
    found = whole()
    assert inputs(found.bolts["__acker"].common) == {
        ("words", "__ack_init", "fields"),
        ("count", "__ack_ack", "fields"),
        ("count", "__ack_fail", "fields"),
        ("count", "__ack_reset_timeout", "fields"),
    }
    assert inputs(found.spouts["words"].common) == {
        ("__acker", "__ack_ack", "direct"),
        ("__acker", "__ack_fail", "direct"),
        ("__acker", "__ack_reset_timeout", "direct"),
    }
    streams = found.bolts["__acker"].common.streams
    assert {name: info.output_fields for name, info in streams.items() if info.direct} == {
        key: ["id", "time-delta-ms"] for key in ("__ack_ack", "__ack_fail", "__ack_reset_timeout")
    }


def test_a_spout_ticks_with_the_message_timeout() -> None:
    found = whole(topology__message__timeout__secs=7)
    assert json.loads(found.spouts["words"].common.json_conf) == {"topology.tick.tuple.freq.secs": 7}


def test_the_users_topology_stays_as_it_is() -> None:
    code = word_count()
    with_system_parts(code, confs.cluster({}))
    assert set(code.bolts) == {"count"}
    assert set(code.bolts["count"].common.streams) == {"default"}
    assert code.spouts["words"].common.inputs == {}


def test_counts_follow_the_workers_when_they_are_null() -> None:
    conf = confs.cluster({"topology.workers": 3, "topology.eventlogger.executors": None})
    assert (acker_count(conf), event_logger_count(conf)) == (3, 3)
    assert (acker_count(confs.cluster({})), event_logger_count(confs.cluster({}))) == (1, 0)
