"""The page about one component of a topology. Pure.

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/UIHelpers.java
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from storm_compat.rest.cluster import Page
from storm_compat.rest.texts import (
    Site,
    by_window,
    component_error,
    decimal,
    duration,
    encoded,
    executor_name,
    window_name,
)
from storm_compat.rest.topology import component_resources, debugging


def component_page(
    info: Any,
    topology_id: str,
    window: str,
    site: Site,
    now: float,
    *,
    is_spout: bool,
    profiled: Iterable[Any] = (),
) -> Page:
    """Return the page of a ComponentPageInfo; ``profiled`` are the ProfileRequest under way."""
    executors = sorted(info.exec_stats or (), key=lambda stats: stats.exec_summary.executor_info.task_start)
    outputs = sorted((info.sid_to_output_stats or {}).items())
    windows = [(window, info.window_to_stats[window]) for window in by_window(info.window_to_stats or {})]
    return {
        "user": None,
        "id": info.component_id,
        "encodedId": encoded(info.component_id),
        "name": info.topology_name,
        "executors": info.num_executors or 0,
        "tasks": info.num_tasks or 0,
        "componentType": "spout" if is_spout else "bolt",
        **component_resources(info.resources_map or {}, "requestedGenericResources"),
        "schedulerDisplayResource": site.scheduler_display_resource,
        "topologyId": topology_id,
        "encodedTopologyId": encoded(topology_id),
        "topologyStatus": info.topology_status,
        "window": window,
        "windowHint": window_name(window),
        **debugging(info.debug_options),
        **_event_log(info, topology_id, site),
        "profilingAndDebuggingCapable": True,
        "profileActionEnabled": bool(site.conf.get("worker.profiler.enabled", False)),
        "profilerActive": [_profiled(request, topology_id, site, now) for request in profiled],
        **(
            {"spoutSummary": [_spout_window(window, stats) for window, stats in windows]}
            if is_spout
            else {
                "boltStats": [_bolt_window(window, stats) for window, stats in windows],
                "inputStats": [_input(source, stats) for source, stats in _inputs(info)],
            }
        ),
        "outputStats": [_output(stream, stats, is_spout=is_spout) for stream, stats in outputs],
        "executorStats": [_executor(stats, topology_id, site, is_spout=is_spout) for stats in executors],
        "componentErrors": [component_error(error, topology_id, site, now) for error in info.errors or ()],
    }


def _inputs(info: Any) -> list[tuple[Any, Any]]:
    found = (info.gsid_to_input_stats or {}).items()
    return sorted(found, key=lambda item: (item[0].componentId, item[0].streamId))


def _event_log(info: Any, topology_id: str, site: Site) -> Page:
    if not info.eventlog_host:
        return {}
    name = encoded(f"{topology_id}/{info.eventlog_port}/events.log")
    return {"eventLogLink": f"http://{site.log_address}/api/v1/log?file={name}"}


def _profiled(request: Any, topology_id: str, site: Site, now: float) -> Page:
    node = request.nodeInfo
    port = int(next(iter(node.port or ()), 0))
    return {
        "host": node.node,
        "port": str(port),
        "dumplink": site.dump_link(topology_id, node.node, port),
        "timestamp": int(now * 1000) - (request.time_stamp or 0),
    }


def _spout_window(window: str, stats: Any) -> Page:
    return {
        "window": window,
        "windowPretty": window_name(window),
        **_emitted(stats.common_stats),
        "completeLatency": decimal(stats.specific_stats.spout.complete_latency_ms),
        **_finished(stats.common_stats),
        "lastError": "" if stats.last_error is None else stats.last_error.error[:200],
    }


def _bolt_window(window: str, stats: Any) -> Page:
    return {
        "window": window,
        "windowPretty": window_name(window),
        **_emitted(stats.common_stats),
        **_work(stats.specific_stats.bolt),
        "capacity": decimal(stats.specific_stats.bolt.capacity),
        **_finished(stats.common_stats),
    }


def _input(source: Any, stats: Any) -> Page:
    return {
        "component": source.componentId,
        "encodedComponentId": encoded(source.componentId),
        "stream": source.streamId,
        **_work(stats.specific_stats.bolt),
        **_finished(stats.common_stats),
    }


def _output(stream: str, stats: Any, *, is_spout: bool) -> Page:
    shown = {"stream": stream, **_emitted(stats.common_stats)}
    if is_spout:
        shown["completeLatency"] = decimal(stats.specific_stats.spout.complete_latency_ms)
        shown |= _finished(stats.common_stats)
    return shown


def _executor(stats: Any, topology_id: str, site: Site, *, is_spout: bool) -> Page:
    summary, found = stats.exec_summary, stats.stats
    specific = found.specific_stats
    name = executor_name(summary.executor_info)
    return {
        "id": name,
        "encodedId": encoded(name),
        "uptime": duration(summary.uptime_secs),
        "uptimeSeconds": summary.uptime_secs,
        "host": summary.host,
        "port": summary.port,
        **_emitted(found.common_stats),
        **(
            {"completeLatency": decimal(specific.spout.complete_latency_ms)}
            if is_spout
            else {"capacity": decimal(specific.bolt.capacity), **_work(specific.bolt)}
        ),
        **_finished(found.common_stats),
        "workerLogLink": site.log_link(topology_id, summary.port),
    }


def _emitted(common: Any) -> Page:
    return {"emitted": common.emitted or 0, "transferred": common.transferred or 0}


def _finished(common: Any) -> Page:
    return {"acked": common.acked or 0, "failed": common.failed or 0}


def _work(bolt: Any) -> Page:
    return {
        "executeLatency": decimal(bolt.execute_latency_ms),
        "executed": bolt.executed or 0,
        "processLatency": decimal(bolt.process_latency_ms),
    }
