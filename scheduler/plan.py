"""Plans: which task lives in which container, and where the containers are.

A packing plan is decided before anything runs (`scheduler.packing`); the
physical plan adds the addresses that containers registered with, and is
what every stream manager routes by.  Both are values; a change is a new
plan with a higher version.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """One task of one component, as the packing sees it."""

    component: str
    task: int


@dataclass(frozen=True, slots=True)
class Container:
    """A container id, from 1 (0 is the topology master's), and what runs in it."""

    container_id: int
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class PackingPlan:
    """Every task of a topology exactly once."""

    topology_id: str
    version: int
    containers: tuple[Container, ...]

    def container_of(self) -> dict[int, int]:
        """Return task id -> container id."""
        return {i.task: c.container_id for c in self.containers for i in c.instances}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the stream manager of a container takes rows from its peers."""

    container_id: int
    incarnation: int
    """Differs between two lives of a container, so that acks of the first never count in the second."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class PhysicalPlan:
    """Addresses of all containers of one packing plan."""

    topology_id: str
    version: int
    """The packing plan's."""

    containers: tuple[Address, ...]
    """Those that are registered now, ascending by id; the others are being replaced."""
