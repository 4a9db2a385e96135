"""What a spout is told, and when."""

from __future__ import annotations

from typing import Any

import pytest

from multilang import codec
from multilang.framing import END
from multilang.library import CAREFUL, OURS, UNKNOWN, Library
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
    spouts.begin(spout, StreamConfig(is_strict_spout=False), UNKNOWN)
    return spout


def told(spout: LocalTask, *, is_active: bool = True, now: float = 0.0, **conf: object) -> list[bytes]:
    """Return what the spout is told now."""
    if not spout.session.can_command:
        return []
    spouts.queue_commands(spout, StreamConfig(**conf), is_active=is_active, now=now)  # type: ignore[arg-type]
    commands, spout.parts = list(spout.parts), []
    return commands  # type: ignore[return-value]


def answers(spout: LocalTask, count: int, *, now: float, emits: int = 0) -> None:
    """Let the spout answer so many commands, with so many tuples among them."""
    spout.emitted_count += emits
    spout.session.receive(SYNC * count)
    spouts.note_answers(spout, StreamConfig(), now=now)


def test_all_that_waits_is_said_at_once_and_next_comes_last() -> None:
    spout = opened()
    spout.commands += [ACK, codec.render_fail(b"2")]
    assert told(spout) == [ACK, codec.render_fail(b"2"), codec.ACTIVATE, codec.NEXT]
    assert told(spout) == []
    answers(spout, 3, now=0.0)
    assert told(spout) == []
    answers(spout, 1, now=0.0, emits=1)
    assert told(spout) == [codec.NEXT]


def test_a_strict_spout_is_told_one_thing_at_a_time() -> None:
    spout = opened()
    spouts.begin(spout, StreamConfig(), UNKNOWN)
    spout.commands += [ACK]
    for command in (ACK, codec.ACTIVATE, codec.NEXT):
        assert told(spout) == [command]
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
    answers(spout, 2, now=0.0, emits=1)
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
    answers(spout, 1, now=150.0, emits=1)
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


# -- several at once ------------------------------------------------------------------


def eager(limit: int = 8) -> LocalTask:
    """Return a spout that was activated and has brought a tuple; its window is as wide as allowed."""
    spout = opened()
    spout.window_limit = limit
    told(spout)
    answers(spout, 2, now=0.0, emits=1)
    spout.window = limit
    return spout


def asked(spout: LocalTask, now: float, **conf: object) -> int:
    """Ask a spout now; return how often."""
    commands = told(spout, now=now, **conf)
    assert set(commands) <= {codec.NEXT}
    return len(commands)


def test_the_window_doubles_while_each_next_brings_a_tuple() -> None:
    spout = eager(limit=8)
    spout.window = 1
    counts = []
    for turn in range(5):
        counts.append(asked(spout, now=turn))
        answers(spout, counts[-1], now=turn + 0.001, emits=counts[-1])
    assert counts == [1, 2, 4, 8, 8]


def test_one_next_without_a_tuple_closes_the_window_and_only_all_without_make_a_pause() -> None:
    spout = eager(limit=8)
    assert asked(spout, now=1.0) == 8
    answers(spout, 8, now=1.001, emits=7)
    assert asked(spout, now=1.001) == 1
    spout.window = 8
    answers(spout, 1, now=1.002)
    assert asked(spout, now=1.0025) == 0
    assert asked(spout, now=1.0031) == 1


def test_a_batch_that_takes_long_halves_the_window() -> None:
    spout = eager(limit=8)
    for count in (8, 4, 2, 1, 1):
        assert asked(spout, now=1.0) == count
        answers(spout, count, now=1.02, emits=count)


def test_after_a_very_long_one_it_is_asked_once_at_a_time_for_longer_each_time() -> None:
    spout = eager(limit=8)
    now = 0.0
    for wary_s in (30.0, 60.0, 120.0):
        spout.window = 8
        count = asked(spout, now=now)
        assert count == 8
        now += 0.2
        answers(spout, count, now=now, emits=count)
        spout.window = 8
        assert asked(spout, now=now + wary_s - 0.05) == 1
        now += wary_s
        answers(spout, 1, now=now, emits=1)
        spout.window = 8


def test_where_others_wait_for_one_block_only_a_very_long_batch_does_not_make_it_wary() -> None:
    spout = eager(limit=8)
    spouts.begin(spout, StreamConfig(), OURS)
    spout.window = spout.window_limit
    assert asked(spout, now=1.0) == spouts.WIDE_WINDOW
    answers(spout, spouts.WIDE_WINDOW, now=1.2, emits=spouts.WIDE_WINDOW)  # a busy machine
    for count in (1, 2, 4):
        assert asked(spout, now=1.2) == count
        answers(spout, count, now=1.2, emits=count)


def test_a_slow_activation_says_nothing_about_the_spout() -> None:
    spout = opened()
    spout.window_limit = 8
    told(spout)
    answers(spout, 2, now=5.0, emits=1)
    assert asked(spout, now=5.0) == 2


def test_max_spout_pending_is_never_asked_beyond() -> None:
    spout = eager(limit=8)
    spout.live = 7
    assert asked(spout, now=1.0, max_spout_pending=10) == 3
    answers(spout, 3, now=1.0, emits=3)
    spout.live = 10
    assert asked(spout, now=1.0, max_spout_pending=10) == 0


def test_a_spout_that_emits_several_tuples_a_time_is_asked_for_as_many_as_there_is_room_for() -> None:
    spout = eager(limit=8)
    assert asked(spout, now=1.0) == 8
    answers(spout, 8, now=1.0, emits=10)  # one of them may have been three at once
    spout.live = 90
    assert asked(spout, now=1.0, max_spout_pending=100) == 3
    answers(spout, 3, now=1.0, emits=30)
    spout.live = 99
    assert asked(spout, now=1.0, max_spout_pending=100) == 1


@pytest.mark.parametrize(
    ("library", "conf", "limits"),
    [
        (UNKNOWN, {}, (1, 1)),
        (CAREFUL, {}, (spouts.MOST_AT_ONCE, spouts.KNOWN_WINDOW)),
        (OURS, {}, (spouts.MOST_AT_ONCE, spouts.WIDE_WINDOW)),
        (OURS, {"spout_window": 3}, (spouts.MOST_AT_ONCE, 3)),
        (OURS, {"is_strict_spout": True}, (1, 1)),
        (UNKNOWN, {"spout_window": 3}, (spouts.MOST_AT_ONCE, 3)),
        (CAREFUL, {"spout_window": 3}, (spouts.MOST_AT_ONCE, 3)),
        (UNKNOWN, {"is_strict_spout": False}, (spouts.MOST_AT_ONCE, 1)),
        (CAREFUL, {"is_strict_spout": True}, (1, 1)),
        (CAREFUL, {"is_strict_spout": True, "spout_window": 3}, (1, 1)),
    ],
)
def test_several_at_once_only_where_the_library_takes_turns_or_the_conf_says_so(
    library: Library, conf: dict[str, Any], limits: tuple[int, int]
) -> None:
    spout = opened()
    spouts.begin(spout, StreamConfig(**conf), library)
    assert (spout.most_commands, spout.window_limit) == limits


def test_a_spout_of_ours_is_asked_64_times_at_once_until_one_next_blocks() -> None:
    spout = opened()
    spouts.begin(spout, StreamConfig(), OURS)
    told(spout)
    answers(spout, 2, now=0.0, emits=1)
    counts = []
    for turn in range(1, 8):
        counts.append(asked(spout, now=turn))
        answers(spout, counts[-1], now=turn + 0.001, emits=counts[-1])
    assert counts == [2, 4, 8, 16, 32, 64, 64]
    assert asked(spout, now=8.0) == 64
    answers(spout, 64, now=8.05, emits=20)  # the twentieth blocked, and the rest was passed over
    assert [asked(spout, now=8.05), spout.most_per_next] == [1, 1]
    answers(spout, 1, now=8.1, emits=1)
    assert asked(spout, now=8.1) == 1  # and a single one that takes long opens nothing
    answers(spout, 1, now=8.101, emits=1)
    assert asked(spout, now=8.101) == 2


def test_a_successor_begins_with_one_next() -> None:
    spout = eager(limit=8)
    spouts.forget(spout)
    spout.session = opened().session
    assert told(spout) == [codec.ACTIVATE, codec.NEXT]
