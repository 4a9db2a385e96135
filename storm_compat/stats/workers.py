"""WorkerSummary: a container as Storm's clients see it; and the SupervisorPageInfo that lists them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scheduler.control.messages import Answer
from scheduler.layout import slot
from storm_compat.alive import Alive
from storm_compat.stats import resources
from storm_compat.stats.cluster import supervisor_summary
from storm_compat.stats.machine import Machine
from storm_compat.stats.view import View, executor_ranges, is_shown
from storm_compat.thrift import idl


def supervisor_page(
    topologies: Sequence[tuple[Alive, Answer]],
    machine: Machine,
    now: float,
    *,
    supervisor_id: str | None,
    host: str | None,
    is_include_sys: bool,
) -> Any:
    """Return the SupervisorPageInfo of the supervisor of an id, else of a host; there may be none."""
    page = idl.load().SupervisorPageInfo(supervisor_summaries=[], worker_summaries=[])
    if not is_meant(machine, supervisor_id=supervisor_id, host=host):
        return page
    page.supervisor_summaries.append(supervisor_summary([alive for alive, _ in topologies], machine, now))
    for alive, answer in topologies:
        page.worker_summaries += worker_summaries(
            View(alive, answer, machine, now), is_include_sys=is_include_sys
        )
    return page


def is_meant(machine: Machine, *, supervisor_id: str | None, host: str | None) -> bool:
    """Return whether a client that names a supervisor, or else a host, means this machine."""
    return supervisor_id == machine.supervisor_id if supervisor_id else host == machine.host


def worker_summaries(view: View, *, is_include_sys: bool) -> list[Any]:
    """Return a WorkerSummary for each container."""
    uptime_s = {c.container_id: c.uptime_s for c in view.answer.containers}
    executors: dict[int, int] = {}
    tasks: dict[int, dict[str, int]] = {}
    for component in view.topology.components:
        if not is_shown(component.component, is_include_sys=is_include_sys):
            continue
        for executor in executor_ranges(component):
            place = view.container(executor[0])
            executors[place] = executors.get(place, 0) + 1
        for task in component.tasks:
            counts = tasks.setdefault(view.container(task), {})
            counts[component.component] = counts.get(component.component, 0) + 1
    return [
        idl.load().WorkerSummary(
            supervisor_id=view.machine.supervisor_id,
            host=view.machine.host,
            port=slot(container.container_id),
            topology_id=view.alive.topology_id,
            topology_name=view.alive.name,
            num_executors=executors.get(container.container_id, 0),
            component_to_num_tasks=tasks.get(container.container_id, {}),
            uptime_secs=math.ceil(uptime_s.get(container.container_id, 0.0)),
            owner=view.alive.kept.submission.owner,
            requested_memonheap=0.0,
            requested_memoffheap=0.0,
            requested_cpu=0.0,
            **resources.ASSIGNED,
        )
        for container in view.alive.kept.packing.containers
    ]
