"""Pages about the cluster: its summary, nimbuses, supervisors, the list of topologies, owners. Pure.

Every function takes the struct that the handler returns and gives the object that is sent as JSON; the keys
and their order are Storm's.

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/UIHelpers.java
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from storm_compat.rest.texts import Site, decimal, duration, encoded, generics

Page = dict[str, Any]


def cluster_summary(info: Any, site: Site) -> Page:
    """Return the page of a ClusterSummary."""
    supervisors = info.supervisors
    version = next((nimbus.version for nimbus in info.nimbuses), "")
    slots = sum(supervisor.num_workers for supervisor in supervisors)
    used = sum(supervisor.num_used_workers for supervisor in supervisors)
    memory = sum(map(_memory, supervisors))
    cpu = sum(map(_cpu, supervisors))
    used_memory = sum(supervisor.used_mem or 0.0 for supervisor in supervisors)
    used_cpu = sum(supervisor.used_cpu or 0.0 for supervisor in supervisors)
    return {
        "user": None,
        "stormVersion": version,
        "stormVersionInfo": {
            "version": version,
            "revision": "Unknown",
            "branch": "Unknown",
            "date": "Unknown",
            "srcChecksum": "Unknown",
        },
        # Before 1.0; streamparse still shows it.
        "nimbusUptime": duration(info.nimbus_uptime_secs),
        "supervisors": len(supervisors),
        "topologies": len(info.topologies),
        "slotsTotal": slots,
        "slotsUsed": used,
        "slotsFree": slots - used,
        "executorsTotal": sum(topology.num_executors for topology in info.topologies),
        "tasksTotal": sum(topology.num_tasks for topology in info.topologies),
        "totalMem": memory,
        "totalCpu": cpu,
        "availMem": memory - used_memory,
        "availCpu": cpu - used_cpu,
        "fragmentedMem": sum(supervisor.fragmented_mem or 0.0 for supervisor in supervisors),
        "fragmentedCpu": sum(supervisor.fragmented_cpu or 0.0 for supervisor in supervisors),
        "memAssignedPercentUtil": _percent(used_memory, memory),
        "cpuAssignedPercentUtil": _percent(used_cpu, cpu),
        "schedulerDisplayResource": site.scheduler_display_resource,
        **site.outside_links(),
        "availGenerics": "",
        "totalGenerics": "",
    }


def nimbus_summary(info: Any, site: Site) -> Page:
    """Return the page of the nimbuses in a ClusterSummary."""
    return {
        "nimbuses": [
            {
                "host": nimbus.host,
                "port": nimbus.port,
                "status": "Leader" if nimbus.isLeader else "Not a Leader",
                "version": nimbus.version,
                "nimbusUpTime": duration(nimbus.uptime_secs),
                "nimbusUpTimeSeconds": nimbus.uptime_secs,
                "nimbusLogLink": site.daemon_log_link(),
            }
            for nimbus in info.nimbuses
        ]
    }


def supervisor_summary(supervisors: Iterable[Any], site: Site) -> Page:
    """Return the page of all SupervisorSummary."""
    return {
        **site.log_viewer(),
        "supervisors": [_supervisor(supervisor, site) for supervisor in supervisors],
        "schedulerDisplayResource": site.scheduler_display_resource,
    }


def supervisor_page(info: Any, site: Site) -> Page:
    """Return the page of a SupervisorPageInfo."""
    return {
        **supervisor_summary(info.supervisor_summaries or (), site),
        "workers": [worker(summary, site) for summary in info.worker_summaries or ()],
    }


def topology_list(topologies: Iterable[Any], site: Site) -> Page:
    """Return the page of all TopologySummary."""
    return {
        "topologies": [_topology(topology) for topology in topologies],
        "schedulerDisplayResource": site.scheduler_display_resource,
    }


def owner_list(owners: Iterable[Any], site: Site) -> Page:
    """Return the page of all OwnerResourceSummary."""
    return {
        "schedulerDisplayResource": site.scheduler_display_resource,
        "owners": [_owner(owner) for owner in owners],
    }


def owner_page(owner: str, found: Sequence[Any], topologies: Iterable[Any], site: Site) -> Page:
    """Return the page of one owner; one that owns nothing has zeros."""
    if not found:
        return {**_owner(None), "owner": owner}
    return {
        "schedulerDisplayResource": site.scheduler_display_resource,
        **_owner(found[0]),
        "topologies": [_topology(topology) for topology in topologies if topology.owner == owner],
    }


def history(info: Any) -> Page:
    """Return the page of a TopologyHistoryInfo."""
    return {"topo-history": info.topo_ids or []}


def worker(summary: Any, site: Site) -> Page:
    """Return what is shown of a WorkerSummary."""
    return {
        "supervisorId": summary.supervisor_id,
        "host": summary.host,
        "port": summary.port,
        "topologyId": summary.topology_id,
        "topologyName": summary.topology_name,
        "executorsTotal": summary.num_executors,
        "assignedMemOnHeap": summary.assigned_memonheap or 0.0,
        "assignedMemOffHeap": summary.assigned_memoffheap or 0.0,
        "assignedCpu": summary.assigned_cpu or 0.0,
        "componentNumTasks": summary.component_to_num_tasks,
        "uptime": duration(summary.uptime_secs),
        "uptimeSeconds": summary.uptime_secs or 0,
        "workerLogLink": site.log_link(summary.topology_id, summary.port),
        "owner": summary.owner,
    }


def resources(struct: Any) -> Page:
    """Return what is requested and assigned, of a TopologySummary or a TopologyPageInfo."""
    on_heap, off_heap = struct.requested_memonheap or 0.0, struct.requested_memoffheap or 0.0
    has_on_heap, has_off_heap = struct.assigned_memonheap or 0.0, struct.assigned_memoffheap or 0.0
    return {
        "requestedMemOnHeap": on_heap,
        "requestedMemOffHeap": off_heap,
        "requestedTotalMem": on_heap + off_heap,
        "requestedCpu": struct.requested_cpu or 0.0,
        "requestedGenericResources": generics(struct.requested_generic_resources),
        "assignedMemOnHeap": has_on_heap,
        "assignedMemOffHeap": has_off_heap,
        "assignedTotalMem": has_on_heap + has_off_heap,
        "assignedCpu": struct.assigned_cpu or 0.0,
        "assignedGenericResources": generics(struct.assigned_generic_resources),
    }


def _supervisor(summary: Any, site: Site) -> Page:
    memory, cpu = _memory(summary), _cpu(summary)
    used_memory, used_cpu = summary.used_mem or 0.0, summary.used_cpu or 0.0
    return {
        "id": summary.supervisor_id,
        "host": summary.host,
        "uptime": duration(summary.uptime_secs),
        "uptimeSeconds": summary.uptime_secs,
        "blacklisted": bool(summary.blacklisted),
        "slotsTotal": summary.num_workers,
        "slotsUsed": summary.num_used_workers,
        "slotsFree": max(summary.num_workers - summary.num_used_workers, 0),
        "totalMem": memory,
        "totalCpu": cpu,
        "usedMem": used_memory,
        "usedCpu": used_cpu,
        "availMem": memory - used_memory,
        "availCpu": cpu - used_cpu,
        "version": summary.version,
        "logLink": site.daemon_log_link(),
        "totalGenericResources": generics(summary.total_resources),
        "usedGenericResources": generics(summary.used_generic_resources),
        "availGenericResources": generics(summary.total_resources),
    }


def _topology(summary: Any) -> Page:
    return {
        "id": summary.id,
        "encodedId": encoded(summary.id),
        "owner": summary.owner,
        "name": summary.name,
        "status": summary.status,
        "uptime": duration(summary.uptime_secs),
        "uptimeSeconds": summary.uptime_secs,
        "tasksTotal": summary.num_tasks,
        "workersTotal": summary.num_workers,
        "executorsTotal": summary.num_executors,
        "replicationCount": summary.replication_count or 0,
        "schedulerInfo": summary.sched_status,
        **resources(summary),
        "topologyVersion": summary.topology_version,
        "stormVersion": summary.storm_version,
    }


def _owner(summary: Any) -> Page:
    def number(name: str) -> Any:
        return getattr(summary, name, None) or 0

    def guarantee(name: str) -> Any:
        value = getattr(summary, name, None)
        return "N/A" if value is None else value

    isolated = getattr(summary, "isolated_node_guarantee", None)
    return {
        "owner": getattr(summary, "owner", None),
        "totalTopologies": number("total_topologies"),
        "totalExecutors": number("total_executors"),
        "totalWorkers": number("total_workers"),
        "totalTasks": number("total_tasks"),
        "totalMemoryUsage": number("memory_usage"),
        "totalCpuUsage": number("cpu_usage"),
        "memoryGuarantee": guarantee("memory_guarantee"),
        "cpuGuarantee": guarantee("cpu_guarantee"),
        "isolatedNodes": -1 if isolated is None else isolated,
        "memoryGuaranteeRemaining": guarantee("memory_guarantee_remaining"),
        "cpuGuaranteeRemaining": guarantee("cpu_guarantee_remaining"),
        "totalReqOnHeapMem": number("requested_on_heap_memory"),
        "totalReqOffHeapMem": number("requested_off_heap_memory"),
        "totalReqMem": number("requested_total_memory"),
        "totalReqCpu": number("requested_cpu"),
        "totalAssignedOnHeapMem": number("assigned_on_heap_memory"),
        "totalAssignedOffHeapMem": number("assigned_off_heap_memory"),
    }


def _memory(supervisor: Any) -> float:
    return _resource(supervisor, "memory.mb", "supervisor.memory.capacity.mb")


def _cpu(supervisor: Any) -> float:
    return _resource(supervisor, "cpu.pcore.percent", "supervisor.cpu.capacity")


def _resource(supervisor: Any, name: str, older_name: str) -> float:
    total = supervisor.total_resources or {}
    return float(total.get(name, total.get(older_name, 0.0)))


def _percent(used: float, total: float) -> str:
    return decimal(used * 100.0 / total) if total > 0 else "0.0"
