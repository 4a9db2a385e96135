"""What a supervisor is told to run: where each executor is, as Storm's supervisors and scripts ask for it.

Containers are started and watched over by topology processes; nobody acts on this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scheduler.control.messages import Answer
from storm_compat.alive import Alive
from storm_compat.stats.machine import Machine
from storm_compat.stats.view import View, executor_ranges
from storm_compat.thrift import idl


def supervisor_assignments(
    topologies: Iterable[Alive], machine: Machine, now: float, *, node: str | None, local_dir: str
) -> Any:
    """Return the SupervisorAssignments of a supervisor's id; empty for one that there is not.

    Args:
        local_dir: Storm's storm.local.dir, where clients before 2.0 think a topology's files to be.
    """
    storm = idl.load()
    if node != machine.supervisor_id:
        return storm.SupervisorAssignments(storm_assignment={})
    return storm.SupervisorAssignments(
        storm_assignment={
            alive.topology_id: _assignment(alive, machine, now, local_dir) for alive in topologies
        }
    )


def _assignment(alive: Alive, machine: Machine, now: float, local_dir: str) -> Any:
    storm = idl.load()
    view = View(alive, Answer(False, [], [], [], is_counted=False), machine, now)
    places, starts = {}, {}
    for component in view.topology.components:
        for tasks in executor_ranges(component):
            executor = (tasks[0], tasks[-1])  # written as a list, which could be no key
            places[executor] = storm.NodeInfo(machine.supervisor_id, [view.port(tasks[0])])
            starts[executor] = int(alive.kept.submission.submitted_at_s)
    return storm.Assignment(
        master_code_dir=f"{local_dir}/nimbus/stormdist/{alive.topology_id}",
        node_host={machine.supervisor_id: machine.host},
        executor_node_port=places,
        executor_start_time_secs=starts,
        total_shared_off_heap={},
        owner=alive.kept.submission.owner,
    )
