"""The scanner against good messages, cut messages, hostile messages and noise."""

from __future__ import annotations

import struct
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.thrift import idl
from storm_compat.thrift.wire_scan import (
    MessageHeader,
    MessageKind,
    ScanLimits,
    WireError,
    read_header,
    scan_message,
    scan_struct,
)

I32_MAX = 2**31 - 1
BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = 2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15
FIXED = {BOOL: 1, BYTE: 1, DOUBLE: 8, I16: 2, I32: 4, I64: 8}
NESTED = [STRUCT, MAP, SET, LIST]


def i32(number: int) -> bytes:
    return struct.pack(">i", number)


def field(code: int, value: bytes) -> bytes:
    return bytes([code]) + b"\x00\x01" + value


def body_of(code: int, value: bytes) -> bytes:
    return field(code, value) + b"\x00"


def list_of(code: int, count: int, items: bytes = b"") -> bytes:
    return body_of(LIST, bytes([code]) + i32(count) + items)


def strict_call(name: bytes, body: bytes, seqid: int = 7) -> bytes:
    return b"\x80\x01\x00\x01" + i32(len(name)) + name + i32(seqid) + body


def values(code: int, levels: int) -> st.SearchStrategy[bytes]:
    """Encoded values of one type, made without thriftpy2."""
    if code in FIXED:
        return st.binary(min_size=FIXED[code], max_size=FIXED[code])
    if code == STRING:
        return st.binary(max_size=20).map(lambda text: i32(len(text)) + text)
    codes = st.sampled_from([*FIXED, STRING, *(NESTED if levels else [])])
    if code == STRUCT:
        fields = codes.flatmap(lambda inner: values(inner, levels - 1).map(lambda value: field(inner, value)))
        return st.lists(fields, max_size=4).map(lambda parts: b"".join(parts) + b"\x00")
    if code == MAP:
        return st.tuples(codes, codes).flatmap(lambda pair: maps(*pair, levels - 1))
    return codes.flatmap(
        lambda inner: st.lists(values(inner, levels - 1), max_size=4).map(
            lambda items: bytes([inner]) + i32(len(items)) + b"".join(items)
        )
    )


def maps(key_code: int, value_code: int, levels: int) -> st.SearchStrategy[bytes]:
    entries = st.tuples(values(key_code, levels), values(value_code, levels)).map(b"".join)
    return st.lists(entries, max_size=4).map(
        lambda parts: bytes([key_code, value_code]) + i32(len(parts)) + b"".join(parts)
    )


bodies = values(STRUCT, 3)
names = st.text(max_size=60)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, MessageHeader]:
    name, kind = draw(names), draw(st.sampled_from(MessageKind))
    seqid = draw(st.integers(-(2**31), I32_MAX))
    encoded = i32(len(name.encode())) + name.encode()
    if draw(st.booleans()):
        head = struct.pack(">HBB", 0x8001, 0, kind) + encoded + i32(seqid)
    else:
        head = encoded + bytes([kind]) + i32(seqid)
    return head + draw(bodies), MessageHeader(name, kind, seqid, len(head))


def submission(bolt_count: int) -> bytes:
    """Return a call of submitTopology as a client encodes it."""
    storm: Any = idl.load()

    def bolt(index: int) -> Any:
        stream = storm.GlobalStreamId(componentId=f"spout-{index}", streamId="default")
        return storm.Bolt(
            bolt_object=storm.ComponentObject(
                shell=storm.ShellComponent("python3", f"bolts/word_{index}.py")
            ),
            common=storm.ComponentCommon(
                inputs={stream: storm.Grouping(fields=["word"])},
                streams={"default": storm.StreamInfo(["word", "count"], False)},
                parallelism_hint=2,
                json_conf="{}",
            ),
        )

    bolts = {f"bolt-{index}": bolt(index) for index in range(bolt_count)}
    topology = storm.StormTopology(spouts={}, bolts=bolts, state_spouts={})
    buffer = TCyMemoryBuffer()
    protocol = TCyBinaryProtocol(buffer)
    protocol.write_message_begin("submitTopology", MessageKind.CALL, 5)
    storm.Nimbus.submitTopology_args("words", "/tmp/words.jar", "{}", topology).write(protocol)
    return bytes(buffer.getvalue())


@given(messages())
def test_every_well_formed_message_is_accepted_and_its_header_read(case: tuple[bytes, MessageHeader]) -> None:
    message, header = case
    assert scan_message(message) == header
    assert read_header(message[: header.body_offset]) == header


@given(messages(), st.data())
def test_every_message_cut_short_is_refused(case: tuple[bytes, MessageHeader], data: st.DataObject) -> None:
    message, _ = case
    size = data.draw(st.integers(0, len(message) - 1))
    with pytest.raises(WireError):
        scan_message(message[:size])


@given(messages(), st.binary(min_size=1, max_size=9))
def test_every_message_with_bytes_left_over_is_refused(
    case: tuple[bytes, MessageHeader], surplus: bytes
) -> None:
    message, _ = case
    with pytest.raises(WireError) as caught:
        scan_message(message + surplus)
    assert (caught.value.offset, caught.value.reason) == (
        len(message),
        f"{len(surplus)} bytes follow the end of the message",
    )


def test_a_topology_from_a_client_is_accepted_and_no_cut_of_it() -> None:
    message = submission(3)
    assert scan_message(message).name == "submitTopology"
    for size in range(len(message)):
        with pytest.raises(WireError):
            scan_message(message[:size])


def test_a_topology_of_two_thousand_bolts_fits_the_default_limits() -> None:
    assert scan_message(submission(2000)).name == "submitTopology"


HOSTILE = {
    "string of 2 GiB": (body_of(STRING, i32(I32_MAX)), "a string of 2,147,483,647 bytes"),
    "string of negative length": (body_of(STRING, i32(-1)), "a string of -1 bytes"),
    "list of negative size": (list_of(STRING, -1), "a container of -1 items"),
    "list of stops": (list_of(0, 200_000_000), "unknown type code 0"),
    "list of voids": (list_of(1, 200_000_000), "unknown type code 1"),
    "list of an unknown type": (list_of(99, 200_000_000), "unknown type code 99"),
    "list of thriftpy2's UTF-16": (list_of(17, 200_000_000), "unknown type code 17"),
    "list of 2^31 strings": (list_of(STRING, I32_MAX), "a container of 2,147,483,647 items"),
    "list of 2^31 bools": (list_of(BOOL, I32_MAX), "a container of 2,147,483,647 items"),
    "set of 2^31 structs": (body_of(SET, bytes([STRUCT]) + i32(I32_MAX)), "a container of 2,147,483,647"),
    "map of 2^31 strings": (body_of(MAP, bytes([STRING, STRING]) + i32(I32_MAX)), "a container of 2,147,483"),
    "map of nothing to nothing": (body_of(MAP, bytes([0, 0]) + i32(200_000_000)), "unknown type code 0"),
    "a million empty structs": (list_of(STRUCT, 1_000_000, bytes(1_000_000)), "more than 200,000 fields"),
    "four million fields": (field(BOOL, b"\x01") * 4_000_000 + b"\x00", "more than 200,000 fields"),
    "structs 100,000 deep": (field(STRUCT, b"") * 100_000 + bytes(100_001), "nested too deeply"),
    "lists 100,000 deep": (field(LIST, b"\x0f\x00\x00\x00\x01" * 100_000), "nested too deeply"),
    "a field of an unknown type": (body_of(99, b""), "unknown type code 99"),
    "a field of type void": (body_of(1, b""), "unknown type code 1"),
    "a value that is cut": (field(I64, b"\x00"), "ends inside a value"),
    "bytes left over": (b"\x00\x00", "1 bytes follow"),
    "nothing": (b"", "ends inside a value"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("body", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_body_is_refused_at_once_and_costs_no_memory(body: bytes, reason: str) -> None:
    message = strict_call(b"getClusterInfo", body)
    started = time.process_time()
    with pytest.raises(WireError, match=reason):
        scan_message(message)
    assert time.process_time() - started < 1.0
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match=reason):
            scan_message(message)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200))
def test_noise_raises_nothing_but_a_wire_error(noise: bytes) -> None:
    for read in (scan_message, scan_struct, read_header):
        offset = 0
        try:
            read(noise)
        except WireError as error:
            offset = error.offset
        assert 0 <= offset <= len(noise)


@given(bodies, st.data())
def test_whatever_passes_is_read_by_the_decoder_to_its_last_byte(body: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(body)
    for _ in range(data.draw(st.integers(0, 3))):
        spoilt[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 20))
    try:
        scan_struct(bytes(spoilt))
    except WireError:
        return
    buffer = TCyMemoryBuffer(bytes(spoilt) + b"next")
    TCyBinaryProtocol(buffer).skip(STRUCT)
    assert buffer.getvalue() == b"next"


def test_an_empty_container_needs_no_item_types() -> None:
    scan_struct(list_of(0, 0))
    scan_struct(body_of(MAP, bytes([0, 0]) + i32(0)))


def nested(code: int, levels: int) -> bytes:
    """Return a value of a nesting type that holds itself, ``levels`` deep."""
    empty = {STRUCT: b"", MAP: bytes([BOOL, I32]) + i32(0)}.get(code, bytes([I32]) + i32(0))
    around = {STRUCT: field(STRUCT, b""), MAP: bytes([BOOL, MAP]) + i32(1) + b"\x01"}
    opening = around.get(code, bytes([code]) + i32(1))
    closing = b"\x00" if code == STRUCT else b""
    return opening * (levels - 1) + empty + closing * levels


@pytest.mark.parametrize("code", NESTED)
def test_nesting_is_accepted_up_to_the_limit_and_not_beyond(code: int) -> None:
    scan_struct(body_of(code, nested(code, 9)), limits=ScanLimits(max_depth=10))
    with pytest.raises(WireError, match="nested too deeply"):
        scan_struct(body_of(code, nested(code, 10)), limits=ScanLimits(max_depth=10))


@pytest.mark.parametrize("code", NESTED)
def test_the_deepest_nesting_accepted_by_default_is_also_the_decoders(code: int) -> None:
    scan_struct(body_of(code, nested(code, 63)))
    TCyBinaryProtocol(TCyMemoryBuffer(body_of(code, nested(code, 63)))).skip(STRUCT)
    with pytest.raises(RecursionError):
        TCyBinaryProtocol(TCyMemoryBuffer(body_of(code, nested(code, 64)))).skip(STRUCT)


def test_fields_items_keys_and_values_all_count_as_items() -> None:
    body = list_of(I32, 2, bytes(8))[:-1] + field(MAP, bytes([BOOL, BOOL]) + i32(2) + bytes(4)) + b"\x00"
    scan_struct(body, limits=ScanLimits(max_items=8))
    with pytest.raises(WireError, match="more than 7 fields and items"):
        scan_struct(body, limits=ScanLimits(max_items=7))


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"\x80\x02\x00\x01" + i32(1) + b"x" + i32(0), "unknown protocol version 0x80020001"),
        (b"\x80\x01\x00\x09" + i32(1) + b"x" + i32(0), "unknown message kind 9"),
        (b"\x80\x01\x00\x01" + i32(-5), "the method name is -5 bytes long"),
        (b"\x80\x01\x00\x01" + i32(257) + b"x" * 257 + i32(0), "the method name is 257 bytes long"),
        (b"\x80\x01\x00\x01" + i32(1) + b"\xff" + i32(0), "the method name is not UTF-8"),
        (i32(1) + b"x\x09" + i32(0), "unknown message kind 9"),
        (b"\x80\x01\x00\x01" + i32(20) + b"x", "the message ends inside its header"),
        (b"", "the message ends inside its header"),
    ],
)
def test_a_header_that_is_none_is_refused(head: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read_header(head)
