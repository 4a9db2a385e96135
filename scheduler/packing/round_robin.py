"""Round robin packing, Heron's default: every container gets its turn.

    components a (tasks 1 2), b (tasks 4 5 6), 2 containers
    instances  a1 a2 b4 b5 b6
    container   1  2  1  2  1

The result depends on the arguments alone: same input, same plan, on every
machine.  Resources are not looked at; all containers count the same.

Source:
heron:heron/packing/src/java/org/apache/heron/packing/roundrobin/RoundRobinPacking.java
"""

from __future__ import annotations

from scheduler.errors import PackingError
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.topology import Topology


def round_robin(topology: Topology, container_count: int, *, version: int = 0) -> PackingPlan:
    """Return a plan that puts instance k, over all components in order, into container k mod N + 1.

    N is ``container_count``, but never more than there are instances: Storm
    too leaves workers empty that were asked for in excess, where Heron
    refuses.  System components have no process and get no place.

    Raises:
        PackingError: less than one container was asked for, or there is nothing to place.
    """
    if container_count < 1:
        raise PackingError(
            f"{topology.topology_id} asks for {container_count} containers; set topology.workers to 1 or more"
        )
    instances = [
        Instance(component.component, task)
        for component in topology.components
        if not component.is_system
        for task in component.tasks
    ]
    if not instances:
        raise PackingError(f"{topology.topology_id} has no spout or bolt with a task")
    count = min(container_count, len(instances))
    return PackingPlan(
        topology.topology_id,
        version,
        tuple(Container(index + 1, tuple(instances[index::count])) for index in range(count)),
    )
