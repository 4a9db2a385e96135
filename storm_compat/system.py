"""The parts of a topology that Storm adds on its own: ackers, event loggers, metrics consumers.

`with_system_parts` returns a new StormTopology and leaves the given one as it
is.  It is what getTopology shows, what inputs are checked against, and what
task ids are counted over, for a system component has ids like any other.
None of them has a process here: acks are counted by the stream managers, and
metrics consumers are Java classes, of which the one that logs is built in
(`scheduler.run.measures`).

Source: storm:storm-client/src/jvm/org/apache/storm/daemon/StormCommon.java
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import simplejson

from storm_compat.conf import parse_component
from storm_compat.thrift import idl

ACKER: Final = "__acker"
EVENT_LOGGER: Final = "__eventlogger"
SYSTEM: Final = "__system"

_INIT, _ACK, _FAIL, _RESET = "__ack_init", "__ack_ack", "__ack_fail", "__ack_reset_timeout"
_CLASSES: Final = {
    ACKER: "org.apache.storm.daemon.Acker",
    EVENT_LOGGER: "org.apache.storm.metric.EventLoggerBolt",
    SYSTEM: "org.apache.storm.metric.SystemBolt",
}
_METRICS_CONSUMER: Final = "org.apache.storm.metric.MetricsConsumerBolt"


def acker_count(conf: Mapping[str, Any]) -> int:
    """Return how many ackers a topology has; unset means one a worker."""
    return _count(conf, "topology.acker.executors")


def event_logger_count(conf: Mapping[str, Any]) -> int:
    """Return how many event loggers a topology has; unset means one a worker."""
    return _count(conf, "topology.eventlogger.executors")


def with_system_parts(topology: Any, conf: Mapping[str, Any]) -> Any:
    """Return a StormTopology with the system's components and streams added to a user's.

    Args:
        topology: a StormTopology that `storm_compat.validate.basic` lets pass.
        conf: the effective conf of the topology.
    """
    storm = idl.load()
    whole = storm.StormTopology(
        spouts={c: storm.SpoutSpec(s.spout_object, _copy(s.common)) for c, s in topology.spouts.items()},
        bolts={c: storm.Bolt(b.bolt_object, _copy(b.common)) for c, b in topology.bolts.items()},
        state_spouts=dict(topology.state_spouts or {}),
        worker_hooks=topology.worker_hooks,
        dependency_jars=topology.dependency_jars,
        dependency_artifacts=topology.dependency_artifacts,
        storm_version=topology.storm_version,
        jdk_version=topology.jdk_version,
        component_to_shared_memory=topology.component_to_shared_memory,
        shared_memory=topology.shared_memory,
    )
    _add_ackers(whole, conf)
    if event_logger_count(conf) > 0:
        _add_event_loggers(whole, conf)
    consumers = _metrics_consumers(conf)
    users = [*whole.spouts, *whole.bolts]
    for component, hint in consumers:
        inputs = {storm.GlobalStreamId(c, "__metrics"): _grouping("shuffle") for c in (*users, SYSTEM)}
        whole.bolts[component] = _bolt(_METRICS_CONSUMER, inputs, {}, hint, {"topology.tasks": hint})
    system_streams = {"__tick": ["rate_secs"], "__flush": [], "__metrics_tick": ["interval"]}
    whole.bolts[SYSTEM] = _bolt(_CLASSES[SYSTEM], {}, _streams(system_streams), 0, {"topology.tasks": 0})
    for common in _commons(whole):
        common.streams |= _streams({"__metrics": ["task-info", "data-points"], "__system": ["event"]})
    return whole


def _add_ackers(whole: Any, conf: Mapping[str, Any]) -> None:
    timeout_s = conf.get("topology.message.timeout.secs")
    storm = idl.load()
    inputs = {}
    for component, spout in whole.spouts.items():
        spout.common.streams |= _streams({_INIT: ["id", "init-val", "spout-task"]})
        for stream in (_ACK, _FAIL, _RESET):
            spout.common.inputs[storm.GlobalStreamId(ACKER, stream)] = _grouping("direct")
        _set_conf(component, spout.common, {"topology.tick.tuple.freq.secs": timeout_s})
        inputs[storm.GlobalStreamId(component, _INIT)] = _by_fields("id")
    for component, bolt in whole.bolts.items():
        bolt.common.streams |= _streams({_ACK: ["id", "ack-val"], _FAIL: ["id"], _RESET: ["id"]})
        for stream in (_ACK, _FAIL, _RESET):
            inputs[storm.GlobalStreamId(component, stream)] = _by_fields("id")
    answers = _streams({stream: ["id", "time-delta-ms"] for stream in (_ACK, _FAIL, _RESET)}, is_direct=True)
    count = acker_count(conf)
    own = {"topology.tasks": count, "topology.tick.tuple.freq.secs": timeout_s}
    whole.bolts[ACKER] = _bolt(_CLASSES[ACKER], inputs, answers, count, own)


def _add_event_loggers(whole: Any, conf: Mapping[str, Any]) -> None:
    storm = idl.load()
    inputs = {}
    for component in (*whole.spouts, *whole.bolts):
        inputs[storm.GlobalStreamId(component, "__eventlog")] = _by_fields("component-id")
    for common in _commons(whole):
        common.streams |= _streams({"__eventlog": ["component-id", "message-id", "ts", "values"]})
    count = event_logger_count(conf)
    whole.bolts[EVENT_LOGGER] = _bolt(_CLASSES[EVENT_LOGGER], inputs, {}, count, {"topology.tasks": count})


def _metrics_consumers(conf: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return component id and parallelism of each consumer; the second of a class is called ``...#2``."""
    consumers: list[tuple[str, int]] = []
    seen: dict[str, int] = {}
    for entry in conf.get("topology.metrics.consumer.register") or ():
        if entry is None:  # Storm's rule lets it pass
            continue
        name = f"__metrics_{entry['class']}"
        seen[name] = seen.get(name, 0) + 1
        number = "" if seen[name] == 1 else f"#{seen[name]}"
        hint = entry.get("parallelism.hint")
        consumers.append((name + number, 1 if hint is None else int(hint)))
    return consumers


def _count(conf: Mapping[str, Any], key: str) -> int:
    count = conf.get(key)
    return int(conf["topology.workers"] if count is None else count)


def _commons(whole: Any) -> Iterable[Any]:
    return [spec.common for part in (whole.spouts, whole.bolts) for spec in part.values()]


def _copy(common: Any) -> Any:
    """Return a ComponentCommon whose maps can be added to."""
    return idl.load().ComponentCommon(
        inputs=dict(common.inputs),
        streams=dict(common.streams),
        parallelism_hint=common.parallelism_hint,
        json_conf=common.json_conf,
    )


def _set_conf(component: str, common: Any, values: Mapping[str, Any]) -> None:
    common.json_conf = simplejson.dumps(
        {**parse_component(component, common.json_conf), **values}, ignore_nan=True
    )


def _bolt(java_class: str, inputs: Any, streams: Any, hint: int, own: Mapping[str, Any]) -> Any:
    storm = idl.load()
    return storm.Bolt(
        storm.ComponentObject(java_object=storm.JavaObject(java_class, [])),
        storm.ComponentCommon(
            inputs=inputs, streams=streams, parallelism_hint=hint, json_conf=simplejson.dumps(own)
        ),
    )


def _streams(fields_of: Mapping[str, list[str]], *, is_direct: bool = False) -> dict[str, Any]:
    storm = idl.load()
    return {stream: storm.StreamInfo(fields, is_direct) for stream, fields in fields_of.items()}


def _grouping(arm: str) -> Any:
    storm = idl.load()
    return storm.Grouping(**{arm: storm.NullStruct()})


def _by_fields(*fields: str) -> Any:
    return idl.load().Grouping(fields=list(fields))
