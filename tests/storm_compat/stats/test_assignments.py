from __future__ import annotations

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat import stats
from storm_compat.thrift.check import check
from tests.storm_compat.views import MACHINE, NOW, alive


def test_the_one_supervisor_has_all_executors_where_their_containers_are() -> None:
    found = stats.supervisor_assignments(
        [alive()], MACHINE, NOW, node=MACHINE.supervisor_id, local_dir="/storm"
    )
    check(found, "assignments")
    (assignment,) = found.storm_assignment.values()
    assert assignment.master_code_dir == "/storm/nimbus/stormdist/wc-1-17"
    assert (assignment.owner, assignment.node_host) == ("me", {MACHINE.supervisor_id: "h"})
    assert {key: place.port for key, place in assignment.executor_node_port.items()} == {
        (1, 1): [6700],
        (2, 2): [6701],
        (3, 3): [6700],
        (4, 4): [6701],
        (5, 5): [6700],
    }
    assert set(assignment.executor_start_time_secs.values()) == {int(NOW - 20.5)}
    buffer = TCyMemoryBuffer()
    found.write(TCyBinaryProtocol(buffer))
    assert b"stormdist" in buffer.getvalue()


def test_other_supervisors_have_nothing_to_run() -> None:
    for node in ("elsewhere", None):
        found = stats.supervisor_assignments([alive()], MACHINE, NOW, node=node, local_dir="/storm")
        assert found.storm_assignment == {}
