"""Which tasks are here, which are elsewhere, and the routes between them; follows the packing plan.

A change of plan keeps every `LocalTask` that stays, with its component, its
counters and what waits for it; only where its routes lead changes.  A task
that leaves goes on here until its component has finished what it was given:
it is *retiring*, gets no more tuples and is asked for none.  So is a task
that stays and whose component must be told another configuration.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

from scheduler.config import StreamConfig
from scheduler.plan import PackingPlan
from scheduler.stream.foresight import foresee
from scheduler.stream.links import stream_numbers
from scheduler.stream.local_task import LocalTask, RemoteTask
from scheduler.stream.routing import build_routes, check_lengths
from scheduler.topology import Component, Topology


@dataclass(frozen=True, slots=True)
class Shift:
    """What a change of plan means for the components of one container."""

    came: frozenset[int] = frozenset()
    """Tasks that are new here."""

    leaving: frozenset[int] = frozenset()
    """Tasks that are planned elsewhere now, and retire."""

    renewed: frozenset[int] = frozenset()
    """Tasks that stay and retire, to go on with another configuration."""


class Placement:
    """The tasks of one container and their places; ``tasks``, ``config`` and ``remote_tasks`` are shared."""

    def __init__(self, topology: Topology, plan: PackingPlan, container_id: int, rng: random.Random) -> None:
        self.container_id = container_id
        self.topology = topology
        self.numbers = stream_numbers(topology)
        self.tasks: dict[int, LocalTask] = {}
        """All that are here, retiring ones included."""
        self.config: dict[int, StreamConfig] = {}
        self.remote_tasks: dict[int, list[int]] = {}
        """By container."""
        self.container_of: dict[int, int] = {}
        self.container_ids: frozenset[int] = frozenset()
        """Those of the plan; others may still be finishing."""
        self.retiring: set[int] = set()
        self._rng = rng
        self._place(topology, plan)

    def is_planned(self, task: int) -> bool:
        """Return whether the plan has that task here."""
        return self.container_of.get(task) == self.container_id

    def follow(self, topology: Topology, plan: PackingPlan) -> Shift:
        """Go over to another plan, or another configuration, of the same components."""
        old = {task: _told(self.topology, local) for task, local in self.tasks.items()}
        before = set(self.tasks)
        self._place(topology, plan)
        leaving = {task for task in before if not self.is_planned(task)}
        # One that was leaving and may stay after all has been told to end already.
        renewed = {
            task
            for task in before - leaving
            if task in self.retiring or _told(topology, self.tasks[task]) != old[task]
        }
        self._retire(leaving | renewed)
        return Shift(frozenset(self.tasks.keys() - before), frozenset(leaving), frozenset(renewed))

    def release(self, task: int) -> bool:
        """Note that a retiring task has finished; return whether it stays, to be started anew."""
        self.retiring.discard(task)
        self.tasks[task].hold_count -= 1
        if self.is_planned(task):
            return True
        del self.tasks[task], self.config[task]
        return False

    def _retire(self, tasks: set[int]) -> None:
        for task in tasks - self.retiring:
            self.retiring.add(task)
            self.tasks[task].hold_count += 1  # as one more congested task below: it is not asked

    def _place(self, topology: Topology, plan: PackingPlan) -> None:
        self.topology = topology
        self.container_of = plan.container_of()
        self.container_ids = frozenset(c.container_id for c in plan.containers)
        self.remote_tasks.clear()
        everywhere: dict[int, LocalTask | RemoteTask] = {}
        for component in topology.components:
            if component.is_system:
                continue
            config = StreamConfig.from_conf(topology.component_conf(component))
            for task in component.tasks:
                place = self.container_of[task]
                if place == self.container_id or task in self.tasks:
                    self.config[task] = config
                if place == self.container_id:
                    everywhere[task] = self.tasks.get(task) or self._add(component, task)
                else:
                    everywhere[task] = RemoteTask(task, place)
                    self.remote_tasks.setdefault(place, []).append(task)
        for local in self.tasks.values():
            component = topology.component(local.component)
            routes = build_routes(
                component, local.task, topology, everywhere, stream_number=self.numbers, rng=self._rng
            )
            for stream, route in routes.items():
                if self.config[local.task].is_strict:
                    check_lengths(route, component.streams[stream].fields)
                # Trees and counters know the route as it was: it stays, and leads elsewhere.
                local.routes.setdefault(stream, route).lead_as(route)
            if local.foresight is not None:
                local.foresight = foresee(local.routes)
            # The component was told these tasks; where they are now is not its business.
            local.foretold = deque(
                tuple((everywhere[target.task], index) for target, index in slots) for slots in local.foretold
            )

    def _add(self, component: Component, task: int) -> LocalTask:
        inputs = [(i.source, i.stream) for i in component.inputs]
        self.tasks[task] = LocalTask(task, component.component, is_spout=component.is_spout, inputs=inputs)
        return self.tasks[task]


def _told(topology: Topology, local: LocalTask) -> dict[str, object]:
    """Return the configuration that a component is told in its handshake."""
    return topology.component_conf(topology.component(local.component))
