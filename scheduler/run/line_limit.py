"""How much of what a component writes beside the protocol goes into the log. No clock.

A component that floods its stderr, or prints in a loop, is read all the same,
or it would block; but its lines must not take the container's time and push
everybody else's out of the log.
"""

from __future__ import annotations

from dataclasses import dataclass

LINES_PER_S = 1000.0
BURST_LINES = 10_000.0


@dataclass(slots=True)
class LineLimit:
    """The allowance of one component; times are seconds of the caller's clock."""

    _left: float = BURST_LINES
    _filled_at: float = 0.0
    _left_out: int = 0

    def admits(self, now: float) -> bool:
        """Return whether one more line may be written; one that may not is counted."""
        self._left = min(BURST_LINES, self._left + (now - self._filled_at) * LINES_PER_S)
        self._filled_at = now
        if self._left < 1:
            self._left_out += 1
            return False
        self._left -= 1
        return True

    def take_left_out(self) -> int:
        """Return how many lines were left out since the last call."""
        left_out, self._left_out = self._left_out, 0
        return left_out
