"""Large topologies, measured as they go over the wire."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from scheduler.control.messages import Answer, ErrorReport
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.topology import Component, Grouping, GroupingKind, Input, Stream
from storm_compat import stats
from storm_compat.alive import Alive
from storm_compat.stats import fitting
from storm_compat.stats.fitting import Detail
from storm_compat.stats.topology import MAX_FRAME_BYTES, OTHER_BYTES
from storm_compat.stats.view import WINDOWS
from storm_compat.thrift import idl
from storm_compat.thrift.check import check
from tests.storm_compat.views import MACHINE, NOW, alive, report

STREAM = {"default": Stream(("x",))}
READS = (Input("c1", "default", Grouping(GroupingKind.SHUFFLE)),)
NONE = idl.load().NumErrorsChoice.NONE


def bolts(count: int, **change: Any) -> list[Component]:
    one = Component("", False, ("x",), STREAM, READS, (), 1)
    return [dataclasses.replace(one, component=f"c{n}", tasks=(n,), **change) for n in range(1, count + 1)]


def with_components(components: list[Component]) -> Alive:
    found = alive()
    topology = dataclasses.replace(found.kept.topology, components=tuple(components))
    instances = tuple(Instance(c.component, task) for c in components for task in c.tasks)
    packing = PackingPlan("wc-1-17", 0, (Container(1, instances),))
    return dataclasses.replace(
        found, kept=dataclasses.replace(found.kept, topology=topology, packing=packing)
    )


def busy(components: list[Component]) -> Answer:
    reports = [
        report(
            task,
            component.component,
            emitted={"default": 1_000_000 + task},
            transferred={"default": 5},
            executed={} if component.is_spout else {"c1:default": 5},
            acked={"default" if component.is_spout else "c1:default": 5},
        )
        for component in components
        for task in component.tasks
    ]
    return Answer(True, [], reports, [])


def size(struct: Any) -> int:
    buffer = TCyMemoryBuffer()
    struct.write(TCyBinaryProtocol(buffer))
    return len(buffer.getvalue())


def info(components: list[Component], answer: Answer | None = None, **how: Any) -> Any:
    found = stats.topology_info(
        with_components(components), answer or busy(components), MACHINE, NOW, choice=NONE, **how
    )
    check(found, "info")
    return found


@pytest.mark.parametrize("is_spout", [True, False])
def test_sizes_are_those_of_the_encoding(*, is_spout: bool) -> None:
    [component] = bolts(1, is_spout=is_spout, inputs=() if is_spout else READS)
    bare_bytes = fitting.executor_bytes(component, "h")
    for detail in (Detail.WHOLE, Detail.ALL_TIME, Detail.EMITTED):
        whole_bytes = bare_bytes + fitting.stats_bytes(component, detail)
        assert fitting.choose([component], "h", whole_bytes)[0] is detail
        limit_bytes = whole_bytes + OTHER_BYTES + len("__systemc1") + 18
        [executor] = info([component], limit_bytes=limit_bytes).executors
        assert size(executor) == whole_bytes
    [executor] = info([component], limit_bytes=limit_bytes - 1).executors
    assert (executor.stats, size(executor)) == (None, bare_bytes)


@pytest.mark.parametrize(
    ("component_count", "windows", "has_specific", "told_count"),
    [
        (300, WINDOWS, True, 300),
        (1200, (":all-time",), True, 1200),
        (4000, (":all-time",), False, 4000),
        (5000, (":all-time",), False, 4300),
    ],
)
def test_36_a_large_topology_tells_less_and_fits_into_a_default_frame(
    component_count: int, windows: tuple[str, ...], *, has_specific: bool, told_count: int
) -> None:
    found = info(bolts(component_count))
    assert size(found) < MAX_FRAME_BYTES
    assert len(found.executors) == component_count
    told = [executor for executor in found.executors if executor.stats is not None]
    assert len(told) >= told_count
    for executor in (told[0], told[-1]):
        assert tuple(executor.stats.emitted) == windows
        assert executor.stats.emitted[":all-time"]["default"] > 0
        assert bool(executor.stats.specific.bolt.acked) is has_specific


def test_those_that_emitted_most_are_told_of_first() -> None:
    found = info(bolts(5400))
    told = [executor.executor_info.task_start for executor in found.executors if executor.stats is not None]
    assert 1000 < len(told) < 5400
    assert told == list(range(5401 - len(told), 5401))


def test_a_longer_frame_takes_all() -> None:
    found = info(bolts(1200), limit_bytes=2 * MAX_FRAME_BYTES)
    assert all(tuple(executor.stats.emitted) == WINDOWS for executor in found.executors)


def test_of_many_long_errors_the_newest_are_told() -> None:
    components = bolts(3)
    errors = [ErrorReport("c1", 1, f"{n}" + "x" * 8000, NOW - 1000 + n) for n in range(50)]
    errors += [ErrorReport("c2", 2, f"{n}" + "x" * 8000, NOW - 500 + n) for n in range(50)]
    answer = Answer(True, [], [], errors)
    found = stats.topology_info(with_components(components), answer, MACHINE, NOW)
    assert size(found) < MAX_FRAME_BYTES / 2
    assert [len(of) for of in found.errors.values()] == [0, 0, 32, 0]
    assert found.errors["c2"][0].error.startswith("49x")
