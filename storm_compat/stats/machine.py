"""This machine and this nimbus, as clients see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Facts that do not change while nimbus runs, but for the port."""

    host: str
    """What clients are told to connect to."""

    port: int
    version: str
    started_at_s: float
    """Seconds since the epoch."""

    cpu_count: int
    memory_mb: int
    tls_port: int = 0
    """Where clients find us by TLS; 0: nowhere."""

    @property
    def supervisor_id(self) -> str:
        return f"{self.host}-local"

    def slot_count(self, used: int) -> int:
        """Return how many containers fit: a number to show, not a limit, so never fewer than are there."""
        return max(4 * self.cpu_count, used, 1)
