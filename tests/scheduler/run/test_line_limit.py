from __future__ import annotations

from scheduler.run.line_limit import BURST_LINES, LINES_PER_S, LineLimit


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    limit = LineLimit()
    assert sum(limit.admits(100.0) for _ in range(50_000)) == BURST_LINES
    assert limit.take_left_out() == 50_000 - BURST_LINES
    assert sum(limit.admits(101.0) for _ in range(5000)) == LINES_PER_S
    assert limit.take_left_out() == 5000 - LINES_PER_S
    assert limit.take_left_out() == 0


def test_the_allowance_does_not_grow_beyond_the_burst() -> None:
    limit = LineLimit()
    limit.admits(0.0)
    assert sum(limit.admits(1e6) for _ in range(50_000)) == BURST_LINES
