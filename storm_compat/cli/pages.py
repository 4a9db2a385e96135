"""The pages of `heronry status` and `heronry list`, as text. Pure, but for whether to colour.

A topology's page in three parts: what it is, its components with their counts, its errors, newest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from storm_compat.cli.output import duration, plural, status_text, styled, table
from storm_compat.client_values import (
    ClusterSummary,
    ErrorSummary,
    ExecutorSummary,
    TopologyInfo,
    TopologySummary,
)

_MAX_ERRORS = 10


def topology_table(topologies: Sequence[TopologySummary]) -> str:
    """Return one line per topology."""
    rows = [
        (
            t.name,
            status_text(t.status),
            duration(t.uptime_s),
            t.worker_count,
            t.task_count,
            t.owner,
            t.topology_id,
        )
        for t in topologies
    ]
    return table(("NAME", "STATUS", "UPTIME", "CONTAINERS", "TASKS", "OWNER", "ID"), rows, right=(2, 3, 4))


def cluster_page(address: str, cluster: ClusterSummary) -> str:
    """Return the page of the whole cluster."""
    hosts = ", ".join(sorted(set(cluster.hosts))) or "none"
    slots = f"{cluster.used_slot_count} of {plural(cluster.slot_count, 'slot')} in use"
    lines = [
        f"Nimbus at {address}, up {duration(cluster.uptime_s)}, behaves like Storm {cluster.version}",
        f"{plural(len(cluster.hosts), 'host')}: {hosts}; {slots}",
        "",
    ]
    if cluster.topologies:
        lines.append(topology_table(cluster.topologies))
    else:
        lines.append("No topologies running. Submit one with: heronry submit PATH")
    return "\n".join(lines)


def topology_page(info: TopologyInfo, *, now_s: float, has_executors: bool) -> str:
    """Return the page of one topology."""
    own = info.own_executors()
    places = sorted({(e.host, e.port) for e in own})
    title = f"{styled(info.name, bold=True)} is {status_text(info.status)}, up {duration(info.uptime_s)}"
    by = f", submitted by {info.owner}" if info.owner else ""
    lines = [title, f"{info.topology_id}{by}"]
    if info.scheduler_status:
        lines.append(styled(info.scheduler_status, colour="yellow"))
    lines += ["", component_table(info)]
    if has_executors:
        lines += ["", executor_table(own)]
    else:
        shown = ", ".join(f"{host}:{port}" for host, port in places) or "none yet"
        lines += ["", f"{plural(len(places), 'container')}: {shown}"]
    if info.errors:
        lines += ["", styled("Errors, newest first", bold=True)]
        grouped = by_kind(info.errors)
        lines += [error_text(error, count, now_s=now_s) for error, count in grouped[:_MAX_ERRORS]]
        if len(grouped) > _MAX_ERRORS:
            lines.append(f"... and {plural(len(grouped) - _MAX_ERRORS, 'older error')}; --json shows all")
    return "\n".join(lines)


def component_table(info: TopologyInfo) -> str:
    """Return one line per component, summed over its executors; spouts first."""
    rows = []
    for component, executors in info.components().items():
        if component.startswith("__"):
            continue
        counts = [e.counts for e in executors if e.counts is not None]
        is_spout = any(c.is_spout for c in counts)
        kind = "-" if not counts else ("spout" if is_spout else "bolt")
        timed = [(c.latency_ms, c.acked) for c in counts if c.latency_ms is not None and c.acked]
        weight = sum(n for _, n in timed)
        latency = f"{sum(ms * n for ms, n in timed) / weight:.2f}" if weight else None
        rows.append(
            (
                component,
                kind,
                sum(e.task_count for e in executors),
                sum(c.emitted for c in counts),
                sum(c.transferred for c in counts),
                None if is_spout or not counts else total(c.executed for c in counts),
                total(c.acked for c in counts),
                total(c.failed for c in counts),
                latency,
            )
        )
    rows.sort(key=lambda row: (row[1] != "spout", row[0]))
    header = (
        "COMPONENT", "KIND", "TASKS", "EMITTED", "TRANSFERRED", "EXECUTED", "ACKED", "FAILED", "LATENCY MS"
    )  # fmt: skip
    return table(header, rows, right=range(2, 9))


def total(counts: Iterable[int | None]) -> int | None:
    """Return the sum; None if one of them is not known."""
    known = [*counts]
    return None if None in known else sum(count or 0 for count in known)


def executor_table(executors: Sequence[ExecutorSummary]) -> str:
    """Return one line per executor, with the place it runs at."""
    rows = [
        (
            e.component,
            f"{e.first_task}-{e.last_task}" if e.last_task > e.first_task else e.first_task,
            e.host,
            e.port,
            duration(e.uptime_s),
            e.counts.emitted if e.counts else None,
            e.counts.acked if e.counts else None,
            e.counts.failed if e.counts else None,
        )
        for e in executors
    ]
    header = ("COMPONENT", "TASK", "HOST", "PORT", "UPTIME", "EMITTED", "ACKED", "FAILED")
    return table(header, rows, right=range(3, 8))


def by_kind(errors: Sequence[ErrorSummary]) -> list[tuple[ErrorSummary, int]]:
    """Return the newest of each kind of error of a component, and how many there are of it."""
    groups: dict[tuple[str, str], list[ErrorSummary]] = {}
    for error in errors:
        groups.setdefault((error.component, error.kind), []).append(error)
    return [(group[0], len(group)) for group in groups.values()]


def error_text(error: ErrorSummary, count: int, *, now_s: float) -> str:
    """Return one error in full: its age, place and how often it came, then its own lines, indented."""
    place = f" on {error.host}:{error.port}" if error.host else ""
    often = f", {count} times" if count > 1 else ""
    head = f"{styled(error.component, colour='red')}, {duration(now_s - error.time_s)} ago{place}{often}"
    return "\n".join([head, *("    " + line for line in error.text.rstrip().splitlines())])
