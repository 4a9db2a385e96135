"""TopologyPageInfo: a topology with a row for each component and its sums over time."""

from __future__ import annotations

from typing import Any

import simplejson

from scheduler.control.messages import Answer
from scheduler.topology import Component
from storm_compat.alive import Alive
from storm_compat.stats import aggregates
from storm_compat.stats.machine import Machine
from storm_compat.stats.topology import about, debug_options, sizes, topology_version
from storm_compat.stats.view import WINDOWS, View, is_shown, shown, window_or_all
from storm_compat.stats.workers import worker_summaries
from storm_compat.system import SYSTEM
from storm_compat.thrift import idl

SYSTEM_COMPONENT = Component(SYSTEM, False, (), {}, (), (), 0, is_system=True)
"""Has no task, and so is no part of our topologies; Storm shows it among the bolts."""


def topology_page(
    alive: Alive,
    answer: Answer,
    machine: Machine,
    now: float,
    *,
    window: str | None,
    is_include_sys: bool,
) -> Any:
    """Return the TopologyPageInfo.

    Args:
        window: what the rows of components are about; None, or none of Storm's: all time.
    """
    view = View(alive, answer, machine, now)
    rows: dict[bool, dict[str, Any]] = {True: {}, False: {}}
    for component in (*view.topology.components, SYSTEM_COMPONENT):
        if is_shown(component.component, is_include_sys=is_include_sys):
            rows[component.is_spout][component.component] = aggregates.of_component(
                view, component, window=window_or_all(window), is_include_sys=is_include_sys
            )
    return idl.load().TopologyPageInfo(
        id=alive.topology_id,
        name=alive.name,
        uptime_secs=view.uptime_s,
        status=alive.status.status.value,
        debug_options=debug_options(alive, alive.topology_id),
        topology_conf=simplejson.dumps(view.topology.conf, ignore_nan=True),
        id_to_spout_agg_stats=rows[True],
        id_to_bolt_agg_stats=rows[False],
        topology_stats=_topology_stats(view, is_include_sys=is_include_sys),
        workers=worker_summaries(view, is_include_sys=is_include_sys),
        topology_version=topology_version(alive),
        **sizes(alive),
        **about(alive, machine, answer, now),
    )


def _topology_stats(view: View, *, is_include_sys: bool) -> Any:
    """Return the sums by window: of what all components emit, and of what becomes of spouts' tuples."""
    stats = idl.load().TopologyStats(
        window_to_emitted={},
        window_to_transferred={},
        window_to_complete_latencies_ms={},
        window_to_acked={},
        window_to_failed={},
    )
    spouts = [
        task for component in view.topology.components if component.is_spout for task in component.tasks
    ]
    tasks = [task for component in view.topology.components for task in component.tasks]
    for window in WINDOWS:
        everything, of_spouts = view.sums(tasks, window), view.sums(spouts, window)
        for sums, counts in (
            (stats.window_to_emitted, everything.emitted),
            (stats.window_to_transferred, everything.transferred),
        ):
            sums[window] = sum(counts[stream] for stream in shown(counts, is_include_sys=is_include_sys))
        stats.window_to_complete_latencies_ms[window] = of_spouts.latency_ms(of_spouts.latency_count)
        stats.window_to_acked[window] = sum(of_spouts.acked.values())
        stats.window_to_failed[window] = sum(of_spouts.failed.values())
    return stats
