"""Whether a packing plan holds: every task that has a process exactly once, and nothing else.

Asked after every packing algorithm and for every plan that comes out of the
state store, so that nobody else has to doubt a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from scheduler.errors import PackingError
from scheduler.plan import Instance, PackingPlan
from scheduler.topology import Topology

SHOWN_COUNT: Final = 5
"""How many instances an error names; there may be thousands."""


def check(plan: PackingPlan, topology: Topology) -> None:
    """Return if ``plan`` can be run.

    Raises:
        PackingError: it is for another topology, numbers its containers wrongly, or does not
            hold every process task of ``topology`` exactly once; says which.
    """
    faults = []
    if plan.topology_id != topology.topology_id:
        faults.append(f"it is for {plan.topology_id}")
    numbers = Counter(container.container_id for container in plan.containers)
    if below := sorted(number for number in numbers if number < 1):
        faults.append(f"container ids start at 1, found {below}")
    if repeated := sorted(number for number, count in numbers.items() if count > 1):
        faults.append(f"there several times: containers {repeated}")

    placed = Counter(instance for container in plan.containers for instance in container.instances)
    wanted = {
        Instance(component.component, task)
        for component in topology.components
        if not component.is_system
        for task in component.tasks
    }
    for what, instances in (
        ("not placed", wanted - placed.keys()),
        ("placed several times", {instance for instance, count in placed.items() if count > 1}),
        ("not of this topology", placed.keys() - wanted),
    ):
        if instances:
            faults.append(f"{what}: {_named(instances)}")
    if faults:
        raise PackingError(
            f"plan {plan.version} of {topology.topology_id} does not hold: {'; '.join(faults)}"
        )


def _named(instances: Iterable[Instance]) -> str:
    ordered = sorted(instances, key=lambda instance: (instance.task, instance.component))
    names = [f"{instance.component}:{instance.task}" for instance in ordered[:SHOWN_COUNT]]
    if len(ordered) > SHOWN_COUNT:
        names.append(f"and {len(ordered) - SHOWN_COUNT} more")
    return ", ".join(names)
