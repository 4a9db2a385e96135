"""Keys are those of Storm's REST API; the values come from structs as the handler makes them."""

from storm_compat import stats
from storm_compat.rest import cluster
from storm_compat.rest.texts import Site
from storm_compat.thrift import idl
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive

SITE = Site({"scheduler.display.resource": True, "ui.project.bugtracker.url": "b"}, "127.0.0.1:8000")
INFO = stats.cluster_summary([alive()], MACHINE, NOW)
LOG = "http://127.0.0.1:8000/api/v1/daemonlog?file=nimbus.log"


def test_the_summary_of_the_cluster() -> None:
    assert cluster.cluster_summary(INFO, SITE) == {
        "user": None,
        "stormVersion": "2.8.2",
        "stormVersionInfo": {
            "version": "2.8.2",
            "revision": "Unknown",
            "branch": "Unknown",
            "date": "Unknown",
            "srcChecksum": "Unknown",
        },
        "nimbusUptime": "50s",
        "supervisors": 1,
        "topologies": 1,
        "slotsTotal": 8,
        "slotsUsed": 2,
        "slotsFree": 6,
        "executorsTotal": 5,
        "tasksTotal": 5,
        "totalMem": 1000.0,
        "totalCpu": 200.0,
        "availMem": 1000.0,
        "availCpu": 200.0,
        "fragmentedMem": 0.0,
        "fragmentedCpu": 0.0,
        "memAssignedPercentUtil": "0.000",
        "cpuAssignedPercentUtil": "0.000",
        "schedulerDisplayResource": True,
        "bugtracker-url": "b",
        "central-log-url": None,
        "availGenerics": "",
        "totalGenerics": "",
    }


def test_the_nimbuses() -> None:
    assert cluster.nimbus_summary(INFO, SITE) == {
        "nimbuses": [
            {
                "host": "h",
                "port": 6627,
                "status": "Leader",
                "version": "2.8.2",
                "nimbusUpTime": "50s",
                "nimbusUpTimeSeconds": 50,
                "nimbusLogLink": LOG,
            }
        ]
    }


def test_the_supervisors() -> None:
    shown = cluster.supervisor_summary(INFO.supervisors, SITE)
    assert shown["supervisors"] == [
        {
            "id": "h-local",
            "host": "h",
            "uptime": "50s",
            "uptimeSeconds": 50,
            "blacklisted": False,
            "slotsTotal": 8,
            "slotsUsed": 2,
            "slotsFree": 6,
            "totalMem": 1000.0,
            "totalCpu": 200.0,
            "usedMem": 0.0,
            "usedCpu": 0.0,
            "availMem": 1000.0,
            "availCpu": 200.0,
            "version": "2.8.2",
            "logLink": LOG,
            "totalGenericResources": "",
            "usedGenericResources": None,
            "availGenericResources": "",
        }
    ]
    assert (shown["logviewerPort"], shown["logviewerScheme"]) == (8000, "http")
    assert shown["schedulerDisplayResource"] is True


def test_the_topologies() -> None:
    (shown,) = cluster.topology_list(INFO.topologies, SITE)["topologies"]
    assert shown == {
        "id": "wc-1-17",
        "encodedId": "wc-1-17",
        "owner": "me",
        "name": "wc",
        "status": "ACTIVE",
        "uptime": "20s",
        "uptimeSeconds": 20,
        "tasksTotal": 5,
        "workersTotal": 2,
        "executorsTotal": 5,
        "replicationCount": 1,
        "schedulerInfo": shown["schedulerInfo"],
        "requestedMemOnHeap": shown["requestedMemOnHeap"],
        "requestedMemOffHeap": 0.0,
        "requestedTotalMem": shown["requestedMemOnHeap"],
        "requestedCpu": shown["requestedCpu"],
        "requestedGenericResources": None,
        "assignedMemOnHeap": 0.0,
        "assignedMemOffHeap": 0.0,
        "assignedTotalMem": 0.0,
        "assignedCpu": 0.0,
        "assignedGenericResources": None,
        "topologyVersion": "7",
        "stormVersion": "1.2.4",
    }


def test_a_worker() -> None:
    info = stats.topology_page(alive(), NOTHING, MACHINE, NOW, window=None, is_include_sys=False)
    first, second = [cluster.worker(summary, SITE) for summary in info.workers]
    assert first == {
        "supervisorId": "h-local",
        "host": "h",
        "port": 6700,
        "topologyId": "wc-1-17",
        "topologyName": "wc",
        "executorsTotal": first["executorsTotal"],
        "assignedMemOnHeap": 0.0,
        "assignedMemOffHeap": 0.0,
        "assignedCpu": 0.0,
        "componentNumTasks": first["componentNumTasks"],
        "uptime": "",
        "uptimeSeconds": 0,
        "workerLogLink": "http://127.0.0.1:8000/api/v1/log?file=wc-1-17%2F6700%2Fworker.log",
        "owner": "me",
    }
    assert second["port"] == 6701
    assert {"count", "words"} <= first["componentNumTasks"].keys() | second["componentNumTasks"].keys()


def test_a_page_of_no_supervisor_has_lists_all_the_same() -> None:
    shown = cluster.supervisor_page(idl.load().SupervisorPageInfo(), SITE)
    assert (shown["supervisors"], shown["workers"]) == ([], [])


def test_owners_and_what_they_have() -> None:
    storm = idl.load()
    owner = storm.OwnerResourceSummary(owner="me", total_topologies=1, total_tasks=5, memory_guarantee=7.0)
    (shown,) = cluster.owner_list([owner], SITE)["owners"]
    assert (shown["owner"], shown["totalTopologies"], shown["totalTasks"]) == ("me", 1, 5)
    assert (shown["memoryGuarantee"], shown["cpuGuarantee"], shown["isolatedNodes"]) == (7.0, "N/A", -1)
    page = cluster.owner_page("me", [owner], INFO.topologies, SITE)
    assert [topology["name"] for topology in page["topologies"]] == ["wc"]
    assert cluster.owner_page("you", [], INFO.topologies, SITE)["totalTopologies"] == 0


def test_the_history() -> None:
    assert cluster.history(idl.load().TopologyHistoryInfo(topo_ids=["a-1-2"])) == {"topo-history": ["a-1-2"]}
