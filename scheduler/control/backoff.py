"""How long to wait before something that ended is started again.

One rule for components, containers and topology processes: 0.1, 0.25, 0.5,
1, 2, 5, 10 and from then on 30 seconds.  A process that lived for a minute
was in order, so the count begins again.  A value, without a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DELAYS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How many lives in a row were short; a fresh one is ``Backoff()``."""

    failure_count: int = 0

    def ended(self, lived_s: float) -> tuple[float, Backoff]:
        """Return the delay in seconds before the next start, and the value to ask then.

        Args:
            lived_s: how long the process lived, from its start to its end; 0 if it did
                not even start.
        """
        before = 0 if lived_s >= HEALTHY_AFTER_S else self.failure_count
        return DELAYS_S[min(before, len(DELAYS_S) - 1)], Backoff(before + 1)
