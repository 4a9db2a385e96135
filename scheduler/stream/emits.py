"""What an emit means where it is not plain: direct, asking for the task ids, anchored to several, or wrong.

The router handles plain emits itself, for speed; these are its rules for the
rest.  A tuple that can go nowhere is reported and its trees fail: were they
acked, it would be lost silently.  Storm ends the whole worker instead.
Source: storm:storm-client/src/jvm/org/apache/storm/daemon/Task.java
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from multilang import codec
from multilang.events import Emit
from scheduler.config import StreamConfig
from scheduler.stream import notices
from scheduler.stream.acks import MISSING, AckTracker, Root, Roots, each
from scheduler.stream.foresight import Foresight, render
from scheduler.stream.local_task import LocalTask
from scheduler.stream.routing import BadTuple, Route, Slots
from scheduler.topology import Topology

BAD_VALUES = (BadTuple, msgspec.MsgspecError, ValueError)
"""What a grouping raises of values that do not fit it."""

UNRELIABLE = (b"", b"null")
"""Message ids that mean: nobody wants to know."""


class EmitRules:
    """Choose targets and trees; appends to ``told`` what the shell must know.

    Args:
        mark: called with a task that has got something to write.
    """

    def __init__(
        self,
        topology: Topology,
        config: Mapping[int, StreamConfig],
        acks: AckTracker,
        told: list[notices.Notice],
        mark: Callable[[LocalTask], None],
    ) -> None:
        self._topology = topology
        self._config = config
        self._acks = acks
        self._notices = told
        self._mark = mark

    def choose_by_values(self, local: LocalTask, event: Emit, route: Route) -> Slots | None:
        """Return where the groupings send a tuple; None if its values do not fit them."""
        try:
            return route.choose(event.values)
        except BAD_VALUES as exc:
            self.drop_misfit(local, event, exc)
            return None

    def drop_misfit(self, local: LocalTask, event: Emit, exc: Exception) -> None:
        """Report a tuple whose values do not fit the groupings."""
        self._drop(local, event, f"emitted to stream {event.stream!r}: {exc}")

    def choose(self, local: LocalTask, event: Emit, route: Route | None) -> Slots | None:
        """Choose for emits that are direct, want the task ids, or are wrong; None: nothing to deliver."""
        is_asking = event.wants_task_ids and not event.direct_task
        # What was told ahead holds, whatever comes: the component takes its lists in this order.
        told = local.foretold.popleft() if is_asking and local.foretold else None
        slots: Slots | None = None
        if route is None:
            self._drop(
                local,
                event,
                f"emitted to stream {event.stream!r}, which {local.component} does not declare; "
                f"declared: {sorted(local.routes)}",
            )
        elif event.direct_task:
            slot = route.direct.get(event.direct_task)
            return (slot,) if slot is not None else self._miss_direct(local, event, route)
        elif route.has_direct:
            self._drop(
                local,
                event,
                f"emitted to direct stream {event.stream!r} without naming a task (emit with task=...)",
            )
        elif route.fixed is not None:
            slots = route.fixed
        else:
            slots = told if told is not None else self.choose_by_values(local, event, route)
        if not is_asking:
            return slots
        if slots is None:
            local.foresight = None  # it makes mistakes: what it was told ahead of this one was one, too
        if told is None:
            self._answer(local, slots or ())
        if local.foresight is not None:
            self._supply(local, local.foresight)
        return slots

    def _answer(self, local: LocalTask, slots: Slots) -> None:
        local.deliver_urgently(render(slots))
        self._mark(local)
        if local.limit is None and not local.is_spout:
            # It blocks for the answer, so it will read ahead through tuples: see local_task.
            local.limit = self._config[local.task].shellbolt_max_pending
            self._notices.append(notices.Asks(local.task, is_waiting=local.foresight is None))

    def _supply(self, local: LocalTask, foresight: Foresight) -> None:
        """Send answers ahead, once half of the last ones are used up."""
        missing = foresight.supply_count - len(local.foretold)
        if missing < foresight.supply_count / 2:
            return
        told = [foresight.choose() for _ in range(missing)]
        local.foretold += told
        local.deliver_urgently(b"".join(map(render, told)))
        self._mark(local)

    def _miss_direct(self, local: LocalTask, event: Emit, route: Route) -> Slots | None:
        task = event.direct_task
        component = self._topology.component_of().get(task)
        if component is None:
            self._drop(local, event, f"emitted directly to task {task}, which does not exist")
            return None
        if component in (c.component for c, _ in self._topology.consumers(local.component, route.stream)):
            self._drop(
                local,
                event,
                f"emitted directly to task {task} of {component}, which has no direct grouping "
                f"on {route.stream!r}",
            )
            return None
        return ()  # a component that does not subscribe: passed over silently, as in Storm

    def _drop(self, local: LocalTask, event: Emit, text: str) -> None:
        """Report a tuple that goes nowhere, and fail its trees: who acked them would lose it silently."""
        self._complain(local, f"{text}. The tuple was dropped")
        if not local.is_spout:
            self._acks.fail(self.join(local, event.anchors))
        elif (message_id := bytes(event.message_id)) not in UNRELIABLE:
            local.commands.append(codec.render_fail(message_id))

    def _complain(self, local: LocalTask, text: str) -> None:
        self._notices.append(notices.odd(local.task, text, is_strict=self._config[local.task].is_strict))

    def join(self, local: LocalTask, anchors: list[int]) -> Roots:
        """Return the distinct trees of several anchors; unknown ones are reported and left out.

        Ticks have no tree, so that it does not matter whether they were acked.
        """
        found: dict[int, Root] = {}
        for anchor in anchors:
            roots = local.pend.get(anchor, MISSING)
            if roots is MISSING:
                if anchor > 0 and anchor % local.step == local.step - 1:
                    continue
                self._complain(
                    local,
                    f"anchored to tuple {anchor}, which was acked or failed already or never existed; "
                    "the new tuple is not tracked by it. Emit before you ack",
                )
                continue
            for root in each(roots):
                found[id(root)] = root
        if len(found) < 2:
            return next(iter(found.values()), None)
        return tuple(found.values())
