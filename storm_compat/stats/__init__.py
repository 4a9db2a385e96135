"""The numbers and pages that Storm's clients ask for, made from records and reports. Pure.

    Alive (records)  +  Answer (what the topology process knows)  ->  Thrift structs, required fields all set

    cluster         nimbus, supervisors, owners
    topology        TopologySummary and TopologyInfo
    topology_page   TopologyPageInfo
    component_page  ComponentPageInfo
    workers         WorkerSummary and SupervisorPageInfo
    assignments     SupervisorAssignments
    aggregates      the rows of pages: what some tasks counted, summed up
    resources       what topologies ask for
    view, machine   what all of them look at

An executor is Storm's unit and only a way to group tasks here: each task is
a process of its own, and an executor is shown where its first task lives.
Ackers have no process; they are shown spread over the containers, without
numbers.  Counters are exact, so `rate` is 1.

Declared streams show a zero from the first moment, because `storm monitor`
gives up on a stream that it does not find.
"""

from __future__ import annotations

from storm_compat.stats.assignments import supervisor_assignments
from storm_compat.stats.cluster import cluster_summary, nimbus_summary, owner_summaries
from storm_compat.stats.component_page import component_page
from storm_compat.stats.machine import Machine
from storm_compat.stats.topology import topology_info, topology_summary
from storm_compat.stats.topology_page import topology_page
from storm_compat.stats.workers import supervisor_page

__all__ = [
    "Machine",
    "cluster_summary",
    "component_page",
    "nimbus_summary",
    "owner_summaries",
    "supervisor_assignments",
    "supervisor_page",
    "topology_info",
    "topology_page",
    "topology_summary",
]
