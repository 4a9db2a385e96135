"""When not to look."""

from __future__ import annotations

from scheduler.stream.polling import BACKLOG_TUPLES, FEW_MESSAGES, HIGH_RATE_PER_S, PAUSE_S, PollRule


def after(
    *,
    reads: int = 1,
    messages: int = 1,
    largest_backlog: int = 0,
    is_spout_blocked: bool = False,
    busy: bool = False,
) -> float:
    """Return until when a rule looks only at the waiters, after a full round at 100.0."""
    rule = PollRule()
    if busy:
        rule.note_messages(0, 99.9)
        rule.note_messages(HIGH_RATE_PER_S, 100.0)
    rule.note_round(
        reads=reads,
        messages=messages,
        largest_backlog=lambda: largest_backlog,
        is_spout_blocked=lambda: is_spout_blocked,
        now=100.0,
    )
    return rule.until


def test_small_reads_over_a_backlog_bring_a_pause() -> None:
    assert after(largest_backlog=BACKLOG_TUPLES) == 100.0 + PAUSE_S
    assert after(largest_backlog=BACKLOG_TUPLES, is_spout_blocked=True) == 100.0 + PAUSE_S


def test_without_a_backlog_there_is_none() -> None:
    assert after(largest_backlog=BACKLOG_TUPLES - 1) == 0.0


def test_large_reads_bring_none() -> None:
    assert after(reads=2, messages=2 * FEW_MESSAGES, largest_backlog=BACKLOG_TUPLES) == 0.0


def test_a_round_without_reads_brings_none() -> None:
    assert after(reads=0, messages=0, largest_backlog=BACKLOG_TUPLES) == 0.0


def test_under_a_high_rate_none_is_waiting_unless_a_spout_is_blocked() -> None:
    assert after(busy=True) == 100.0 + PAUSE_S
    assert after(busy=True, is_spout_blocked=True) == 0.0


def test_a_rate_is_forgotten_with_its_window() -> None:
    rule = PollRule()
    rule.note_messages(0, 99.9)
    rule.note_messages(HIGH_RATE_PER_S, 100.0)
    rule.note_messages(1, 101.0)
    rule.note_round(reads=1, messages=1, largest_backlog=lambda: 0, is_spout_blocked=lambda: False, now=101.0)
    assert rule.until == 0.0
