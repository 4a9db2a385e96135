"""Delays before a restart."""

from __future__ import annotations

from scheduler.control.backoff import Backoff


def delays_s(lives_s: list[float]) -> list[float]:
    backoff, delays = Backoff(), []
    for lived_s in lives_s:
        delay_s, backoff = backoff.ended(lived_s)
        delays.append(delay_s)
    return delays


def test_short_lives_are_followed_by_growing_delays_up_to_half_a_minute() -> None:
    assert delays_s([0.0] * 10) == [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 30, 30]


def test_a_minute_of_life_begins_the_count_again() -> None:
    assert delays_s([0, 0, 59.9, 60.0, 0, 3600]) == [0.1, 0.25, 0.5, 0.1, 0.25, 0.1]
