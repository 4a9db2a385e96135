"""After a submission: does the topology run, what is wrong if it does not, and what to do next."""

from __future__ import annotations

from typing import Any

from storm_compat.cli.connect import wait_until
from storm_compat.cli.exit_codes import CommandError
from storm_compat.cli.output import note, plural, status_text
from storm_compat.client import NimbusClient
from storm_compat.client_values import TopologyInfo


def is_running(info: TopologyInfo) -> bool:
    """Return whether every task of the user's components has had a process for a second."""
    own = [e for e in info.executors if not e.component.startswith("__")]
    return bool(own) and all(e.uptime_s > 0 and e.counts is not None for e in own)


def wait_until_running(client: NimbusClient, info: TopologyInfo, timeout_s: float) -> TopologyInfo:
    """Return what is known once it runs; errors of its components are shown as they come."""
    shown = set()

    def running() -> TopologyInfo | None:
        found = client.info(info.name)
        for error in reversed(found.errors):
            if (error.component, error.first_line) not in shown:
                shown.add((error.component, error.first_line))
                note(f"Error in {error.component}: {error.text.rstrip()}")
        return found if is_running(found) else None

    try:
        return wait_until(running, timeout_s=timeout_s, what=f"{info.name} was submitted but does not run")
    except CommandError as exc:
        exc.advice = f"It stays submitted. Look at it with: heronry status {info.name}"
        raise


def _places(info: TopologyInfo) -> tuple[int, int, int]:
    """Return how many containers, tasks and components of the user there are."""
    own = [e for e in info.executors if not e.component.startswith("__")]
    return (
        len({(e.host, e.port) for e in own}),
        sum(e.last_task - e.first_task + 1 for e in own),
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
        lines.append(f"Its spouts rest until: heronry activate {info.name}")
    lines += ["", "Next:"]
    lines += [f"  heronry {verb.format(info.name)}" for verb in ("status {}", "logs {} -f", "kill {}")]
    return "\n".join(lines)
