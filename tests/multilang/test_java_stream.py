from __future__ import annotations

import contextlib
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilang.errors import JavaStreamError
from multilang.java_stream import MAGIC, MAX_DEPTH, JavaArray, JavaEnum, JavaObject, outermost_class, read

SAMPLES = Path(__file__).parent / "java_objects"
NULL, ARRAY_LIST_END = b"\x70", b"\x78"


def described(name: str, *, flags: int = 2, fields: bytes = b"\0\0", parent: bytes = NULL) -> bytes:
    """A class description."""
    return b"\x72" + text(name) + bytes(8) + bytes([flags]) + fields + ARRAY_LIST_END + parent


def text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def test_it_reads_all_kinds_of_fields() -> None:
    found = read((SAMPLES / "storm-2.8.2" / "laden.ser").read_bytes())
    own = found.fields["SampleObjects$Laden"]
    numbers = {
        name: own[name] for name in ("yes", "small", "letter", "shorter", "number", "larger", "real", "reals")
    }
    assert numbers == {
        "yes": True,
        "small": -1,
        "letter": ord("ß"),
        "shorter": -300,
        "number": -(2**31),
        "larger": 2**63 - 1,
        "real": 0.5,
        "reals": -1e300,
    }
    assert own["text"] == "reiher \0 € 🪽"
    assert own["again"] is own["text"]
    assert own["bytes"] == b"\0\xffxsr"
    assert own["numbers"] == bytes([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3])
    assert [row.items for row in own["table"].items] == [["a", None], []]
    assert own["self"] is found
    assert own["inner"].fields["SampleObjects$Laden$Inner"]["this$0"] is found
    assert isinstance(own["unit"], JavaEnum)
    assert own["unit"].name == "SECONDS"
    assert own["linked"].extras["java.util.LinkedList"][1:] == ["x", "y"]
    assert isinstance(own["command"], JavaArray)


def test_reading_stops_behind_a_class_of_the_outermost_object_alone() -> None:
    shell = "org.apache.storm.task.ShellBolt"
    data = (SAMPLES / "storm-2.8.2" / "laden.ser").read_bytes()
    assert list(read(data, stop_behind=[shell]).fields) == [shell]
    holder = read((SAMPLES / "storm-2.8.2" / "holder.ser").read_bytes(), stop_behind=[shell])
    assert holder.java_class.name == "AwkwardObjects$Holder"
    assert len(holder.fields["AwkwardObjects$Holder"]["bolt"].fields) == 2


def test_the_outermost_class_is_known_without_its_fields() -> None:
    found = outermost_class(MAGIC + b"\x73" + described("A", parent=described("B")))
    assert found is not None
    assert [java_class.name for java_class in found.chain()] == ["A", "B"]
    assert outermost_class(MAGIC + b"\x74" + text("only text")) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x75" + described("[Ljava.lang.Object;") + b"\x7f\xff\xff\xff", "a length of 2147483647"),
        (b"\x75" + described("[I") + b"\xff\xff\xff\xff", "a length of -1"),
        (b"\x75" + described("[J") + b"\x00\x00\x00\x02" + bytes(15), "cut off"),
        (b"\x75" + described("[" * 70 + "I") + bytes(4), "an array of class"),
        (b"\x7c" + b"\x7f" * 8, "a string of"),
        (b"\x74\xff\xff", "cut off"),
        (b"\x74\x00\x01\xff", "UTF-8"),
        (b"\x71\x00\x7e\x00\x00", "a reference to object 0"),
        (b"\x7b", "ends in an exception"),
        (b"\x42", "no value begins with the byte 0x42"),
        (b"\x73" + NULL, "a value without a class"),
        (b"\x73" + described("A", flags=4), "only it can read"),
        (b"\x73" + described("A", fields=b"\0\1" + b"Q" + text("f")), "has no type 'Q'"),
        (b"\x73" + described("A", parent=b"\x71\x00\x7e\x00\x00"), "superclasses of A"),
        (b"\x73" + b"".join(described(f"C{n}", parent=b"") for n in range(70)) + NULL, "superclasses"),
    ],
)
def test_a_hostile_stream_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(JavaStreamError, match=reason):
        read(MAGIC + body)


def test_objects_nested_too_deeply_are_refused_before_the_stack_ends() -> None:
    one = b"\x73" + described("A", fields=b"\0\1" + b"L" + text("f") + b"\x74" + text("LA;"))
    again = b"\x73\x71\x00\x7e\x00\x00"
    assert isinstance(read(MAGIC + one + again * (MAX_DEPTH - 2) + NULL), JavaObject)
    with pytest.raises(JavaStreamError, match="nested more than"):
        read(MAGIC + one + again * 100_000 + NULL)


def test_a_small_stream_cannot_fill_the_memory() -> None:
    chain = b"".join(described(f"C{n}", fields=b"\0\1B\0\1f", parent=b"") for n in range(50)) + NULL
    one = b"\x73" + chain + bytes(50)
    again = (b"\x73\x71\x00\x7e\x00\x02" + bytes(50)) * 20_000
    tracemalloc.start()
    try:
        with pytest.raises(JavaStreamError, match="more than 200000 values"):
            read(MAGIC + b"\x75" + described("[LC0;") + (20_001).to_bytes(4, "big") + one + again)
        assert tracemalloc.get_traced_memory()[1] < 120_000_000
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_beginning_give_a_value_or_a_refusal(data: bytes) -> None:
    for body in (data, b"\x73" + data, b"\x73" + described("A") + data, b"\x75" + described("[LA;") + data):
        with contextlib.suppress(JavaStreamError):
            read(MAGIC + body)
