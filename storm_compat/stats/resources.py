"""What a topology asks for, in Storm's units; nothing is reserved, so nothing is ever assigned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scheduler.topology import Component, Topology

_KEYS: Final = {
    "onheap.memory.mb": "topology.component.resources.onheap.memory.mb",
    "offheap.memory.mb": "topology.component.resources.offheap.memory.mb",
    "cpu.pcore.percent": "topology.component.cpu.pcore.percent",
}
_REQUESTED: Final = {
    "requested_memonheap": "onheap.memory.mb",
    "requested_memoffheap": "offheap.memory.mb",
    "requested_cpu": "cpu.pcore.percent",
}
ASSIGNED: Final[Mapping[str, float]] = {
    "assigned_memonheap": 0.0,
    "assigned_memoffheap": 0.0,
    "assigned_cpu": 0.0,
}


def of_component(topology: Topology, component: Component) -> dict[str, float]:
    """Return what one executor of a component asks for, by Storm's normalized names."""
    return {
        name: _number(component.conf.get(key, topology.conf.get(key, 0.0))) for name, key in _KEYS.items()
    }


def of_topology(topology: Topology) -> dict[str, float]:
    """Return the fields about resources of a summary or a page; only users' components ask for any."""
    sums = dict.fromkeys(_REQUESTED, 0.0)
    for component in topology.components:
        if component.is_system:
            continue
        wanted = of_component(topology, component)
        for field, name in _REQUESTED.items():
            sums[field] += wanted[name] * component.executor_count
    return {**sums, **ASSIGNED}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
