"""The loop of a container process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from scheduler.run.loop import READ, Loop

NUMBERS = (signal.SIGUSR1, signal.SIGUSR2)


@pytest.fixture
def heard() -> Iterator[list[str]]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield []
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_is_heard_after_the_handler_that_it_interrupts(heard: list[str]) -> None:
    loop = Loop()
    loop.hear(NUMBERS, lambda number, _: heard.append(number.name))
    read, write = os.pipe()

    def handler(_events: int, _now: float) -> None:
        os.read(read, 1)
        for number in NUMBERS:
            signal.raise_signal(number)
        heard.append("handled")

    loop.add(read, READ, handler, is_waiter=False)
    os.write(write, b"x")
    now = time.monotonic()
    while len(heard) < 3:
        now = loop.round(now, wake=now + 10, waiters_until=0)
    assert heard == ["handled", "SIGUSR1", "SIGUSR2"]
    for descriptor in (read, write):
        os.close(descriptor)
