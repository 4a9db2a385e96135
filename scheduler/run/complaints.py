"""Errors of a container's components on their way to the topology process. No clock.

Each component has room for so many between two reports.  What comes beyond
is counted by its last one: who errs with every tuple keeps nobody else's
error back.
"""

from __future__ import annotations

import msgspec

from scheduler.control.messages import ErrorReport

MOST = 20


class Complaints:
    """What is to be told; stays until `clear`, as there may be nobody to tell."""

    def __init__(self) -> None:
        self._of_component: dict[str, list[ErrorReport]] = {}

    def add(self, error: ErrorReport) -> None:
        """Take one more error."""
        kept = self._of_component.setdefault(error.component, [])
        if len(kept) < MOST:
            kept.append(error)
        else:
            kept[-1] = msgspec.structs.replace(kept[-1], count=kept[-1].count + 1)

    def all(self) -> list[ErrorReport]:
        """Return all errors, oldest first."""
        return sorted((e for kept in self._of_component.values() for e in kept), key=lambda e: e.time_s)

    def clear(self) -> None:
        """Forget them: they were told."""
        self._of_component.clear()
