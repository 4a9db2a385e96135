"""What components do beside the protocol, and what becomes of it; numbers are those of docs/semantics.md.

Rules about processes and about tuples in flight are shown where those are: tests/scheduler and tests/compat.
"""

from __future__ import annotations

import json

import msgspec
import pytest

from multilang.events import Ack, Emit, ErrorReported, Event, Fail, Log, Metric, Noise, Oddity, Ready, Sync
from multilang.framing import END
from multilang.session import Kind, ShellSession, State

SYNC = b'{"command": "sync"}' + END


def said(data: bytes | str, kind: Kind = Kind.BOLT) -> list[Event]:
    """Return what a component's bytes mean once it is open."""
    session = ShellSession(kind)
    session.greet({}, "/pids", {})
    session.receive(b'{"pid": 1}' + END)
    return session.receive(data.encode() if isinstance(data, str) else data)


def one(text: bytes | str) -> Event:
    data = text.encode() if isinstance(text, str) else text
    (event,) = said(data + END)
    return event


def emitted(**fields: object) -> Emit:
    events = said(json.dumps({"command": "emit", "tuple": [1], **fields}).encode() + END)
    (emit,) = [event for event in events if isinstance(event, Emit)]
    return emit


def test_rule_1_anything_may_come_before_the_pid() -> None:
    session = ShellSession(Kind.BOLT)
    session.greet({}, "/pids", {})
    events = session.receive(
        b'{"command": "log", "msg": "hi"}' + END + b'{"command": "error", "msg": "oh"}' + END
    )
    assert events == [Log("hi"), ErrorReported("oh")]
    assert session.state is State.GREETING
    assert session.receive(b'{"pid": 7}' + END) == [Ready(7)]
    assert session.state is State.OPEN


def test_rule_2_the_pid_may_come_before_the_handshake_is_read() -> None:
    session = ShellSession(Kind.BOLT)
    assert session.receive(b'{"pid": 7}' + END) == [Ready(7)]
    session.greet({}, "/pids", {})
    assert session.state is State.OPEN


@pytest.mark.parametrize(
    "data",
    [
        b'\n\n{"command": "sync"}\nend\n',
        b'{"command": "sync"}\r\nend\r\n',
        b'{"command": "sync"}\rend\r',
        b'{\n  "command":\n    "sync"\n}\nend\n',
        b'\xef\xbb\xbf{"command": "sync"}\nend\n',
    ],
)
def test_rule_4_line_ends_blanks_indents_and_a_mark_of_the_byte_order(data: bytes) -> None:
    assert said(data) == [Sync()]


def test_rule_4_only_line_feeds_end_a_line() -> None:
    text = "a\u2028end\u0085end\x0cend"
    assert one(json.dumps({"command": "log", "msg": text}, ensure_ascii=False)) == Log(text)


def test_rule_5_raw_control_characters_and_wrong_utf_8() -> None:
    assert one(b'{"command": "log", "msg": "a\tb\nc"}') == Log("a\tb\nc")
    assert one(b'{"command": "log", "msg": "a\xffb"}') == Log("a\ufffdb")


def test_rule_5_a_comma_too_many_outside_texts() -> None:
    event = one('{"command": "emit", "tuple": ["a,]", {"b": 1,},\n], }')
    assert isinstance(event, Emit)
    assert bytes(event.values) == b'["a,]",{"b":1}]'
    assert one('{"command": "log", "msg": "x,}" y}') == Noise('{"command": "log", "msg": "x,}" y}')


def test_rule_6_prints_in_front_of_a_message() -> None:
    assert said(b"noise\n" + SYNC) == [Noise("noise"), Sync()]
    assert said(b"noise without end" + SYNC) == [Noise("noise without end"), Sync()]
    assert said(b'{"looks": "like one"}\n' + SYNC) == [Noise('{"looks": "like one"}'), Sync()]


def test_rule_7_a_block_that_is_no_message() -> None:
    assert said(b"end\nnothing" + END + b"{broken" + END + SYNC) == [
        Noise("end\nnothing"),
        Noise("{broken"),
        Sync(),
    ]


def test_rule_8_two_messages_in_one_block() -> None:
    events = said(b'{"command": "sync"}\n{"command": "sync"}' + END)
    assert [type(event) for event in events] == [Oddity, Sync, Sync]


def test_rule_9_no_command_or_an_unknown_one() -> None:
    assert isinstance(one('{"msg": "x"}'), Noise)
    assert isinstance(one('{"command": null, "pid2": 1}'), Oddity)
    assert isinstance(one('{"command": "dance"}'), Oddity)
    assert isinstance(one('{"command": 5}'), Oddity)


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"msg": 5}, Log("5")),
        ({"msg": {"a": 1}}, Log('{"a":1}')),
        ({"msg": None}, Log("")),
        ({}, Log("")),
        ({"msg": "x", "level": "error"}, Log("x", 4)),
        ({"msg": "x", "level": 9}, Log("x", 2)),
        ({"msg": "x", "level": 1.0}, Log("x", 1)),
        ({"msg": "x", "level": None}, Log("x", 2)),
    ],
)
def test_rule_10_texts_and_levels_of_any_kind(message: dict[str, object], event: Event) -> None:
    assert one(json.dumps({"command": "log", **message})) == event


@pytest.mark.parametrize(("task", "taken"), [(9, 9), (9.0, 9), ("9", 9), (0, 0), (None, 0)])
def test_rule_11_a_task_as_any_number(task: object, taken: int) -> None:
    assert emitted(task=task).direct_task == taken


@pytest.mark.parametrize("stream", [None, ""])
def test_rule_12_no_stream_is_the_default(stream: object) -> None:
    assert emitted(stream=stream).stream == "default"


@pytest.mark.parametrize(
    ("anchors", "taken"),
    [(None, []), ([], []), ("4", [4]), (["4", "5"], [4, 5]), ([4, None], [4]), (4, [4]), (["x"], [])],
)
def test_rule_13_anchors_in_any_form(anchors: object, taken: list[int]) -> None:
    assert emitted(anchors=anchors).anchors == taken


@pytest.mark.parametrize("given", [5, "5", 5.0])
def test_rule_15_ids_as_text_or_number(given: object) -> None:
    assert one(json.dumps({"command": "ack", "id": given})) == Ack(5)
    assert one(json.dumps({"command": "fail", "id": given})) == Fail(5)


@pytest.mark.parametrize("given", [0, "", [], {"a": [1, 2.5]}, 10**30, False, "é"])
def test_rule_16_message_ids_are_any_json(given: object) -> None:
    assert json.loads(bytes(emitted(id=given).message_id)) == given


@pytest.mark.parametrize(
    ("given", "is_wanted"),
    [(True, True), (None, True), (1, True), (False, False), (0, False), ("false", False)],
)
def test_rule_17_asking_for_task_ids(given: object, is_wanted: bool) -> None:
    assert emitted(need_task_ids=given).wants_task_ids is is_wanted
    assert emitted().wants_task_ids is True


def test_rule_19_a_surplus_sync_counts_for_nothing() -> None:
    session = ShellSession(Kind.SPOUT)
    session.greet({}, "/pids", {})
    session.receive(b'{"pid": 1}' + END)
    session.command([b"next"])
    session.receive(SYNC + SYNC)
    assert session.outstanding == 0
    session.receive(SYNC)
    assert session.can_command


@pytest.mark.parametrize(
    ("text", "passed_on"),
    [
        ("[18446744073709551617]", b"[18446744073709551617]"),
        ("[-0.0]", b"[-0.0]"),
        ("[NaN, Infinity, -Infinity]", b"[null,null,null]"),
        ('["\\ud800\\u0000\\u2028"]', b'["\\ud800\\u0000\\u2028"]'),
        ('["\u2028"]', b'["\\u2028"]'),
    ],
)
def test_rules_21_22_numbers_and_characters_pass_unchanged(text: str, passed_on: bytes) -> None:
    event = one(f'{{"command": "emit", "tuple": {text}}}')
    assert isinstance(event, Emit)
    assert bytes(event.values) == passed_on


def test_rule_24_a_message_may_come_in_any_pieces() -> None:
    session = ShellSession(Kind.BOLT)
    session.greet({}, "/pids", {})
    data = b'{"pid": 1}' + END + b'{"command": "emit", "tuple": ["' + b"x" * 1000 + b'"]}' + END
    events = [event for at in range(len(data)) for event in session.receive(data[at : at + 1])]
    assert [type(event) for event in events] == [Ready, Emit]


def test_rule_28_a_metric_needs_no_registering() -> None:
    assert one('{"command": "metrics", "name": "m", "params": null}') == Metric("m", msgspec.Raw(b"null"))
    assert one('{"command": "metrics"}') == Metric("", msgspec.Raw(b""))


def test_rule_30_what_is_cut_off_at_the_end_is_dropped() -> None:
    session = ShellSession(Kind.BOLT)
    session.receive(b'{"pid": 1}' + END + b"goodbye, and half a mess")
    assert session.finish() == []
