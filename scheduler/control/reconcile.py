"""From the containers that run to the containers that should: which to stop, which to start.

    plan, version 2:  1  2  3
    running:          1 with plan 2, 2 with plan 1, 4 with plan 2
    steps:            Stop(2) Stop(4) Start(2) Start(3)

A container is told its tasks when it starts, so a container of another plan
version is replaced, not changed.  Refuses to know processes, and when to
try again: that is `scheduler.control.backoff`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.plan import PackingPlan


@dataclass(frozen=True, slots=True)
class Stop:
    """End a container and wait until it is gone; ``reason`` is for the log and for the container."""

    container_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start a container with the plan at hand."""

    container_id: int


Step = Stop | Start


def reconcile(plan: PackingPlan, running: Mapping[int, int]) -> list[Step]:
    """Return the steps from ``running`` to ``plan``: first all stops, then all starts, each by id.

    A container that is both stopped and started must be gone before its
    successor starts: they are one container to everybody else.

    Args:
        running: container id -> version of the plan it was started with; without the
            topology process, which never stops itself.
    """
    wanted = {container.container_id for container in plan.containers}
    steps: list[Step] = []
    for container_id, version in sorted(running.items()):
        if container_id not in wanted:
            steps.append(Stop(container_id, f"no longer in plan {plan.version}"))
        elif version != plan.version:
            steps.append(Stop(container_id, f"runs plan {version}, now it is plan {plan.version}"))
    kept = running.keys() - {step.container_id for step in steps}
    steps += [Start(container_id) for container_id in sorted(wanted - kept)]
    return steps
