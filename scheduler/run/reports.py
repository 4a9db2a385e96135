"""What a container tells the topology process about its tasks. Pure."""

from __future__ import annotations

from scheduler.control.messages import TaskReport
from scheduler.stream.local_task import LocalTask


def task_report(
    local: LocalTask, *, state: str, pid: int, uptime_s: float, restart_count: int, now: float
) -> TaskReport:
    """Return the counters of a task as they are now."""
    routes = local.routes.values()
    if local.is_spout:
        acked = {r.stream: r.acked for r in routes}
        failed = {r.stream: r.failed for r in routes}
        latency_ms_sum = {r.stream: r.latency_ms_sum for r in routes}
        latency_count = {r.stream: r.latency_count for r in routes}
        executed: dict[str, int] = {}
    else:
        names = [f"{source}:{stream}" for source, stream in local.inputs]
        # A counter starts at its index and grows by the step with each delivery.
        executed = {n: local.counters[i] // local.step for i, n in enumerate(names)}
        acked = dict(zip(names, local.acked, strict=False))
        failed = dict(zip(names, local.failed, strict=False))
        latency_ms_sum = dict(zip(names, local.latency_ms_sum, strict=False))
        latency_count = dict(zip(names, local.latency_count, strict=False))
    held_ms = local.held_ms + (0.0 if local.held_since is None else (now - local.held_since) * 1000)
    return TaskReport(
        task=local.task,
        component=local.component,
        state=state,
        pid=pid,
        uptime_s=uptime_s,
        restart_count=restart_count,
        emitted={r.stream: r.emitted for r in routes},
        transferred={r.stream: r.transferred for r in routes},
        executed=executed,
        acked=acked,
        failed=failed,
        latency_ms_sum=latency_ms_sum,
        latency_count=latency_count,
        pending_count=local.live if local.is_spout else len(local.pend),
        queued_bytes=local.queued_bytes,
        held_ms=int(held_ms),
        busy_ms=int(local.busy_ms),
    )
