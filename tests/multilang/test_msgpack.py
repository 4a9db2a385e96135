from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilang.errors import RemoteProtocolError
from multilang.events import Emit, Log, Noise, Ready, Sync
from multilang.framing import END
from multilang.msgpack import MessageReader, from_json
from multilang.serializer import Serializer
from multilang.session import Kind, ShellSession

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=6,
)
MESSAGES = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=3)


def read(*pieces: bytes) -> list[Any]:
    reader = MessageReader()
    return [json.loads(text) for piece in pieces for text in reader.feed(piece)]


@given(MESSAGES, st.data())
def test_any_messages_cut_anywhere_are_read_as_they_were(messages: list[Any], data: st.DataObject) -> None:
    packed = b"".join(msgpack.packb(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packed)), max_size=6)))
    pieces = [packed[a:b] for a, b in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
    assert read(*pieces) == messages


@given(MESSAGES)
def test_what_is_written_is_what_msgpack_reads(messages: list[Any]) -> None:
    unpacker = msgpack.Unpacker()
    unpacker.feed(from_json(b"".join(json.dumps(message).encode() + END for message in messages)))
    assert list(unpacker) == messages


def test_long_texts_bytes_lists_and_extensions_are_measured() -> None:
    big = {"s": "x" * 70_000, "l": list(range(70_000)), "m": {str(n): n for n in range(70_000)}}
    assert read(msgpack.packb(big)) == [big]
    odd = {"b": b"\x00\xff", "e": msgpack.ExtType(5, b"abc"), "t": msgpack.Timestamp(0), 7: float("nan")}
    assert read(msgpack.packb(odd)) == [
        {"b": "AP8=", "e": "YWJj", "t": "1970-01-01T00:00:00+00:00", "7": None}
    ]


def test_what_messagepack_cannot_hold_becomes_text() -> None:
    packed = from_json(b'{"a":[%d,-%d,"\\ud800"]}' % (2**64, 2**70) + END)
    assert msgpack.unpackb(packed) == {"a": [str(2**64), str(-(2**70)), "?"]}


def test_a_conversation_in_messagepack() -> None:
    session = ShellSession(Kind.BOLT, Serializer.MSGPACK)
    session.greet({}, "/pids", {})
    said = [
        {"command": "log", "msg": "hello", "level": 3},
        {"pid": 7},
        {"command": "emit", "tuple": ["ä", 1], "anchors": ["4"], "need_task_ids": False},
        {"command": "sync"},
    ]
    events = session.receive(b"".join(msgpack.packb(message) for message in said))
    assert [type(event) for event in events] == [Log, Ready, Emit, Sync]
    emit = events[2]
    assert isinstance(emit, Emit)
    assert (bytes(emit.values), emit.anchors, emit.wants_task_ids) == (b'["\\u00e4",1]', [4], False)
    assert session.finish() == []


def test_a_print_between_messages_is_shown_and_passed_over() -> None:
    session = ShellSession(Kind.BOLT, Serializer.MSGPACK)
    session.greet({}, "/pids", {})
    sync = msgpack.packb({"command": "sync"})
    events = session.receive(b"noise, seen\n" + sync + b"more" + msgpack.packb([1, 2]) + sync)
    assert events == [Noise("noise, seen"), Sync(), Noise("more"), Noise("[1,2]"), Sync()]


def test_an_object_that_cannot_be_read_is_passed_over() -> None:
    session = ShellSession(Kind.BOLT, Serializer.MSGPACK)
    sync = msgpack.packb({"command": "sync"})
    [noise, after] = session.receive(b"\x81\xa1\xff\x01" + sync)
    assert isinstance(noise, Noise)
    assert "cannot be read" in noise.text
    assert after == Sync()


@pytest.mark.parametrize(
    "data", [b"\xc1", b"\xdd\xff\xff\xff\xff" + b"\x01" * 2000, b"\xc6\x7f\xff\xff\xff" * 300]
)
def test_what_is_no_messagepack_or_has_no_end_is_refused(data: bytes) -> None:
    reader = MessageReader(max_bytes=1000)
    with pytest.raises(RemoteProtocolError, match="MessagePack object"):
        reader.feed(data)
