"""Whether a Thrift topology hangs together: ids, inputs, streams, fields. Texts and order are Storm's.

`demands` and `basic` are asked of what the client sent, `structure` of the
same with the system's parts added (`storm_compat.system`), because a bolt may
subscribe to those.  None asks whether we can run it; that is
`storm_compat.compile`.  Cycles are allowed.

Source: storm:storm-client/src/jvm/org/apache/storm/daemon/StormCommon.java
Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from storm_compat.conf import parse_component, task_count
from storm_compat.conf_rules import java_text
from storm_compat.errors import InvalidTopology

NAME: Final = re.compile(r"[^/.:\\]+", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
MEMORY_KEYS: Final = (
    "topology.component.resources.onheap.memory.mb",
    "topology.component.resources.offheap.memory.mb",
)
MAX_NAME_BYTES: Final = 150
"""The id is a file's name with up to 40 bytes around it; file systems take 255, our state store 200."""


def name(topology_name: str | None) -> None:
    """Return if a topology may be called so.

    Raises:
        InvalidTopology: Storm's text, or ours for what no file can be named after.
    """
    if not topology_name or NAME.fullmatch(topology_name) is None:
        raise InvalidTopology(
            f"Topology name '{'null' if topology_name is None else topology_name}' is not valid. "
            r"It can't be null and it must match ^[^/.:\\]+$"
        )
    if len(topology_name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        raise InvalidTopology(f"Topology name is longer than {MAX_NAME_BYTES} bytes; choose a shorter one")
    if _CONTROL.search(topology_name):
        raise InvalidTopology(f"Topology name {topology_name!r} holds control characters")


def is_name(topology_name: str | None) -> bool:
    """Return whether a topology may be called so."""
    try:
        name(topology_name)
    except InvalidTopology:
        return False
    return True


def is_system_id(component_or_stream: str) -> bool:
    """Return whether the id belongs to Storm itself."""
    return component_or_stream.startswith("__")


def commons(topology: Any) -> Iterator[tuple[str, Any]]:
    """Yield the id and the ComponentCommon of every spout, bolt and state spout of a StormTopology."""
    for part in (topology.spouts, topology.bolts, topology.state_spouts):
        for component, spec in (part or {}).items():
            yield component, spec.common


def demands(topology_name: str, topology: Any, conf: Mapping[str, Any]) -> None:
    """Return if names are as strict as the cluster wants them, and no component wants more than a worker has.

    Args:
        conf: effective; what the cluster alone may say (`storm_compat.conf.effective`) is the cluster's.

    Raises:
        InvalidTopology: Storm's text.
    """
    if str(conf.get("nimbus.topology.validator")).rpartition(".")[2] == "StrictTopologyValidator":
        _strict_names(topology_name, topology)
    if conf.get("storm.disable.symlinks") and conf.get("topology.blobstore.map"):
        raise InvalidTopology(
            "symlinks are disabled so blobs are not supported but "
            f"topology.blobstore.map = {java_text(conf['topology.blobstore.map'])}"
        )
    most_mb = conf.get("topology.worker.max.heap.size.mb")
    largest_mb = max((_memory_mb(*component, conf) for component in commons(topology)), default=0.0)
    if most_mb is not None and most_mb < largest_mb:
        raise InvalidTopology(
            "Topology will not be able to be successfully scheduled: Config TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB="
            f"{float(most_mb)} < {largest_mb} (Largest memory requirement of a component in the topology). "
            "Perhaps set TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB to a larger amount"
        )


def _strict_names(topology_name: str, topology: Any) -> None:
    named = [("Topology", topology_name)]
    for kind, part in (("Spout", topology.spouts), ("Bolt", topology.bolts)):
        for component, spec in part.items():
            named += [(kind, component), *(("Stream", stream) for stream in spec.common.streams)]
    for kind, given in named:
        if "." in given:
            raise InvalidTopology(f"{kind} name '{given}' contains illegal character '.'")


def _memory_mb(component: str, common: Any, conf: Mapping[str, Any]) -> float:
    wanted = {**conf, **parse_component(component, common.json_conf)}
    return sum(float(wanted.get(key) or 0) for key in MEMORY_KEYS)


def basic(topology: Any) -> None:
    """Return if ids are allowed and unique, spouts have no inputs, and tasks have executors.

    Raises:
        InvalidTopology: Storm's text.
    """
    components = list(commons(topology))
    for component, _ in components:
        if is_system_id(component):
            raise InvalidTopology(f"{component} is not a valid component id.")
    for _, common in components:
        for stream in common.streams:
            if is_system_id(stream):
                raise InvalidTopology(f"{stream} is not a valid stream id.")
    repeated = [component for component, count in Counter(c for c, _ in components).items() if count > 1]
    if repeated:
        raise InvalidTopology(f"Duplicate component ids: [{', '.join(repeated)}]")
    if any(spec.common.inputs for spec in topology.spouts.values()):
        raise InvalidTopology("May not declare inputs for a spout")
    for component, common in components:
        own = parse_component(component, common.json_conf)
        if (
            task_count({}, own, 0) > 0
            and (1 if common.parallelism_hint is None else common.parallelism_hint) <= 0
        ):
            raise InvalidTopology(
                "Number of executors must be greater than 0 when number of tasks is greater than 0"
            )


def structure(topology: Any) -> None:
    """Return if every input's component, stream and fields exist.

    Storm asks whether a field is in any stream of the source.  So do we, and
    then whether it is in the one subscribed to; Storm fails at run time there.

    Raises:
        InvalidTopology: Storm's text.
    """
    streams = {component: common.streams for component, common in commons(topology)}
    for component, common in commons(topology):
        for source, grouping in common.inputs.items():
            _input(component, source.componentId, source.streamId, grouping, streams)


def _input(component: str, source: str, stream: str, grouping: Any, streams: dict[str, Any]) -> None:
    subscribes = f"Component: [{component}] subscribes from"
    if source not in streams:
        raise InvalidTopology(f"{subscribes} non-existent component [{source}]")
    if stream not in streams[source]:
        raise InvalidTopology(f"{subscribes} non-existent stream: [{stream}] of component [{source}]")
    if not grouping.fields:
        return
    declared = {field for info in streams[source].values() for field in info.output_fields}
    unknown = [field for field in grouping.fields if field not in declared]
    if unknown:
        raise InvalidTopology(
            f"{subscribes} stream: [{stream}] of component [{source}] + with non-existent fields: "
            f"[{', '.join(unknown)}]"
        )
    elsewhere = [field for field in grouping.fields if field not in streams[source][stream].output_fields]
    if elsewhere:
        raise InvalidTopology(
            f"{subscribes} stream: [{stream}] of component [{source}] by fields that only its other streams "
            f"have: [{', '.join(elsewhere)}]"
        )
