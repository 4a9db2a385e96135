"""Tuples that are here and whose task is elsewhere: they go there, and their trees know the way. No I/O.

A row may come for a task that has left, because its sender had not heard of
the plan yet; and deliveries may wait for a task that is to move again before
its component ever started.  Both go on as rows of which the receiver is told
that they were passed on: they are older than what goes there straight.
"""

from __future__ import annotations

from collections.abc import Mapping

from multilang import codec
from scheduler.stream.acks import AckTracker, each
from scheduler.stream.links import Link, Row
from scheduler.stream.local_task import LocalTask
from scheduler.stream.placement import Placement
from scheduler.stream.tuples import Tuples


class Passing:
    """Sends on what is not for here."""

    def __init__(
        self, placement: Placement, acks: AckTracker, links: Mapping[int, Link], tuples: Tuples
    ) -> None:
        self._placement = placement
        self._acks = acks
        self._links = links
        self._tuples = tuples

    def pass_on(self, row: Row) -> None:
        """Send a row on to where its task is now; where that is not known, its trees fail."""
        destination, source, stream_number, values, trail = row
        here = self._placement.container_id
        link = self._links.get(self._placement.container_of.get(destination, here))
        if link is None:
            self._refuse(trail)
            return
        link.rows.append((destination, source, min(stream_number, ~stream_number), values, trail))
        for at in range(0, len(trail), 3):
            home, key = trail[at], trail[at + 1]
            if home == here:
                if root := self._acks.roots.get(key):
                    root.peers |= link.bit
            elif home in self._links:
                self._links[home].reports.append((key, 0, link.bit, False))

    def hand_over(self, local: LocalTask, now: float) -> None:
        """Make rows again of the deliveries that wait for a task, as if they had only passed through here."""
        link = self._links[self._placement.container_of[local.task]]
        for component, stream, source, number, values in codec.split_deliveries(local.take_waiting()):
            if number not in local.pend:
                continue  # a tick
            index = number % local.step
            local.counters[index] -= local.step
            local.samples.pop(number, None)
            roots = local.pend.pop(number)
            trail = self._tuples.count_out(roots, link)
            stream_number = self._placement.numbers[component, stream]
            link.rows.append((local.task, source, ~stream_number, values, trail))
            for root in each(roots):
                root.n -= 1
                if root.n == 0:
                    self._acks.settle(root, now)

    def _refuse(self, trail: list[int]) -> None:
        for at in range(0, len(trail), 3):
            home, key = trail[at], trail[at + 1]
            if home == self._placement.container_id:
                self._acks.fail(self._acks.roots.get(key))
            elif home in self._links:
                self._links[home].reports.append((key, 0, 0, True))
