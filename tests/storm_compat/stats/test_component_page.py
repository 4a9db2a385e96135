from __future__ import annotations

from typing import Any

import pytest

from scheduler.control.messages import Answer
from scheduler.packing.round_robin import round_robin
from scheduler.state.records import Status, StatusRecord, SubmissionRecord
from storm_compat import conf as confs
from storm_compat import stats
from storm_compat.alive import Alive, Kept
from storm_compat.compile import compile_topology
from storm_compat.errors import NoSuchComponent
from storm_compat.stats.view import WINDOWS
from storm_compat.thrift import idl
from storm_compat.thrift.check import check
from tests.storm_compat.builders import spout, topology
from tests.storm_compat.stats.test_topology_page import ANSWER
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive


def page(
    component_id: str | None,
    answer: Answer = ANSWER,
    *,
    of: Alive | None = None,
    window: str | None = None,
    is_include_sys: bool = False,
) -> Any:
    found = stats.component_page(
        of or alive(),
        answer,
        MACHINE,
        NOW,
        component_id=component_id,
        window=window,
        is_include_sys=is_include_sys,
    )
    check(found, "page")
    return found


def test_a_bolt_is_shown_by_window_stream_input_and_executor() -> None:
    found = page("count")
    assert (found.component_id, found.component_type) == ("count", idl.load().ComponentType.BOLT)
    assert (found.topology_id, found.topology_name, found.topology_status) == ("wc-1-17", "wc", "ACTIVE")
    assert (found.num_executors, found.num_tasks) == (2, 2)
    assert tuple(found.window_to_stats) == WINDOWS
    for row in found.window_to_stats.values():
        assert (row.common_stats.emitted, row.common_stats.acked) == (5, 9)
        assert (row.specific_stats.bolt.executed, row.specific_stats.bolt.process_latency_ms) == (10, 1.5)
    [(stream, output)] = found.sid_to_output_stats.items()
    assert (stream, output.common_stats.emitted, output.common_stats.transferred) == ("default", 5, 2)
    [(source, received)] = found.gsid_to_input_stats.items()
    assert (source.componentId, source.streamId) == ("words", "default")
    assert (received.common_stats.acked, received.common_stats.failed) == (9, 1)
    assert (received.specific_stats.bolt.executed, received.specific_stats.bolt.process_latency_ms) == (
        10,
        1.5,
    )
    first, second = found.exec_stats
    place = first.exec_summary
    assert (place.component_id, place.host, place.port, place.uptime_secs) == ("count", "h", 6700, 4)
    assert (place.executor_info.task_start, place.executor_info.task_end) == (3, 3)
    assert (first.stats.specific_stats.bolt.executed, second.stats.specific_stats.bolt.executed) == (9, 1)


def test_a_spout_has_complete_latencies_and_no_inputs() -> None:
    found = page("words")
    assert found.component_type == idl.load().ComponentType.SPOUT
    assert found.gsid_to_input_stats == {}
    [(stream, output)] = found.sid_to_output_stats.items()
    assert (stream, output.common_stats.emitted, output.common_stats.acked) == ("default", 9, 7)
    assert output.common_stats.failed == 2
    assert output.specific_stats.spout.complete_latency_ms == 1.5
    [executor] = found.exec_stats
    assert executor.stats.specific_stats.spout.complete_latency_ms == 1.5


def test_errors_are_the_newest_first_and_tell_their_place() -> None:
    errors = page("count").errors
    assert [(e.error, e.host, e.port) for e in errors] == [("new", "h", 6701), ("old", "h", 6701)]
    assert page("words").errors == []


def test_streams_of_the_system_are_shown_to_who_asks() -> None:
    found = page("words", is_include_sys=True)
    assert found.sid_to_output_stats.keys() == {"default", "__own"}
    assert found.window_to_stats[":all-time"].common_stats.emitted == 13


@pytest.mark.parametrize(("component", "task_count"), [("__acker", 2), ("__system", 0)])
def test_components_of_the_system_have_a_page(component: str, task_count: int) -> None:
    found = page(component)
    assert (found.component_id, found.num_tasks, len(found.exec_stats)) == (component, task_count, task_count)
    assert found.component_type == idl.load().ComponentType.BOLT
    assert found.gsid_to_input_stats == {}


def test_before_the_first_report_everything_is_there() -> None:
    found = page("count", NOTHING)
    assert [row.common_stats.emitted for row in found.window_to_stats.values()] == [0, 0, 0, 0]
    assert found.sid_to_output_stats["default"].common_stats.emitted == 0
    assert len(found.gsid_to_input_stats) == 1
    assert len(found.exec_stats) == 2


@pytest.mark.parametrize(
    ("given", "meant"), [("a b", "a b"), ("a+b", "a b"), ("a%20b", "a b"), ("x%2By", "x+y"), ("x+y", "x+y")]
)
def test_a_component_is_found_by_its_encoded_id(given: str, meant: str) -> None:
    compiled = compile_topology(
        "t", "t-1-1", confs.cluster({}), topology({"a b": spout(), "x+y": spout()})
    ).topology
    kept = Kept(compiled, SubmissionRecord(NOW, "me"), round_robin(compiled, 1))
    assert page(given, NOTHING, of=Alive(kept, StatusRecord(Status.ACTIVE))).component_id == meant


@pytest.mark.parametrize("component_id", ["nosuch", "", None])
def test_an_unknown_component_is_refused_in_storms_words(component_id: str | None) -> None:
    with pytest.raises(NoSuchComponent, match=f"^Could not find component with id {component_id or ''}$"):
        page(component_id)
