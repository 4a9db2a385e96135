"""ComponentPageInfo: one component by window, by stream and by executor, with its errors."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, unquote_plus

from scheduler.control.messages import Answer
from scheduler.topology import Component, Topology
from storm_compat.alive import Alive
from storm_compat.errors import NoSuchComponent
from storm_compat.stats import aggregates, resources
from storm_compat.stats.machine import Machine
from storm_compat.stats.topology import debug_options, executor_summary, input_ids
from storm_compat.stats.topology_page import SYSTEM_COMPONENT
from storm_compat.stats.view import WINDOWS, View, executor_ranges, window_or_all
from storm_compat.system import event_logger_count
from storm_compat.thrift import idl


def component_page(
    alive: Alive,
    answer: Answer,
    machine: Machine,
    now: float,
    *,
    component_id: str | None,
    window: str | None,
    is_include_sys: bool,
) -> Any:
    """Return the ComponentPageInfo.

    Args:
        component_id: as it is, or encoded for a URL, as Storm's clients send it.
        window: what the rows of streams and executors are about; None, or none of Storm's: all time.

    Raises:
        NoSuchComponent: Storm's text.
    """
    view = View(alive, answer, machine, now)
    component = find_component(view.topology, component_id)
    meant = window_or_all(window)
    sums = view.sums(component.tasks, meant)
    inputs = {} if component.is_system else input_ids(component)
    executors = _executors(view, component, meant, is_include_sys=is_include_sys)
    # Each container has the events of its own tasks; a page has room for one.
    events = executors[0].exec_summary if executors and event_logger_count(view.topology.conf) else None
    return idl.load().ComponentPageInfo(
        eventlog_host=None if events is None else events.host,
        eventlog_port=None if events is None else events.port,
        component_id=component.component,
        component_type=aggregates.component_type(component),
        topology_id=alive.topology_id,
        topology_name=alive.name,
        topology_status=alive.status.status.value,
        debug_options=debug_options(alive, component.component),
        num_executors=component.executor_count,
        num_tasks=len(component.tasks),
        window_to_stats={
            each: aggregates.of_tasks(
                view, component, component.tasks, window=each, is_include_sys=is_include_sys
            )
            for each in WINDOWS
        },
        sid_to_output_stats={
            stream: aggregates.of_output(component, sums, stream)
            for stream in aggregates.declared_streams(component, sums, is_include_sys=is_include_sys)
        },
        gsid_to_input_stats={gsid: aggregates.of_input(component, sums, key) for key, gsid in inputs.items()},
        exec_stats=executors,
        errors=[view.error_info(error) for error in view.errors(component.component)],
        resources_map=resources.of_component(view.topology, component),
    )


def find_component(topology: Topology, component_id: str | None) -> Component:
    """Return the component of that id, which may be encoded for a URL.

    Raises:
        NoSuchComponent: there is none.
    """
    known = {c.component: c for c in (*topology.components, SYSTEM_COMPONENT)}
    given = component_id or ""
    for meant in (given, unquote_plus(given), unquote(given)):
        if meant in known:
            return known[meant]
    raise NoSuchComponent(given)


def _executors(view: View, component: Component, window: str, *, is_include_sys: bool) -> list[Any]:
    return [
        idl.load().ExecutorAggregateStats(
            exec_summary=executor_summary(view, component, tasks, None),
            stats=aggregates.of_tasks(view, component, tasks, window=window, is_include_sys=is_include_sys),
        )
        for tasks in executor_ranges(component)
    ]
