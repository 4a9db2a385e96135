"""Messages without frames, cut in every way."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.thrift.message_end import MessageEnd
from storm_compat.thrift.wire_scan import ScanLimits, WireError, scan_message
from tests.storm_compat.thrift.test_wire_scan import (
    LIST,
    MAP,
    STRING,
    STRUCT,
    bodies,
    field,
    i32,
    list_of,
    nested,
    strict_call,
    submission,
)

LIMITS = ScanLimits()


def end_of(message: bytes, limits: ScanLimits = LIMITS, max_bytes: int = 10**6) -> int | None:
    return MessageEnd(limits, max_bytes).feed(message)


@given(bodies, st.binary(max_size=9), st.data())
def test_the_end_is_found_however_the_bytes_come(body: bytes, after: bytes, data: st.DataObject) -> None:
    message = strict_call(b"getClusterInfo", body)
    stream = message + after
    ending = MessageEnd(LIMITS, 10**6)
    at = 0
    while True:
        size = data.draw(st.integers(1, 20))
        found = ending.feed(stream[at : at + size])
        at += size
        if at < len(message):
            assert found is None
        else:
            assert found == len(message)
            return


def test_a_large_submission_byte_by_byte_costs_no_more_than_its_size() -> None:
    message = submission(200)
    ending = MessageEnd(LIMITS, 10**6)
    started = time.process_time()
    found = [ending.feed(message[at : at + 1]) for at in range(len(message))]
    assert time.process_time() - started < 5
    assert found[-1] == len(message)
    assert set(found[:-1]) == {None}


@given(st.binary(max_size=100))
def test_noise_raises_nothing_but_a_wire_error_and_never_ends_early(noise: bytes) -> None:
    message = strict_call(b"x", noise)
    try:
        end = end_of(message)
    except WireError:
        return
    if end is None:
        return
    assert 14 <= end <= len(message)
    wrong = ""
    try:
        scan_message(message[:end])
    except WireError as error:
        wrong = error.reason
    # Nothing depends on the type of the items of an empty container, so only the scan asks for it.
    assert not wrong or "unknown type code" in wrong


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"GET / HT", "unknown protocol version"),
        (b"\0\0\0\x10\x80\x01\0\1", "unknown protocol version"),
        (b"\x80\x01\0\1" + i32(-1), "the method name is -1 bytes"),
        (b"\x80\x01\0\1" + i32(10**6), "the method name is 1,000,000 bytes"),
        (strict_call(b"x", field(STRING, i32(-2))), "a string of -2 bytes"),
        (strict_call(b"x", field(STRING, i32(2**31 - 1))), "more than 1,000,000 bytes"),
        (strict_call(b"x", list_of(LIST, -1)), "a container of -1 items"),
        (strict_call(b"x", field(LIST, b"\x08" + i32(2**31 - 1))), "more than 200,000 fields and items"),
        (strict_call(b"x", field(MAP, b"\x08\x08" + i32(2**31 - 1))), "more than 200,000 fields and items"),
        (strict_call(b"x", field(7, b"")), "unknown type code 7"),
        (strict_call(b"x", field(LIST, b"\0" + i32(1))), "unknown type code 0"),
        (strict_call(b"x", field(STRUCT, nested(STRUCT, 64))), "nested too deeply"),
        (strict_call(b"x", field(LIST, nested(LIST, 64))), "nested too deeply"),
    ],
)
def test_what_never_ends_well_is_refused_as_soon_as_that_shows(message: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        end_of(message)


def test_nesting_is_accepted_as_deep_as_the_scan_accepts_it() -> None:
    message = strict_call(b"x", field(STRUCT, nested(STRUCT, 63)) + b"\0")
    assert end_of(message) == len(message)
    scan_message(message)
