"""From the Thrift topology that a client sent to the topology that the scheduler runs.

    check shape -> demands -> normalize -> validate -> add system parts -> validate inputs
    -> refuse what we cannot run -> number the tasks

Task ids are Storm's to the last digit, because users see them and fields
groupings depend on their order: components ascending as Java compares
strings, system components included, ids from 1 without a gap.

Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java (normalizeTopology)
Source: storm:storm-client/src/jvm/org/apache/storm/daemon/StormCommon.java (stormTaskInfo)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import simplejson

from multilang.errors import UnknownSerializer
from multilang.java_object import ShellObject
from multilang.serializer import serializer_of
from scheduler.config import StreamConfig
from scheduler.errors import TopologyError
from scheduler.topology import Component, Input, Stream, Topology
from storm_compat import conf as confs
from storm_compat import validate
from storm_compat.errors import InvalidConf, InvalidTopology
from storm_compat.groupings import NoGrouping, grouping
from storm_compat.programs import programs
from storm_compat.system import with_system_parts
from storm_compat.thrift import idl
from storm_compat.thrift.check import CheckError, check

MAX_TASKS: Final = 100_000
"""Of one topology, system tasks included."""

MAX_PROCESSES: Final = 5_000
"""Tasks of one topology that are processes: a slip of the finger must not take the machine down."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a submission becomes."""

    topology: Topology
    normalized: Any
    """The StormTopology of the user with ``topology.tasks`` filled in: what is kept and handed out again."""

    java_classes: Mapping[str, tuple[str, ...]]
    """Component id -> the user's Java classes of a shell component that came as an object; else empty."""


def compile_topology(name: str, topology_id: str, conf: Mapping[str, Any], submitted: Any) -> Compiled:
    """Return the topology to run, and the Thrift form to keep.

    Args:
        name: as the client chose it.
        topology_id: as it will be known from now on.
        conf: the effective conf, that is, the cluster's below what was submitted.
        submitted: the StormTopology, straight from the wire; not changed.

    Raises:
        InvalidTopology: it does not hang together (Storm's texts), or we cannot run it (ours).
    """
    if conf.get("topology.workers") is None:
        raise InvalidTopology("Field TOPOLOGY_WORKERS cannot be null")
    try:
        check(submitted, "topology")
    except CheckError as exc:
        raise InvalidTopology(str(exc)) from exc
    validate.demands(name, submitted, conf)
    normalized = normalize(submitted, conf)
    validate.basic(normalized)
    whole = with_system_parts(normalized, conf)
    validate.structure(whole)
    _limits(whole, conf)
    _refuse_state_spouts(normalized)
    shells = programs(normalized)
    topology = Topology(topology_id, name, _components(normalized, whole, shells), dict(conf))
    refuse_unusable_settings(topology)
    java_classes = {component: shell.classes for component, shell in shells.items()}
    return Compiled(topology, normalized, java_classes)


def java_order(text: str) -> bytes:
    """Return a sort key that orders strings as Java does: by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def normalize(submitted: Any, conf: Mapping[str, Any]) -> Any:
    """Return a StormTopology in whose components ``json_conf`` says how many tasks there are."""
    storm = idl.load()
    normalized = storm.StormTopology(**vars(submitted))
    normalized.spouts = {
        component: storm.SpoutSpec(spec.spout_object, _with_task_count(component, spec.common, conf))
        for component, spec in submitted.spouts.items()
    }
    normalized.bolts = {
        component: storm.Bolt(spec.bolt_object, _with_task_count(component, spec.common, conf))
        for component, spec in submitted.bolts.items()
    }
    return normalized


def _with_task_count(component: str, common: Any, conf: Mapping[str, Any]) -> Any:
    own = confs.parse_component(component, common.json_conf)
    own["topology.tasks"] = confs.task_count(conf, own, _hint(common))
    return idl.load().ComponentCommon(
        common.inputs, common.streams, common.parallelism_hint, simplejson.dumps(own, ignore_nan=True)
    )


def _components(normalized: Any, whole: Any, shells: Mapping[str, ShellObject]) -> tuple[Component, ...]:
    """Return all components, ascending, with their task ids."""
    commons = dict(validate.commons(whole))
    streams = {component: common.streams for component, common in commons.items()}
    components = []
    first = 1
    for component in sorted(commons, key=java_order):
        count = _task_count(component, commons[component])
        tasks = tuple(range(first, first + count))
        first += count
        if component in shells:
            spec = normalized.spouts.get(component) or normalized.bolts[component]
            components.append(_user_component(component, spec.common, tasks, shells[component], streams))
        else:
            components.append(_system_component(component, commons[component], tasks, streams))
    return tuple(components)


def _user_component(
    component: str, common: Any, tasks: tuple[int, ...], shell: ShellObject, streams: Mapping[str, Any]
) -> Component:
    return Component(
        component=component,
        is_spout=shell.is_spout,
        command=shell.command,
        streams=_streams(common),
        inputs=_inputs(component, common, streams),
        tasks=tasks,
        executor_count=min(_hint(common), len(tasks)),
        conf=confs.component(confs.parse_component(component, common.json_conf)),
        environment=shell.environment,
        changes_directory=shell.changes_directory,
    )


def _system_component(
    component: str, common: Any, tasks: tuple[int, ...], streams: Mapping[str, Any]
) -> Component:
    return Component(
        component=component,
        is_spout=False,
        command=(),
        streams=_streams(common),
        inputs=_inputs(component, common, streams),
        tasks=tasks,
        executor_count=min(_hint(common), len(tasks)),
        is_system=True,
    )


def _streams(common: Any) -> dict[str, Stream]:
    return {
        stream: Stream(tuple(info.output_fields), is_direct=info.direct)
        for stream, info in common.streams.items()
    }


def _inputs(component: str, common: Any, streams: Mapping[str, Any]) -> tuple[Input, ...]:
    """Return the subscriptions, ascending; of two to the same stream the last counts, as in Java's map."""
    groupings = {(i.componentId, i.streamId): grouping for i, grouping in common.inputs.items()}
    inputs = []
    for source, stream in sorted(groupings, key=lambda key: (java_order(key[0]), java_order(key[1]))):
        try:
            found = grouping(groupings[source, stream], streams[source][stream].output_fields)
        except NoGrouping as exc:
            raise InvalidTopology(
                f"Component: [{component}] subscribes from stream: [{stream}] of component [{source}] "
                f"with {exc}"
            ) from exc
        inputs.append(Input(source, stream, found))
    return tuple(inputs)


def _refuse_state_spouts(normalized: Any) -> None:
    if normalized.state_spouts:
        raise InvalidTopology(
            f"State spouts are not supported: [{', '.join(sorted(normalized.state_spouts))}]"
        )


def refuse_unusable_settings(topology: Topology) -> None:
    """Raise if a container could not read its settings; better here than each time it is started."""
    try:
        StreamConfig.from_conf(topology.conf)
        serializer_of((), topology.conf.get("topology.multilang.serializer"))
    except (TopologyError, UnknownSerializer) as exc:
        raise InvalidConf(str(exc)) from exc
    for component in topology.components:
        try:
            StreamConfig.from_conf(topology.component_conf(component))
        except TopologyError as exc:
            raise InvalidConf(f"Component: [{component.component}] {exc}") from exc


def _limits(whole: Any, conf: Mapping[str, Any]) -> None:
    """Raise if a topology asks for more than the cluster gives to one; Storm's limits have no default."""
    workers_most = conf.get("nimbus.slots.perTopology")
    if workers_most is not None and conf["topology.workers"] > workers_most:
        raise InvalidTopology(
            f"Failed to submit topology. Topology requests more than {workers_most} workers."
        )
    commons = dict(validate.commons(whole))
    executors_most = conf.get("nimbus.executors.perTopology")
    if executors_most is not None and sum(map(_hint, commons.values())) > executors_most:
        raise InvalidTopology(
            f"Failed to submit topology. Topology requests more than {executors_most} executors."
        )
    task_count = sum(_task_count(component, common) for component, common in commons.items())
    if task_count > MAX_TASKS:
        raise InvalidTopology(
            f"Failed to submit topology. It asks for {task_count} tasks, at most {MAX_TASKS}"
        )
    process_count = sum(
        _task_count(component, common)
        for component, common in commons.items()
        if not validate.is_system_id(component)
    )
    if process_count > MAX_PROCESSES:
        raise InvalidTopology(
            f"Failed to submit topology. It asks for {process_count} tasks of spouts and bolts, each a "
            f"process of its own; at most {MAX_PROCESSES}"
        )


def _hint(common: Any) -> int:
    return 1 if common.parallelism_hint is None else max(int(common.parallelism_hint), 0)


def _task_count(component: str, common: Any) -> int:
    return max(confs.task_count({}, confs.parse_component(component, common.json_conf), _hint(common)), 0)
