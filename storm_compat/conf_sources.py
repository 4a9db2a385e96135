"""Where each value of a conf comes from. Pure.

    default  <  cluster  <  nimbus, topology  <  component

A client sees only results, so the source is found by comparing: what differs from Storm's default was set for
the cluster, by nimbus itself or in its storm.yaml; what getTopologyConf has and the cluster has not was
submitted, or put in by nimbus when it was.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from storm_compat import conf as confs
from storm_compat.keys import DEFAULTS, RULES

_NOTHING: Final = object()


class Source(enum.StrEnum):
    """Who set a value."""

    DEFAULT = "default"
    """Storm's own."""

    CLUSTER = "cluster"
    """Nimbus for this machine, or its storm.yaml."""

    NIMBUS = "nimbus"
    """Nimbus, at the submission."""

    TOPOLOGY = "topology"
    """The submission."""

    COMPONENT = "component"
    """The component for itself."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One key with the value that holds."""

    key: str
    value: Any
    source: Source


def of_cluster(cluster: Mapping[str, Any]) -> list[Setting]:
    """Return the settings of a cluster by key, from what getNimbusConf returns."""
    return [Setting(key, cluster[key], _of_cluster(key, cluster[key])) for key in sorted(cluster)]


def of_topology(
    cluster: Mapping[str, Any], stored: Mapping[str, Any], own: Mapping[str, Any] | None = None
) -> list[Setting]:
    """Return the settings of a topology by key, or those of a component of it.

    Args:
        cluster: what getNimbusConf returns.
        stored: what getTopologyConf returns.
        own: what the component sets for itself; `ignored` says which of it does not count.
    """
    effective = confs.effective(cluster, stored)
    component = confs.component(own or {})
    settings = []
    for key in sorted(effective.keys() | component.keys()):
        if key in component:
            settings.append(Setting(key, component[key], Source.COMPONENT))
        else:
            settings.append(Setting(key, effective[key], _of_topology(key, effective[key], cluster, stored)))
    return settings


def ignored(own: Mapping[str, Any]) -> list[str]:
    """Return the keys that a component sets for itself in vain: Storm takes them from the topology only."""
    return sorted(own.keys() & RULES.keys() - confs.component(own).keys() - {"topology.tasks"})


def _of_cluster(key: str, value: Any) -> Source:
    return Source.DEFAULT if DEFAULTS.get(key, _NOTHING) == value else Source.CLUSTER


def _of_topology(key: str, value: Any, cluster: Mapping[str, Any], stored: Mapping[str, Any]) -> Source:
    from_cluster = cluster.get(key, _NOTHING)
    is_filled_in = key in confs.FROM_CLUSTER and from_cluster in (value, _NOTHING)
    if key not in stored or is_filled_in or stored[key] != value:
        return Source.NIMBUS if from_cluster is _NOTHING else _of_cluster(key, value)
    if key in confs.ADDED and not (key.startswith("topology.kryo.") and value):
        return Source.NIMBUS
    return Source.TOPOLOGY
