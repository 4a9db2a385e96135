"""Pages about one topology: the whole of it, where its workers are, its log levels. Pure.

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/UIHelpers.java
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import simplejson

from storm_compat.rest.cluster import Page, resources, worker
from storm_compat.rest.texts import (
    Site,
    by_window,
    decimal,
    duration,
    encoded,
    generics,
    last_error,
    window_name,
)

DEFAULT_SAMPLING_PERCENT = 10.0
"""Shown while nothing is sampled: what the form on Storm's page begins with."""

_MEMORY_KINDS = ("regular_on_heap", "shared_on_heap", "regular_off_heap", "shared_off_heap")


def topology_page(info: Any, window: str, site: Site, now: float) -> Page:
    """Return the page of a TopologyPageInfo; ``window`` was asked for, ``now`` is in epoch seconds."""
    configuration = simplejson.loads(info.topology_conf or "{}")
    return {
        "id": info.id,
        "encodedId": encoded(info.id),
        "owner": info.owner,
        "name": info.name,
        "status": info.status,
        "uptime": duration(info.uptime_secs),
        "uptimeSeconds": info.uptime_secs or 0,
        "tasksTotal": info.num_tasks or 0,
        "workersTotal": info.num_workers or 0,
        "executorsTotal": info.num_executors or 0,
        "replicationCount": info.replication_count or 0,
        "schedulerInfo": info.sched_status,
        **resources(info),
        **_memory_kinds(info),
        "topologyStats": _windows(info.topology_stats),
        "workers": [worker(summary, site) for summary in info.workers or ()],
        "spouts": [
            _spout(component, stats, info.id, site, now)
            for component, stats in sorted((info.id_to_spout_agg_stats or {}).items())
        ],
        "bolts": [
            _bolt(component, stats, info.id, site, now)
            for component, stats in sorted((info.id_to_bolt_agg_stats or {}).items())
        ],
        "configuration": configuration,
        **debugging(info.debug_options),
        "topologyVersion": info.topology_version,
        "stormVersion": info.storm_version,
        "user": None,
        "window": window,
        "windowHint": window_name(window),
        "msgTimeout": configuration.get("topology.message.timeout.secs"),
        "visualizationTable": [],
        "schedulerDisplayResource": site.scheduler_display_resource,
        **site.outside_links(),
    }


def worker_list(info: Any, site: Site) -> Page:
    """Return where the workers of a TopologyInfo are."""
    places = sorted({(executor.host, executor.port) for executor in info.executors})
    return {
        "hostPortList": [{"host": host, "port": port} for host, port in places],
        **site.log_viewer(),
    }


def log_levels(config: Any) -> Page:
    """Return the page of a LogConfig."""
    return {
        "namedLoggerLevels": {
            logger: {
                "target_level": level.target_log_level,
                "reset_level": level.reset_log_level,
                "timeout": level.reset_log_level_timeout_secs or 0,
                "timeout_epoch": level.reset_log_level_timeout_epoch or 0,
            }
            for logger, level in sorted((config.named_logger_level or {}).items())
        }
    }


def debugging(options: Any) -> Page:
    """Return whether tuples are sampled, and how many of a hundred."""
    is_on = options is not None and bool(options.enable)
    percent = options.samplingpct if is_on and options.samplingpct is not None else DEFAULT_SAMPLING_PERCENT
    return {"debug": is_on, "samplingPct": percent}


def component_resources(found: Mapping[str, float] | None, generic_key: str) -> Page:
    """Return what a component asks for; empty if that is not known."""
    if found is None:
        return {}
    return {
        "requestedMemOnHeap": found.get("onheap.memory.mb"),
        "requestedMemOffHeap": found.get("offheap.memory.mb"),
        "requestedCpu": found.get("cpu.pcore.percent"),
        generic_key: generics(found),
    }


def _memory_kinds(info: Any) -> Page:
    found = {}
    for verb in ("requested", "assigned"):
        for kind in _MEMORY_KINDS:
            key = verb + "".join(word.title() for word in kind.split("_")) + "Mem"
            found[key] = getattr(info, f"{verb}_{kind}_memory") or 0.0
    return found


def _windows(stats: Any) -> list[Page]:
    if stats is None:
        return []
    acked, failed = stats.window_to_acked or {}, stats.window_to_failed or {}
    latencies = stats.window_to_complete_latencies_ms or {}
    return [
        {
            "windowPretty": window_name(window),
            "window": window,
            "emitted": stats.window_to_emitted[window],
            "transferred": (stats.window_to_transferred or {}).get(window, 0),
            "completeLatency": decimal(latencies.get(window)),
            "acked": acked.get(window, 0),
            "failed": failed.get(window, 0),
        }
        for window in by_window(stats.window_to_emitted or {})
    ]


def _spout(component: str, stats: Any, topology_id: str, site: Site, now: float) -> Page:
    return {
        "spoutId": component,
        "encodedSpoutId": encoded(component),
        **_common(stats.common_stats),
        "completeLatency": decimal(stats.specific_stats.spout.complete_latency_ms),
        **last_error(stats.last_error, topology_id, site, now),
    }


def _bolt(component: str, stats: Any, topology_id: str, site: Site, now: float) -> Page:
    bolt = stats.specific_stats.bolt
    return {
        "boltId": component,
        "encodedBoltId": encoded(component),
        **_common(stats.common_stats),
        "capacity": decimal(bolt.capacity),
        "executeLatency": decimal(bolt.execute_latency_ms),
        "executed": bolt.executed or 0,
        "processLatency": decimal(bolt.process_latency_ms),
        **last_error(stats.last_error, topology_id, site, now),
    }


def _common(stats: Any) -> Page:
    return {
        "executors": stats.num_executors or 0,
        "tasks": stats.num_tasks or 0,
        "emitted": stats.emitted or 0,
        "transferred": stats.transferred or 0,
        "acked": stats.acked or 0,
        "failed": stats.failed or 0,
        **component_resources(stats.resources_map, "requestedGenericResourcesComp"),
    }
