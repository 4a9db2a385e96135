"""What a spout is told, and when."""

from __future__ import annotations

import pytest

from multilang import codec
from multilang.framing import END
from scheduler.config import StreamConfig
from scheduler.stream import spouts
from scheduler.stream.local_task import LocalTask

SYNC = b'{"command":"sync"}' + END
EMIT = b'{"command":"emit","tuple":[1],"need_task_ids":false}' + END
ACK = codec.render_ack(b"1")


def opened() -> LocalTask:
    spout = LocalTask(1, "s", is_spout=True, inputs=[])
    spout.session.greet({}, "", {})
    spout.session.receive(b'{"pid":1}' + END)
    return spout


def told(spout: LocalTask, *, is_active: bool = True, now: float = 0.0, **conf: object) -> list[bytes]:
    """Return what the spout is told now."""
    if not spout.session.can_command:
        return []
    spouts.queue_commands(spout, StreamConfig(**conf), is_active=is_active, now=now)  # type: ignore[arg-type]
    commands, spout.parts = list(spout.parts), []
    return commands  # type: ignore[return-value]


def answers(spout: LocalTask, count: int, *, now: float, emits: bool = False) -> None:
    """Let the spout answer so many commands."""
    spout.has_emitted = spout.has_emitted or emits
    spout.session.receive(SYNC * count)
    spouts.note_answers(spout, StreamConfig(), now=now)


def test_all_that_waits_is_said_at_once_and_next_comes_last() -> None:
    spout = opened()
    spout.commands += [ACK, codec.render_fail(b"2")]
    assert told(spout) == [ACK, codec.render_fail(b"2"), codec.ACTIVATE, codec.NEXT]
    assert told(spout) == []
    answers(spout, 3, now=0.0)
    assert told(spout) == []
    answers(spout, 1, now=0.0, emits=True)
    assert told(spout) == [codec.NEXT]


def test_a_strict_spout_is_told_one_thing_at_a_time() -> None:
    spout = opened()
    spout.commands += [ACK]
    for command in (ACK, codec.ACTIVATE, codec.NEXT):
        assert told(spout, is_strict_spout=True) == [command]
        answers(spout, 1, now=0.0)


def test_a_very_long_queue_is_said_in_parts() -> None:
    spout = opened()
    spout.commands += [ACK] * 300
    assert told(spout) == [ACK] * 256
    answers(spout, 256, now=0.0)
    assert told(spout) == [ACK] * 44 + [codec.ACTIVATE, codec.NEXT]


def test_an_inactive_spout_hears_acks_and_nothing_else() -> None:
    spout = opened()
    assert told(spout, is_active=False) == []
    spout.commands.append(ACK)
    assert told(spout, is_active=False) == [ACK]


def test_activation_is_told_once_each_way() -> None:
    spout = opened()
    assert told(spout) == [codec.ACTIVATE, codec.NEXT]
    answers(spout, 2, now=0.0, emits=True)
    assert told(spout, is_active=False) == [codec.DEACTIVATE]
    answers(spout, 1, now=0.0)
    assert told(spout, is_active=False) == []
    assert told(spout) == [codec.ACTIVATE, codec.NEXT]


def test_after_a_next_without_a_tuple_the_spout_rests_longer_and_longer() -> None:
    spout = opened()
    told(spout)
    answers(spout, 2, now=0.0)
    assert spout.wait_until == pytest.approx(0.001)
    assert told(spout, now=0.0009) == []
    for turn in range(100):
        assert told(spout, now=50.0 + turn) == [codec.NEXT]
        answers(spout, 1, now=50.0 + turn)
    assert spout.wait_until == pytest.approx(149.010)
    assert told(spout, now=150.0) == [codec.NEXT]
    answers(spout, 1, now=150.0, emits=True)
    assert spout.empty_nexts == 0
    assert told(spout, now=150.0) == [codec.NEXT]


def test_while_it_rests_acks_still_come() -> None:
    spout = opened()
    told(spout)
    answers(spout, 2, now=0.0)
    spout.commands.append(ACK)
    assert told(spout, now=0.0) == [ACK]
    answers(spout, 1, now=0.0)
    assert spout.wait_until == pytest.approx(0.001)


def test_held_or_full_it_is_not_asked() -> None:
    config = StreamConfig(max_spout_pending=2)
    spout = opened()
    assert spouts.is_willing(spout, config, is_active=True)
    spout.live = 2
    assert not spouts.is_willing(spout, config, is_active=True)
    spout.live = 1
    spout.hold_count = 1
    assert not spouts.is_willing(spout, config, is_active=True)
    assert not spouts.is_willing(opened(), config, is_active=False)


def test_a_successor_is_activated_anew_and_hears_no_old_acks() -> None:
    spout = opened()
    told(spout)
    spout.commands.append(ACK)
    spouts.forget(spout)
    spout.session = opened().session
    assert told(spout) == [codec.ACTIVATE, codec.NEXT]
