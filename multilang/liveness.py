"""When to send a component a heartbeat, and when to give it up. No clock.

Any output is a sign of life.  A bolt that has been silent for a while gets a
heartbeat, which it answers with ``sync``; a spout is watched only while a
command is unanswered, since an idle one has nothing to say.  While we do not
read a component (flow control), it cannot be heard: the clock stands still.

Storm sends a heartbeat each second; here silence must come first, so that
busy components pay nothing and idle ones little.
Source: storm:storm-client/src/jvm/org/apache/storm/task/ShellBolt.java, spout/ShellSpout.java
"""

from __future__ import annotations

from dataclasses import dataclass

HEARTBEAT_AFTER_S = 10.0


@dataclass(slots=True)
class Liveness:
    """The clock of one component; all times are seconds of the caller's clock."""

    limit_s: float
    heard_s: float
    """When it was last heard, or last not listened to."""

    asked_s: float = 0.0
    """When the last heartbeat was sent."""

    def hear(self, now: float) -> None:
        """Start the clock anew: something came, a command was sent, or nobody was listening."""
        self.heard_s = now

    def excuse(self, away_s: float, now: float) -> None:
        """Leave out a time in which nobody could listen, as our own process was stopped or busy."""
        self.heard_s = min(now, self.heard_s + away_s)

    def is_dead(self, now: float) -> bool:
        """Return whether it has been silent for longer than the limit."""
        return now - self.heard_s > self.limit_s

    def wants_heartbeat(self, now: float) -> bool:
        """Return whether to ask for a sign of life now; asking is remembered."""
        pause_s = min(HEARTBEAT_AFTER_S, self.limit_s / 3)
        if now - self.heard_s < pause_s or now - self.asked_s < pause_s:
            return False
        self.asked_s = now
        return True
