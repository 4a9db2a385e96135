"""Components that change place or configuration while their container runs.

    Shift --begin()--> come:   a runner, started by the container once nobody else has the task
                       leave:  finish what they have -> end of input -> gone -> forgotten
                       renew:  finish what they have -> end of input -> gone -> started anew

What has not finished within `FINISH_S` is ended all the same; its trees then
fail at once and are played again.  What is under way is for the stream
manager to say; here it is waited for and carried out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from scheduler.run.components import Components
from scheduler.run.loop import Loop
from scheduler.stream.placement import Shift
from scheduler.stream.router import StreamManager

log = logging.getLogger(__name__)

FINISH_S = 5.0
"""For a component to finish the tuples it was given, and a spout's trees to be acked."""

_ASK_AFTER_S = 1.0
_END_AFTER_S = 2.0
_LOOK_EVERY_S = 0.02


class Turnover:
    """Carries shifts out.

    Args:
        before_loss: called before tasks are forgotten, while what they counted can still be reported.
        after_loss: called when they are forgotten, and what came for them has been sent on.
    """

    def __init__(
        self,
        loop: Loop,
        manager: StreamManager,
        components: Components,
        *,
        before_loss: Callable[[float], None],
        after_loss: Callable[[float], None],
    ) -> None:
        self._loop = loop
        self._manager = manager
        self._components = components
        self._before_loss = before_loss
        self._after_loss = after_loss
        self._finish_by: dict[int, float] = {}
        """Tasks that retire and have not been told to end."""
        self._told_at: dict[int, float] = {}
        """Those that have."""
        self._is_looking = False

    def begin(self, shift: Shift, now: float) -> None:
        """Start to carry a shift out, on top of those that are under way."""
        for task in shift.came:
            self._components.add(task)
        for task in shift.leaving | shift.renewed:
            if task not in self._told_at:
                self._finish_by.setdefault(task, now + FINISH_S)
        self._look(now)

    def _look(self, now: float) -> None:
        for task in list(self._finish_by):
            self._end_if_finished(task, now)
        gone = [task for task, told_at in self._told_at.items() if self._is_gone(task, now - told_at)]
        for task in gone:
            del self._told_at[task]
        self._let_go(gone, now)
        if (self._finish_by or self._told_at) and not self._is_looking:
            self._is_looking = True
            self._loop.call_at(now + _LOOK_EVERY_S, self._look_again)

    def _look_again(self, now: float) -> None:
        self._is_looking = False
        self._look(now)

    def _end_if_finished(self, task: int, now: float) -> None:
        runner = self._components.runners[task]
        has_finished = self._manager.has_finished(task)
        if not has_finished and now < self._finish_by[task]:
            return
        del self._finish_by[task]
        self._told_at[task] = now
        if has_finished:
            self._manager.rest(task, now)
        elif runner.process is not None:
            log.warning("component ended before it had finished task=%d pid=%d", task, runner.last_pid)
        runner.stop()

    def _is_gone(self, task: int, told_s: float) -> bool:
        runner = self._components.runners[task]
        if runner.process is not None and told_s > _ASK_AFTER_S:
            runner.terminate(hard=told_s > _END_AFTER_S)
        return runner.process is None

    def _let_go(self, tasks: list[int], now: float) -> None:
        manager = self._manager
        is_loss = any(not manager.placement.is_planned(task) for task in tasks)
        if is_loss:
            self._before_loss(now)
        for task in tasks:
            if manager.release(task, now):
                self._components.start_anew(task, now)
            else:
                self._components.remove(task)
        if is_loss:
            self._part(now, now + FINISH_S)

    def _part(self, now: float, deadline: float) -> None:
        """Tell of a loss once no row waits for a link: it would come behind newer ones, or not at all."""
        if self._manager.has_waiting_rows() and now < deadline:
            self._loop.call_at(now + _LOOK_EVERY_S, lambda then: self._part(then, deadline))
        else:
            self._after_loss(now)
