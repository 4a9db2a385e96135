"""After a submission: does the topology run, what is wrong if it does not, and what to do next."""

from __future__ import annotations

from typing import Any

from storm_compat.cli.connect import wait_until
from storm_compat.cli.exit_codes import CommandError
from storm_compat.cli.output import note, plural, status_text
from storm_compat.client import NimbusClient
from storm_compat.client_values import ExecutorSummary, TopologyInfo


def is_running(executor: ExecutorSummary) -> bool:
    """Return whether its tasks have had a process for a second."""
    return executor.uptime_s > 0 and executor.counts is not None


def wait_until_running(client: NimbusClient, info: TopologyInfo, timeout_s: float) -> TopologyInfo:
    """Return what is known once it runs; errors of its components are shown as they come."""
    shown = set()
    found = info

    def running() -> TopologyInfo | None:
        nonlocal found
        found = client.info(info.name)
        for error in reversed(found.errors):
            if (error.component, error.kind) not in shown:
                shown.add((error.component, error.kind))
                note(f"Error in {error.component}: {error.text.rstrip()}")
        own = found.own_executors()
        return found if own and all(map(is_running, own)) else None

    try:
        return wait_until(running, timeout_s=timeout_s, what=f"{info.name} was submitted but does not run")
    except CommandError as exc:
        own = found.own_executors()
        running_count = sum(e.task_count for e in own if is_running(e))
        progress = f"{running_count} of {plural(sum(e.task_count for e in own), 'task')} run so far"
        exc.advice = f"{progress}. It stays submitted, look at it with: heronry status {info.name}"
        raise


def _places(info: TopologyInfo) -> tuple[int, int, int]:
    """Return how many containers, tasks and components of the user there are."""
    own = info.own_executors()
    return (
        len({(e.host, e.port) for e in own}),
        sum(e.task_count for e in own),
        len({e.component for e in own}),
    )


def as_document(info: TopologyInfo, *, is_known_running: bool) -> dict[str, Any]:
    """Return what `--json` prints about a submission."""
    containers, tasks, _ = _places(info)
    return {
        "topology_id": info.topology_id,
        "name": info.name,
        "status": info.status,
        "is_running": is_known_running,
        "container_count": containers,
        "task_count": tasks,
    }


def next_steps(info: TopologyInfo, *, is_known_running: bool) -> str:
    """Return what a person reads after a submission: what runs where, and what to type next."""
    lines = [f"{info.name} is submitted as {info.topology_id}, {status_text(info.status)}"]
    if is_known_running:
        containers, tasks, components = _places(info)
        lines[0] = f"{info.name} runs as {info.topology_id}, {status_text(info.status)}"
        what = f"{plural(tasks, 'task')} of {plural(components, 'component')}"
        lines.append(f"{what} in {plural(containers, 'container')}")
    if info.status == "INACTIVE":
        lines.append(f"Nothing of it runs until: heronry activate {info.name}")
    lines += ["", "Next:"]
    lines += [f"  heronry {verb.format(info.name)}" for verb in ("status {}", "logs {} -f", "kill {}")]
    return "\n".join(lines)
