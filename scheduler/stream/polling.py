"""When not to look: the two-tier rule that halves the cost of slow components.

Waking up for each message costs more than handling it.  So, while there is
work queued anyway and reads bring only a few messages each, for one
millisecond only those are looked at who wait for an answer (spouts with one
command at a time, components that block on task ids); the others pile up
output that the next full round handles at once.  At modest rates the rule
never applies, and latency stays what it was.
"""

from __future__ import annotations

from dataclasses import dataclass

PAUSE_S = 0.001
FEW_MESSAGES = 32
BACKLOG_TUPLES = 64


@dataclass(slots=True)
class PollRule:
    """Decides after each full round whether the next millisecond is for waiters only."""

    until: float = 0.0

    def note_round(self, *, reads: int, messages: int, largest_backlog: int, now: float) -> None:
        """Take what a full round brought.

        Args:
            largest_backlog: the most unacked tuples that any one component has.
        """
        if reads and messages < FEW_MESSAGES * reads and largest_backlog >= BACKLOG_TUPLES:
            self.until = now + PAUSE_S
        else:
            self.until = 0.0
