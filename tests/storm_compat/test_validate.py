from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from storm_compat import validate
from storm_compat.errors import InvalidTopology
from tests.storm_compat.builders import bolt, common, grouping, spout, topology


def complaint_of_basic(code: Any) -> str:
    with pytest.raises(InvalidTopology) as caught:
        validate.basic(code)
    return str(caught.value)


def complaint_of_structure(code: Any) -> str:
    with pytest.raises(InvalidTopology) as caught:
        validate.structure(code)
    return str(caught.value)


def reading(source: str, stream: str, by: Any = None) -> Mapping[str, Any]:
    return {"b": bolt(common({(source, stream): by or grouping("shuffle")}))}


@pytest.mark.parametrize("name", ["wc", "word count", "a-b", "x@1", "größe", "語" * 40])
def test_storms_names_are_taken(name: str) -> None:
    validate.name(name)
    assert validate.is_name(name)


@pytest.mark.parametrize("name", [None, "", "a/b", "a.b", "a:b", "a\\b", "..", "a\nb", "a\0b", "x" * 151])
def test_other_names_are_refused(name: str | None) -> None:
    with pytest.raises(InvalidTopology, match="Topology name"):
        validate.name(name)
    assert not validate.is_name(name)


def test_a_refused_name_is_shown_in_storms_words() -> None:
    with pytest.raises(InvalidTopology) as caught:
        validate.name("a/b")
    assert str(caught.value) == (
        r"Topology name 'a/b' is not valid. It can't be null and it must match ^[^/.:\\]+$"
    )


def test_ids_of_the_system_are_refused() -> None:
    assert complaint_of_basic(topology({"__x": spout()})) == "__x is not a valid component id."
    code = topology({"a": spout(common(streams={"__s": ("f",)}))})
    assert complaint_of_basic(code) == "__s is not a valid stream id."


def test_an_id_may_be_used_once() -> None:
    assert complaint_of_basic(topology({"a": spout()}, {"a": bolt()})) == "Duplicate component ids: [a]"


def test_a_spout_has_no_inputs() -> None:
    code = topology({"a": spout(common({("b", "default"): grouping("shuffle")}))})
    assert complaint_of_basic(code) == "May not declare inputs for a spout"


def test_tasks_need_an_executor() -> None:
    code = topology({"a": spout(common(hint=0, conf={"topology.tasks": 1}))})
    assert complaint_of_basic(code) == (
        "Number of executors must be greater than 0 when number of tasks is greater than 0"
    )
    validate.basic(topology({"a": spout(common(hint=0, conf={"topology.tasks": 0}))}))


def test_an_input_needs_its_component_stream_and_fields() -> None:
    spouts = {"a": spout(common(streams={"s": ("word",), "other": ("n",)}))}
    assert complaint_of_structure(topology(spouts, reading("x", "s"))) == (
        "Component: [b] subscribes from non-existent component [x]"
    )
    assert complaint_of_structure(topology(spouts, reading("a", "x"))) == (
        "Component: [b] subscribes from non-existent stream: [x] of component [a]"
    )
    by = grouping("fields", ["word", "f", "g"])
    assert complaint_of_structure(topology(spouts, reading("a", "s", by))) == (
        "Component: [b] subscribes from stream: [s] of component [a] + with non-existent fields: [f, g]"
    )


def test_a_field_of_another_stream_is_refused_before_it_fails_at_run_time() -> None:
    spouts = {"a": spout(common(streams={"s": ("word",), "other": ("n",)}))}
    text = complaint_of_structure(topology(spouts, reading("a", "s", grouping("fields", ["n"]))))
    assert "by fields that only its other streams have: [n]" in text


def test_grouping_by_no_fields_is_global_and_needs_none() -> None:
    validate.structure(topology({"a": spout()}, reading("a", "default", grouping("fields", []))))


STRICT = {"nimbus.topology.validator": "org.apache.storm.nimbus.StrictTopologyValidator"}


def complaint_of_demands(code: Any, conf: Mapping[str, Any], name: str = "t") -> str:
    with pytest.raises(InvalidTopology) as caught:
        validate.demands(name, code, {"topology.worker.max.heap.size.mb": 768.0, **conf})
    return str(caught.value)


def test_a_strict_cluster_takes_no_dots_in_names() -> None:
    dotted = {"a": spout(common(streams={"s.t": ("f",)}))}
    validate.demands("t", topology({"a.b": spout()}), {})
    validate.demands("t", topology({"a": spout()}), STRICT)
    told = [
        complaint_of_demands(topology({"a": spout()}), STRICT, "t.u"),
        complaint_of_demands(topology({"a.b": spout()}), STRICT),
        complaint_of_demands(topology(dotted), STRICT),
        complaint_of_demands(topology({"a": spout()}, {"c.d": bolt()}), STRICT),
    ]
    assert told == [
        f"{what} contains illegal character '.'"
        for what in ("Topology name 't.u'", "Spout name 'a.b'", "Stream name 's.t'", "Bolt name 'c.d'")
    ]


def test_a_component_larger_than_a_worker_is_refused() -> None:
    heap, other = validate.MEMORY_KEYS
    code = topology({"a": spout()}, {"b": bolt(common(conf={heap: 700}))})
    validate.demands("t", code, {"topology.worker.max.heap.size.mb": 768.0, heap: 128.0})
    assert complaint_of_demands(code, {heap: 128.0, other: 100}) == (
        "Topology will not be able to be successfully scheduled: "
        "Config TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB=768.0 < 800.0 "
        "(Largest memory requirement of a component in the topology). "
        "Perhaps set TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB to a larger amount"
    )
    wrong = topology({"a": spout(common(conf={heap: "x"}))})
    assert complaint_of_demands(wrong, {}) == (
        "Component: [a] Field TOPOLOGY_COMPONENT_RESOURCES_ONHEAP_MEMORY_MB must be a Positive Number"
    )


def test_blobs_need_symlinks() -> None:
    conf = {"storm.disable.symlinks": True, "topology.blobstore.map": {"k": {}}}
    assert complaint_of_demands(topology({"a": spout()}), conf) == (
        'symlinks are disabled so blobs are not supported but topology.blobstore.map = {"k":{}}'
    )


def test_bolts_may_feed_each_other() -> None:
    first = {("b", "default"): grouping("shuffle"), ("a", "default"): grouping("shuffle")}
    second = {("c", "default"): grouping("shuffle")}
    code = topology({"a": spout()}, {"c": bolt(common(first)), "b": bolt(common(second))})
    validate.basic(code)
    validate.structure(code)
