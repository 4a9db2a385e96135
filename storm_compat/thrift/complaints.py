"""How often the log says that a client misbehaves: a few times at once, then only how often it was.

A hostile client causes as many complaints as it sends frames; they would cost more than the frames do, and
hide everything else in the log.
"""

from __future__ import annotations


class Complaints:
    """Lets ``burst`` complaints through in ``period_s`` and counts the rest; ``now`` is in seconds."""

    def __init__(self, *, burst: int = 20, period_s: float = 10.0) -> None:
        self._burst = burst
        self._period_s = period_s
        self._until = float("-inf")
        self._count = 0

    def count(self, now: float) -> str | None:
        """Return what to append to the complaint; None if it is to be left out."""
        left_out = 0
        if now >= self._until:
            left_out = max(self._count - self._burst, 0)
            self._until, self._count = now + self._period_s, 0
        self._count += 1
        if self._count > self._burst:
            return None
        return f" ({left_out:,} more like this were left out)" if left_out else ""
