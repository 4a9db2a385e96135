import itertools
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilang import codec
from multilang.errors import LocalProtocolError, RemoteProtocolError
from multilang.events import Ack, Emit, ErrorReported, Event, Fail, Log, Metric, Noise, Oddity, Ready, Sync
from multilang.framing import END, MAX_MESSAGE_BYTES
from multilang.session import Kind, ShellSession, State

TRANSCRIPTS = Path(__file__).parent / "transcripts"
PID = b'{"pid":12}' + END
SYNC = b'{"command":"sync"}' + END
ACK = b'{"command":"ack","id":"1"}' + END


def frame(message: object, *, is_ascii: bool = True) -> bytes:
    return json.dumps(message, ensure_ascii=is_ascii).encode() + END


def opened(kind: Kind) -> ShellSession:
    session = ShellSession(kind)
    session.greet({}, "/pids", {})
    assert session.receive(PID) == [Ready(12)]
    assert session.state is State.OPEN
    return session


def shown(event: Event) -> object:
    """Return an event in a form that compares by value."""
    match event:
        case Emit(values=values, message_id=message_id):
            rest = (event.stream, event.anchors, event.direct_task, event.wants_task_ids)
            return "emit", bytes(values), bytes(message_id), *rest
        case Metric(name=name, params=params):
            return "metric", name, bytes(params)
        case _:
            return event


def values_of(events: list[Event]) -> list[bytes]:
    assert all(type(event) is Emit for event in events)
    return [bytes(event.values) for event in events if type(event) is Emit]


# -- the handshake ------------------------------------------------------------


@pytest.mark.parametrize("kind", Kind)
def test_a_conversation_opens_with_the_handshake_and_the_pid(kind: Kind) -> None:
    session = ShellSession(kind)
    assert session.state is State.NEW

    said = session.greet({"a": 1}, "/pids", {"taskid": 3})
    assert json.loads(said.removesuffix(END)) == {
        "conf": {"a": 1},
        "pidDir": "/pids",
        "context": {"taskid": 3},
    }
    assert session.state is State.GREETING

    assert session.receive(b'{"pid":') == []
    assert session.receive(b" 12}" + END) == [Ready(12)]
    assert (session.state, session.pid) == (State.OPEN, 12)


@pytest.mark.parametrize("kind", Kind)
def test_a_component_may_log_before_it_says_its_pid(kind: Kind) -> None:
    session = ShellSession(kind)
    session.greet({}, "/pids", {})

    assert session.receive(frame({"command": "log", "msg": "starting"})) == [Log("starting", 2)]
    assert session.state is State.GREETING
    assert session.receive(b"Warning: no locale\n" + PID) == [Noise("Warning: no locale"), Ready(12)]
    assert session.state is State.OPEN


@pytest.mark.parametrize("kind", Kind)
def test_a_pid_may_come_before_the_handshake_was_said(kind: Kind) -> None:
    session = ShellSession(kind)

    assert session.receive(PID) == [Ready(12)]
    assert session.state is State.NEW
    assert not session.can_command
    assert session.greet({}, "/pids", {}).startswith(b'{"conf":')
    assert (session.state, session.pid) == (State.OPEN, 12)


def test_only_an_object_with_a_pid_answers_the_handshake() -> None:
    session = ShellSession(Kind.BOLT)
    session.greet({}, "/pids", {})

    session.receive(SYNC + b"{}" + END + frame({"command": None}) + frame({"id": 5}) + END)
    assert session.state is State.GREETING
    assert session.receive(frame({"pid": None})) == [Ready(0)]
    assert (session.state, session.pid) == (State.OPEN, 0)


def test_the_first_pid_counts() -> None:
    session = opened(Kind.BOLT)

    assert session.receive(frame({"pid": 13})) == [Ready(13)]
    assert session.pid == 12


@pytest.mark.parametrize("state", [State.GREETING, State.OPEN, State.BROKEN])
def test_nobody_is_greeted_twice(state: State) -> None:
    session = ShellSession(Kind.BOLT)
    session.greet({}, "/pids", {})
    if state is State.OPEN:
        session.receive(PID)
    if state is State.BROKEN:
        session.finish()
    assert session.state is state

    with pytest.raises(LocalProtocolError, match=f"cannot greet in {state.name}"):
        session.greet({}, "/pids", {})


# -- bolts --------------------------------------------------------------------


def test_a_bolt_talks_at_will() -> None:
    session = opened(Kind.BOLT)

    events = session.receive(frame({"command": "emit", "anchors": ["1"], "tuple": ["a"]}) + ACK + SYNC)
    assert [shown(event) for event in events] == [
        ("emit", b'["a"]', b"", "default", [1], 0, True),
        Ack(1),
        Sync(),
    ]
    assert session.receive(frame({"command": "fail", "id": "2"})) == [Fail(2)]
    assert session.outstanding == 0


# -- spouts -------------------------------------------------------------------


def test_a_spout_is_told_nothing_new_before_its_sync() -> None:
    session = opened(Kind.SPOUT)
    assert session.can_command

    assert session.command([codec.NEXT]) == [codec.NEXT]
    assert (session.outstanding, session.can_command) == (1, False)
    with pytest.raises(LocalProtocolError, match="cannot command in OPEN, 1 unanswered"):
        session.command([codec.NEXT])

    events = session.receive(frame({"command": "emit", "tuple": ["a"], "id": 7}))
    assert [shown(event) for event in events] == [("emit", b'["a"]', b"7", "default", [], 0, True)]
    assert not session.can_command

    assert session.receive(SYNC) == [Sync()]
    assert (session.outstanding, session.can_command) == (0, True)


def test_commands_said_together_are_answered_one_by_one() -> None:
    session = opened(Kind.SPOUT)
    session.command([codec.render_ack(b"1"), codec.render_fail(b"2"), codec.NEXT])

    session.receive(SYNC + SYNC)
    assert (session.outstanding, session.can_command) == (1, False)
    session.receive(SYNC)
    assert (session.outstanding, session.can_command) == (0, True)


def test_a_surplus_sync_counts_for_nothing() -> None:
    session = opened(Kind.SPOUT)

    assert session.receive(SYNC) == [Sync()]
    session.command([codec.NEXT])
    assert session.receive(SYNC + SYNC + SYNC) == [Sync()] * 3
    session.command([codec.NEXT])
    assert (session.outstanding, session.can_command) == (1, False)


def test_what_a_spout_emits_after_its_sync_is_taken_when_it_comes() -> None:
    session = opened(Kind.SPOUT)
    session.command([codec.NEXT])

    events = session.receive(SYNC + frame({"command": "emit", "tuple": ["late"]}))
    assert [type(event) for event in events] == [Sync, Emit]
    assert session.can_command


def test_a_spout_is_told_nothing_before_it_has_answered_the_handshake() -> None:
    session = ShellSession(Kind.SPOUT)
    with pytest.raises(LocalProtocolError, match="cannot command in NEW"):
        session.command([codec.NEXT])

    session.greet({}, "/pids", {})
    session.receive(SYNC)
    with pytest.raises(LocalProtocolError, match="cannot command in GREETING"):
        session.command([codec.NEXT])


# -- the end ------------------------------------------------------------------


def test_a_message_without_an_end_breaks_the_conversation() -> None:
    session = opened(Kind.SPOUT)

    with pytest.raises(RemoteProtocolError, match="the line 'end' is missing"):
        session.receive(b"x" * (MAX_MESSAGE_BYTES + 10))
    assert (session.state, session.can_command) == (State.BROKEN, False)
    with pytest.raises(RemoteProtocolError, match="the conversation is over"):
        session.receive(SYNC)
    assert session.finish() == []


def test_the_end_of_output_completes_a_message_whose_end_has_no_line_end() -> None:
    session = opened(Kind.BOLT)
    session.receive(ACK + frame({"command": "error", "msg": "ä"}, is_ascii=False)[:-1])

    assert session.finish() == [ErrorReported("ä")]
    assert session.state is State.BROKEN


def test_the_end_of_output_drops_what_a_component_prints_last() -> None:
    session = opened(Kind.BOLT)
    session.receive(ACK + b"Exception ignored in: <function")

    assert session.finish() == []
    assert session.finish() == []


# -- reads --------------------------------------------------------------------


def test_odd_messages_do_not_disturb_their_neighbours() -> None:
    session = opened(Kind.BOLT)

    events = session.receive(ACK + b"print" + END + frame({"command": "jump"}) + END + b"[1]" + END + ACK)
    assert events == [
        Ack(1),
        Noise("print"),
        Oddity('unknown command "jump" was passed over'),
        Noise("[1]"),
        Ack(1),
    ]


def test_a_character_cut_between_two_reads_is_still_made_ascii() -> None:
    message = frame({"command": "emit", "tuple": ["é"], "id": "€"}, is_ascii=False)

    for cut in range(1, len(message)):
        session = opened(Kind.SPOUT)
        events = session.receive(message[:cut]) + session.receive(message[cut:] + SYNC)
        assert [shown(event) for event in events] == [
            ("emit", b'["\\u00e9"]', b'"\\u20ac"', "default", [], 0, True),
            Sync(),
        ]


def test_a_message_that_began_many_reads_ago_is_still_made_ascii() -> None:
    session = opened(Kind.BOLT)
    message = frame({"command": "emit", "tuple": ["é" + "x" * 1000]}, is_ascii=False)

    events: list[Event] = []
    for byte in message:
        events += session.receive(bytes([byte]))
    assert values_of(events) == [b'["\\u00e9' + b"x" * 1000 + b'"]']


def test_a_tuple_that_is_no_list_is_mended_wherever_reads_stop() -> None:
    message = frame({"command": "emit", "tuple": "word"})

    for cut in range(1, len(message)):
        session = opened(Kind.BOLT)
        oddity, event = session.receive(message[:cut]) + session.receive(message[cut:])
        assert type(oddity) is Oddity
        assert values_of([event]) == [b'["word"]']


# -- what real components wrote -----------------------------------------------


def read_transcript(name: str, places: list[int] | None = None, *, line_end: bytes = b"\n") -> list[object]:
    data = (TRANSCRIPTS / name).read_bytes().replace(b"\n", line_end)
    session = ShellSession(Kind.SPOUT if "spout" in name else Kind.BOLT)
    session.greet({}, "/pids", {})
    edges = [0, *sorted(place % len(data) for place in places or []), len(data)]
    reads = [data[start:stop] for start, stop in itertools.pairwise(edges)]
    return [shown(event) for read in reads for event in session.receive(read)]


def names_of(events: list[object]) -> list[str]:
    return [event[0] if isinstance(event, tuple) else type(event).__name__ for event in events]


@settings(deadline=None)
@given(
    st.sampled_from(["pystorm-bolt.txt", "pystorm-printing.txt", "pystorm-spout.txt"]),
    st.lists(st.integers(0, 10_000), max_size=20),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_a_real_component_is_understood_wherever_reads_stop(
    name: str, places: list[int], line_end: bytes
) -> None:
    assert read_transcript(name, places, line_end=line_end) == read_transcript(name)


def test_a_real_component_is_understood_in_small_pieces() -> None:
    for name in ("pystorm-bolt.txt", "pystorm-printing.txt", "pystorm-spout.txt"):
        rng = random.Random(name)
        places = [rng.randrange(10_000) for _ in range(3000)]
        assert read_transcript(name, places) == read_transcript(name)


def test_what_a_pystorm_bolt_says() -> None:
    events = read_transcript("pystorm-bolt.txt")

    rich = b'{"length": %d, "big": 9223372036854775808, "is": [true, 1.5e+300]}]'
    moon = b'["moon", ' + rich % 4
    assert [event for event in events if not isinstance(event, (Ready, Log, ErrorReported))] == [
        Sync(),
        Ack(901),
        ("emit", b'["the", ' + rich % 3, b"", "default", [0], 0, False),
        ("emit", moon, b"", "default", [0], 0, False),
        Ack(0),
        ("metric", "letters", b'{"count": 15}'),
        ("emit", moon, b"", "default", [1], 0, False),
        Ack(1),
        ("emit", b'["direct", null]', b"", "others", [2], 9, False),
        ("emit", b'["ids", -0.0]', b"", "default", [2], 0, True),
        ("emit", b'["ids", [3, 4]]', b"", "default", [], 0, False),
        ("emit", b'["\\u00e9t\\u00e9", ' + rich % 3, b"", "default", [2], 0, False),
        Ack(2),
        Fail(3),
        Ack(3),
        ("emit", moon, b"", "default", [4], 0, False),
        Sync(),
        Fail(4),
    ]
    assert names_of(events)[:3] == ["Ready", "Log", "Log"]
    assert names_of(events)[-4:] == ["Log", "ErrorReported", "Sync", "Fail"]
    assert [event.level for event in events if isinstance(event, Log)] == [2, 2, 3, 4]


def test_what_a_pystorm_bolt_prints_is_told_from_what_it_says() -> None:
    events = read_transcript("pystorm-printing.txt")

    assert names_of(events) == ["Ready", "Log", "Sync", "Ack", *["Noise", "emit", "Ack"] * 5, "Log"]
    assert Noise("processing { direct ids été") in events


def test_what_a_pystorm_spout_says() -> None:
    events = read_transcript("pystorm-spout.txt")

    ids = [event[2] for event in events if isinstance(event, tuple)]
    assert ids == [
        b"7",
        b'"seven"',
        b'"sieben\\u20ac"',
        b'[7, {"a": null}]',
        b"1180591620717411303424",
        b"",
        b'"seven"',
    ]
    assert names_of(events).count("Sync") == 12
