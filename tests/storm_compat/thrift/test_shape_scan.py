"""What the interface wants, asked of bytes; thriftpy2 writes anything, so it can make the wrong ones, too."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.thrift import TPayload
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.thrift import idl
from storm_compat.thrift.check import check
from storm_compat.thrift.shape_scan import ShapeError, scan_arguments
from storm_compat.thrift.wire_scan import ScanLimits, WireError, scan_struct
from tests.storm_compat.builders import word_count

storm: Any = idl.load()
LIMITS = ScanLimits()
ONE_ARM = "needs exactly one of serialized_java, shell, java_object"


def encoded(payload: TPayload) -> bytes:
    buffer = TCyMemoryBuffer()
    payload.write(TCyBinaryProtocol(buffer))
    return bytes(buffer.getvalue())


def decoded(body: bytes, payload_class: Any) -> Any:
    payload = payload_class()
    payload.read(TCyBinaryProtocol(TCyMemoryBuffer(body), strict_decode=True))
    return payload


def scan(body: bytes, payload_class: Any, limits: ScanLimits = LIMITS) -> None:
    scan_arguments(body, 0, idl.shape_of(payload_class), limits)


def submission(topology: Any = None) -> Any:
    return storm.Nimbus.submitTopology_args("wc", "/inbox/wc.jar", "{}", topology or word_count())


def field(code: int, number: int, value: bytes) -> bytes:
    return struct.pack(">bh", code, number) + value


def i32(number: int) -> bytes:
    return struct.pack(">i", number)


def reason(body: bytes, payload_class: Any) -> str:
    with pytest.raises(ShapeError) as caught:
        scan(body, payload_class)
    return str(caught.value)


def test_a_good_submission_passes() -> None:
    scan(encoded(submission()), storm.Nimbus.submitTopology_args)


def test_arguments_that_are_not_set_pass_as_storm_declares_none_required() -> None:
    scan(b"\0", storm.Nimbus.submitTopology_args)


def spoil(change: Callable[[Any], None]) -> bytes:
    topology = word_count()
    change(topology)
    return encoded(submission(topology))


def no_bolts(it: Any) -> None:
    it.bolts = None


def no_streams(it: Any) -> None:
    it.bolts["count"].common.streams = None


def no_arm(it: Any) -> None:
    it.bolts["count"].bolt_object = storm.ComponentObject()


def two_arms(it: Any) -> None:
    it.bolts["count"].bolt_object.serialized_java = b"\xac\xed"


def no_source(it: Any) -> None:
    it.bolts["count"].common.inputs = {
        storm.GlobalStreamId(streamId="default"): storm.Grouping(all=storm.NullStruct())
    }


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (no_bolts, "topology.bolts is required, but not set"),
        (no_streams, "topology.bolts['count'].common.streams is required, but not set"),
        (
            no_arm,
            f"topology.bolts['count'].bolt_object {ONE_ARM}; set: none",
        ),
        (
            two_arms,
            f"topology.bolts['count'].bolt_object {ONE_ARM}; set: serialized_java and shell",
        ),
        (no_source, "topology.bolts['count'].common.inputs key.componentId is required, but not set"),
    ],
)
def test_what_java_would_refuse_is_refused_with_the_way_there(change: Any, text: str) -> None:
    assert reason(spoil(change), storm.Nimbus.submitTopology_args) == text


@pytest.mark.parametrize(
    ("body", "payload_class", "text"),
    [
        (field(8, 1, i32(7)), "killTopology_args", "name must be string, but is i32"),
        (field(99, 1, b""), "killTopology_args", "name must be string, but is of the unknown type code 99"),
        (
            field(12, 2, field(11, 1, i32(1) + b"5") + b"\0"),
            "killTopologyWithOpts_args",
            "options.wait_secs must be i32, but is string",
        ),
        (
            field(12, 5, field(8, 1, i32(9)) + b"\0"),
            "submitTopologyWithOpts_args",
            "options.initial_status is 9; known values are 1 (ACTIVE), 2 (INACTIVE)",
        ),
        (
            field(12, 4, field(15, 5, b"\x08" + i32(1) + i32(3)) + b"\0"),
            "submitTopology_args",
            "topology.dependency_jars[0] must be string, but is i32",
        ),
        (
            field(12, 4, field(13, 1, b"\x08\x0c" + i32(1) + i32(3) + b"\0") + b"\0"),
            "submitTopology_args",
            "topology.spouts key must be string, but is i32",
        ),
        (
            field(12, 4, field(13, 1, b"\x0b\x0b" + i32(1) + i32(1) + b"x" + i32(0)) + b"\0"),
            "submitTopology_args",
            "topology.spouts value must be struct, but is string",
        ),
    ],
)
def test_a_known_field_of_another_type_is_refused(body: bytes, payload_class: str, text: str) -> None:
    assert reason(body + b"\0", getattr(storm.Nimbus, payload_class)) == text


def test_fields_of_newer_clients_pass_whatever_they_hold() -> None:
    newer = field(15, 77, b"\x0c" + i32(2) + b"\0\0")
    body = encoded(submission())
    scan(body[:-1] + newer + b"\0", storm.Nimbus.submitTopology_args)


def test_an_arm_of_newer_clients_alone_is_no_arm_we_know() -> None:
    body = field(12, 99, b"\0") + b"\0"
    assert reason(body, storm.Grouping).endswith("set: 99")


def test_the_same_arm_twice_is_not_one_arm() -> None:
    body = field(12, 2, b"\0") * 2 + b"\0"
    assert reason(body, storm.Grouping).endswith("set: shuffle and shuffle")


def test_empty_containers_need_no_types() -> None:
    empty = field(13, 1, b"\0\0" + i32(0)) + field(13, 2, b"\0\0" + i32(0)) + field(13, 3, b"\0\0" + i32(0))
    scan(empty + b"\0", storm.StormTopology)


def test_bounds_hold_inside_of_known_fields() -> None:
    body = encoded(submission())
    with pytest.raises(WireError, match="more than 9 fields"):
        scan(body, storm.Nimbus.submitTopology_args, ScanLimits(max_items=9))
    with pytest.raises(WireError, match="nested too deeply"):
        scan(body, storm.Nimbus.submitTopology_args, ScanLimits(max_depth=3))
    for end in range(len(body)):
        with pytest.raises(WireError):
            scan(body[:end], storm.Nimbus.submitTopology_args)
    with pytest.raises(WireError, match="1 bytes follow"):
        scan(body + b"\0", storm.Nimbus.submitTopology_args)


@given(st.data())
def test_whatever_passes_is_decoded_and_complete(data: st.DataObject) -> None:
    body = bytearray(encoded(submission()))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 16))
    try:
        scan(bytes(body), storm.Nimbus.submitTopology_args)
    except (WireError, ShapeError):
        return
    scan_struct(bytes(body))
    try:
        arguments = decoded(bytes(body), storm.Nimbus.submitTopology_args)
    except UnicodeDecodeError:
        return
    check(arguments, "call")


def test_no_method_of_the_interface_requires_an_argument() -> None:
    """Else calls that leave one unset, as Storm's clients do, would be refused."""
    for method in storm.Nimbus.thrift_services:
        assert idl.shape_of(getattr(storm.Nimbus, f"{method}_args")).required == frozenset()
