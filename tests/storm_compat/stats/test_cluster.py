from __future__ import annotations

import dataclasses

from scheduler.state.records import SubmissionRecord
from storm_compat import stats
from storm_compat.alive import Alive
from storm_compat.thrift.check import check
from tests.storm_compat.views import MACHINE, NOW, alive


def test_an_empty_cluster_has_a_supervisor_with_slots() -> None:
    found = stats.cluster_summary([], MACHINE, NOW)
    check(found, "cluster")
    assert found.topologies == []
    (supervisor,) = found.supervisors
    assert (supervisor.num_workers, supervisor.num_used_workers, supervisor.uptime_secs) == (8, 0, 50)
    assert supervisor.total_resources["memory.mb"] == 1000.0
    assert supervisor.total_resources["cpu.pcore.percent"] == 200.0
    (nimbus,) = found.nimbuses
    assert (nimbus.host, nimbus.port, nimbus.isLeader, nimbus.version) == ("h", 6627, True, "2.8.2")
    assert found.nimbus_uptime_secs == 50


def test_more_containers_than_slots_make_more_slots() -> None:
    found = stats.cluster_summary([alive()] * 5, MACHINE, NOW).supervisors[0]
    assert (found.num_workers, found.num_used_workers) == (10, 10)


def owned(owner: str) -> Alive:
    found = alive()
    return dataclasses.replace(
        found, kept=dataclasses.replace(found.kept, submission=SubmissionRecord(NOW, owner, None))
    )


def test_owners_are_summed_up_by_name() -> None:
    found = stats.owner_summaries([owned("you"), owned("me"), owned("you")], MACHINE, NOW)
    for each in found:
        check(each, "owner")
    assert [
        (o.owner, o.total_topologies, o.total_executors, o.total_workers, o.total_tasks) for o in found
    ] == [
        ("me", 1, 5, 2, 5),
        ("you", 2, 10, 4, 10),
    ]
    # Three executors of users' components, with Storm's defaults.
    assert (found[0].requested_on_heap_memory, found[0].requested_cpu) == (384.0, 30.0)


def test_an_owner_without_topologies_has_a_summary_of_zeros() -> None:
    [found] = stats.owner_summaries([owned("you")], MACHINE, NOW, owner="nobody")
    assert (found.owner, found.total_topologies, found.total_tasks) == ("nobody", 0, 0)
    [found] = stats.owner_summaries([owned("you"), owned("me")], MACHINE, NOW, owner="me")
    assert (found.owner, found.total_topologies) == ("me", 1)
