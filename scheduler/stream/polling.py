"""When not to look: the two-tier rule that halves the cost of slow components.

Waking up for each message costs more than handling it.  So, where reads
bring only a few messages each and nobody is kept waiting by it, for one
millisecond only those are looked at who wait for an answer (spouts with one
command at a time, components that block on task ids); the others pile up
output that the next full round handles at once.

Nobody is kept waiting
* while some component has a backlog: it has work for the millisecond anyway;
* under a high rate, unless a spout is at its limit of pending trees and so
  waits for the very acks that pile up.

At modest rates the rule never applies, and latency stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PAUSE_S = 0.001
FEW_MESSAGES = 32
BACKLOG_TUPLES = 64
HIGH_RATE_PER_S = 25_000
_WINDOW_S = 0.05


@dataclass(slots=True)
class PollRule:
    """Decides after each full round whether the next millisecond is for waiters only."""

    until: float = 0.0
    _is_busy: bool = False
    _window_end: float = 0.0
    _window_messages: int = 0

    def note_messages(self, messages: int, now: float) -> None:
        """Count the messages of any round, to know the rate."""
        self._window_messages += messages
        if now >= self._window_end:
            self._is_busy = self._window_messages > HIGH_RATE_PER_S * (now - self._window_end + _WINDOW_S)
            self._window_end = now + _WINDOW_S
            self._window_messages = 0

    def note_round(
        self,
        *,
        reads: int,
        messages: int,
        largest_backlog: Callable[[], int],
        is_spout_blocked: Callable[[], bool],
        now: float,
    ) -> None:
        """Take what a full round brought; asks the rest only where it matters.

        Args:
            largest_backlog: returns the most unacked tuples that any one component has.
            is_spout_blocked: returns whether some spout has as many trees pending as it may.
        """
        self.until = 0.0
        if messages >= FEW_MESSAGES * reads:  # also where nothing was read
            return
        if (self._is_busy and not is_spout_blocked()) or largest_backlog() >= BACKLOG_TUPLES:
            self.until = now + PAUSE_S
