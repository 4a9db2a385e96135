"""A new packing plan out of a running one: as few tasks move as can be.

    containers 1 [a1 b3 b5]  2 [a2 b4 b6], 3 are wanted
    container  1 [a1 b3]     2 [a2 b4]     3 [b5 b6]

Heron's round robin packs from scratch and so moves nearly everything; here
what can stay stays, with its process.  Afterwards the containers are even:
their sizes differ by one at most.  No container both gives and takes.

1. The fullest containers stay, of equals the lower ids; new ones get the lowest free ids.
2. The larger sizes go to the fullest containers.
3. A container that is too full gives bolts before spouts, of the component it has most of.
4. A task goes where there is room and its component is rarest.

The result depends on the arguments alone.
Source of the idea:
heron:heron/packing/src/java/org/apache/heron/packing/binpacking/FirstFitDecreasingPacking.java
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from scheduler.errors import PackingError
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.topology import Topology


@dataclass(frozen=True, slots=True)
class Move:
    """One task that leaves its container for another."""

    instance: Instance
    from_container: int
    to_container: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What lies between two plans of one topology."""

    moves: tuple[Move, ...]
    """Ascending by task."""

    started: tuple[int, ...]
    """Containers that only the second plan has."""

    stopped: tuple[int, ...]
    """Containers that only the first plan has."""


def repack(plan: PackingPlan, topology: Topology, container_count: int) -> PackingPlan:
    """Return a plan with ``container_count`` containers, or one a task if there are fewer tasks.

    The same plan, version included, if nothing has to move; else one with the next version.

    Raises:
        PackingError: less than one container was asked for.
    """
    if container_count < 1:
        raise PackingError(
            f"{plan.topology_id} cannot run in {container_count} containers; ask for 1 or more"
        )
    sizes = _sizes(plan, container_count)
    spouts = {component.component for component in topology.components if component.is_spout}
    kept: dict[int, list[Instance]] = {}
    moving: list[Instance] = []
    for container in plan.containers:
        stays, goes = _give(container.instances, sizes.get(container.container_id, 0), spouts)
        moving += goes
        if container.container_id in sizes:
            kept[container.container_id] = stays
    _take(moving, kept, sizes)
    containers = tuple(
        Container(number, tuple(sorted(kept[number], key=lambda i: i.task))) for number in sorted(kept)
    )
    if not moving and len(containers) == len(plan.containers):
        return plan
    return PackingPlan(plan.topology_id, plan.version + 1, containers)


def changes(old: PackingPlan, new: PackingPlan) -> Changes:
    """Return what has to happen so that ``new`` holds where ``old`` did."""
    was = old.container_of()
    moves = [
        Move(instance, was[instance.task], container.container_id)
        for container in new.containers
        for instance in container.instances
        if was[instance.task] != container.container_id
    ]
    before, after = ({c.container_id for c in plan.containers} for plan in (old, new))
    return Changes(
        tuple(sorted(moves, key=lambda move: move.instance.task)),
        started=tuple(sorted(after - before)),
        stopped=tuple(sorted(before - after)),
    )


def _sizes(plan: PackingPlan, container_count: int) -> dict[int, int]:
    """Return how many tasks each container of the new plan has; what it has beyond that must go."""
    task_count = len(plan.container_of())
    count = min(container_count, task_count)
    fullest_first = sorted(plan.containers, key=lambda c: (-len(c.instances), c.container_id))
    numbers = [container.container_id for container in fullest_first[:count]]
    free = (number for number in itertools.count(1) if number not in numbers)
    numbers += itertools.islice(free, count - len(numbers))
    least, larger_count = divmod(task_count, count)
    return {number: least + (index < larger_count) for index, number in enumerate(numbers)}


def _give(
    instances: tuple[Instance, ...], size: int, spouts: set[str]
) -> tuple[list[Instance], list[Instance]]:
    """Return what stays in a container of ``size`` tasks, and what goes."""
    stays, goes = list(instances), []
    counts = Counter(instance.component for instance in instances)
    while len(stays) > size:
        given = max(stays, key=lambda i: (i.component not in spouts, counts[i.component], i.task))
        stays.remove(given)
        counts[given.component] -= 1
        goes.append(given)
    return stays, goes


def _take(moving: list[Instance], kept: dict[int, list[Instance]], sizes: dict[int, int]) -> None:
    """Put what moves where there is room."""
    counts = {number: Counter(i.component for i in kept.setdefault(number, [])) for number in sizes}
    for instance in sorted(moving, key=lambda i: i.task):
        component = instance.component
        with_room = [number for number in sizes if len(kept[number]) < sizes[number]]
        number = min(with_room, key=lambda n: (counts[n][component], len(kept[n]) - sizes[n], n))
        kept[number].append(instance)
        counts[number][component] += 1
