"""A rebalance: what a client may ask for, and what it makes of a topology. Pure.

    RebalanceOptions --order()--> RebalanceRecord, kept in the status while the spouts rest
    RebalanceRecord --carried_out()--> another plan, topology, conf and code; the same where nothing changes

The number of tasks never changes; executors beyond it are capped without a
word, as in Storm.  Executors are only a number here: a rebalance of nothing
else touches no process.  A change of conf is told to the components in their
handshake, so all whose conf it is are started anew.

Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java (rebalance, doRebalance)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import simplejson

from scheduler.packing.repack import Changes, changes, repack
from scheduler.state.records import RebalanceRecord
from scheduler.topology import Topology
from storm_compat import blob_map, validate
from storm_compat import conf as confs
from storm_compat.alive import Kept
from storm_compat.compile import java_order, refuse_unusable_settings
from storm_compat.errors import InvalidTopology

RESOURCES: Final = "topology.component.resources.map"

_NOT_TO_SET: Final = frozenset(
    {
        "topology.submitter.principal",
        "topology.submitter.user",
        "storm.zookeeper.superACL",
        "storm.zookeeper.topology.auth.scheme",
        "storm.zookeeper.topology.auth.payload",
        "storm.local.hostname",
        "topology.classpath.beginning",
        # What these say is fixed for the topology's life.
        "storm.id",
        "topology.name",
    }
)
"""Keys that overrides lose silently, as in Storm: they say who the topology is, not how it runs."""


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """A topology before and after."""

    before: Kept
    after: Kept

    @property
    def changes(self) -> Changes:
        """Which tasks move, and which containers start or stop."""
        return changes(self.before.packing, self.after.packing)

    @property
    def restarted(self) -> list[str]:
        """The components that are told another conf, and so are started anew where they are."""
        old, new = self.before.topology, self.after.topology
        return [
            component.component
            for component in new.components
            if not component.is_system
            and new.component_conf(component) != old.component_conf(old.component(component.component))
        ]

    @property
    def executors(self) -> dict[str, tuple[int, int]]:
        """The components that are shown with another number of executors: before, after."""
        old = {c.component: c.executor_count for c in self.before.topology.components}
        return {
            c.component: (old[c.component], c.executor_count)
            for c in self.after.topology.components
            if c.executor_count != old[c.component]
        }


def order(kept: Kept, options: Any) -> RebalanceRecord:
    """Return what RebalanceOptions ask for; None asks for an even spread of what there is.

    Raises:
        InvalidTopology: a component that does not exist, a number below 1; Storm's texts.
        InvalidConf: the overrides are no JSON object, or a value breaks its key's rules.
    """
    if options is None:
        return RebalanceRecord()
    executors: Mapping[str, int] = options.num_executors or {}
    if any(count <= 0 for count in executors.values()):
        raise InvalidTopology("Number of executors must be greater than 0")
    if options.num_workers is not None and options.num_workers <= 0:
        raise InvalidTopology("Number of workers must be greater than 0")
    overrides = overrides_of(options)
    resources: Mapping[str, Mapping[str, float]] = options.topology_resources_overrides or {}
    for component in (*executors, *resources):
        _refuse_unknown(kept.topology, component)
    for component, needs in resources.items():
        for resource, amount in needs.items():
            if not (math.isfinite(amount) and amount >= 0):  # JSON could not keep the former
                raise InvalidTopology(f"Component {component} cannot need {amount} of {resource}")
    changed = _with_conf(kept.topology, overrides)
    refuse_unusable_settings(changed)
    blob_map.parse(changed.conf)
    return RebalanceRecord(options.num_workers, dict(executors), overrides, dict(resources))


def carried_out(kept: Kept, record: RebalanceRecord, slot_count: int) -> Rebalanced:
    """Return the topology after a rebalance; carried out twice it is as once, but for the plan's version.

    Args:
        slot_count: no more containers than that.
    """
    components = tuple(
        dataclasses.replace(
            component,
            executor_count=min(record.executor_counts[component.component], len(component.tasks)),
        )
        if component.component in record.executor_counts
        else component
        for component in kept.topology.components
    )
    topology = dataclasses.replace(_with_conf(kept.topology, record.conf), components=components)
    wanted = record.container_count or len(kept.packing.containers)
    packing = repack(kept.packing, topology, min(wanted, max(slot_count, 1)))
    if packing is kept.packing and record.conf:
        # Also where the conf is that already: a nimbus may have died before it wrote the plan.
        packing = dataclasses.replace(packing, version=packing.version + 1)
    return Rebalanced(kept, dataclasses.replace(kept, topology=topology, packing=packing))


def shown(done: Rebalanced) -> dict[str, Any]:
    """Return what a rebalance does, for JSON; `storm.thrift` says how to read it."""
    moved = done.changes
    return {
        "moves": [
            {
                "task": move.instance.task,
                "component": move.instance.component,
                "from": move.from_container,
                "to": move.to_container,
            }
            for move in moved.moves
        ],
        "started": list(moved.started),
        "stopped": list(moved.stopped),
        "restarted": done.restarted,
        "executors": done.executors,
        "containers": {
            str(container.container_id): len(container.instances)
            for container in done.after.packing.containers
        },
    }


def with_resources(code: Any, resources: Mapping[str, Mapping[str, float]]) -> Any:
    """Return the StormTopology with what components shall need laid over what they say they do."""
    for component, spec in [*code.spouts.items(), *code.bolts.items()]:
        if component in resources:
            own = confs.parse_component(component, spec.common.json_conf)
            own[RESOURCES] = {**(own.get(RESOURCES) or {}), **resources[component]}
            spec.common.json_conf = simplejson.dumps(own, ignore_nan=True)
    return code


def overrides_of(options: Any) -> dict[str, Any]:
    """Return the conf in RebalanceOptions, without what cannot be set; empty if there is none.

    Raises:
        InvalidConf: it is no JSON object, or a value breaks its key's rules.
    """
    text = None if options is None else options.topology_conf_overrides
    if text is None or not text.strip():
        return {}
    parsed = confs.parse(text, what="topology_conf_overrides")
    kept = {key: value for key, value in parsed.items() if key not in _NOT_TO_SET}
    confs.check(kept)
    return confs.with_integers(kept)


def _with_conf(topology: Topology, overrides: Mapping[str, Any]) -> Topology:
    return dataclasses.replace(topology, conf={**topology.conf, **overrides}) if overrides else topology


def _refuse_unknown(topology: Topology, component: str) -> None:
    known = {c.component for c in topology.components if not c.is_system}
    if component not in known and not validate.is_system_id(component):
        valid = ",".join(sorted(known, key=java_order))
        raise InvalidTopology(
            f"Invalid component {component} for topology {topology.name}, valid values are {valid}"
        )
