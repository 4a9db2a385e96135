"""A topology in this process: real stream managers, components as objects, virtual time.

    Hosted  <--deliveries--  StreamManager  ==frames==>  StreamManager  --->  Hosted
            --its output->                                              <---

Everything that can happen at one moment happens, then the clock goes on to
the next moment at which something is due: a spout's next, a tick, the sweep
for timeouts.  Nothing sleeps, no thread and no process is started, and the
same test sees the same order each time.

A spout is asked for a tuple each virtual millisecond while it has some; else
it is given the pauses that its configuration says.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from multilang.library import UNKNOWN
from multilang.session import Kind, ShellSession
from multilang.testing import Hosted, Outcome, Recorder, TestingError
from scheduler.context import shell_context
from scheduler.plan import PackingPlan
from scheduler.stream import notices
from scheduler.stream.acks import each
from scheduler.stream.links import FrameSplitter
from scheduler.stream.local_task import LocalTask
from scheduler.stream.router import StreamManager
from scheduler.topology import Topology

NEXT_S: Final = 0.001
"""Virtual time that a spout's ``next`` takes."""

SWEEP_S: Final = 1.0
RELIEVE_S: Final = 0.1
_MANY_ROUNDS: Final = 10_000
_FAIL: Final = b'{"command":"fail"'


class PlayedTask:
    """One task: its component, and what it did."""

    def __init__(
        self, task: int, component: str, hosted: Hosted, recorder: Recorder, begun_at: float
    ) -> None:
        self.task = task
        self.component = component
        self.hosted = hosted
        self.session = ShellSession(Kind.SPOUT if hosted.is_spout else Kind.BOLT)
        self.recorder = recorder
        self.is_dry = False
        """Spouts: had nothing to emit when last asked, and was told of no failure since."""

        self.tick_at = math.inf
        self.gather_at = begun_at + hosted.batch_s if hosted.gathers_by_itself else math.inf

    @property
    def instance(self) -> Any:
        """The object of the component's class, to look at its state."""
        return self.hosted.instance

    @property
    def outcome(self) -> Outcome:
        """Everything it did; what its predecessors did, too, if it was started anew."""
        return self.recorder.outcome()


class PlayedTopology:
    """A running topology; `run` lets its time go by.

    Args:
        topology: as it would be run for real.
        classes: component id -> the class of its tasks.
        plan: which task is in which container.
        seed: what shuffle groupings are decided by.
        raises: whether an exception of a component is the test's; else the component is started anew.

    Raises:
        TestingError: a class cannot be run so; says why.
    """

    def __init__(
        self,
        topology: Topology,
        classes: Mapping[str, type],
        plan: PackingPlan,
        *,
        seed: int = 1,
        raises: bool = True,
    ) -> None:
        self.topology = topology
        self._classes = classes
        self._raises = raises
        self._now = self._began = 1000.0
        self._container_of = plan.container_of()
        self._pid_dir = tempfile.TemporaryDirectory(prefix="heronry-")
        rng = random.Random(seed)
        self._managers = {
            c.container_id: StreamManager(topology, plan, c.container_id, 1, random.Random(rng.random()))
            for c in plan.containers
        }
        self._tasks: dict[int, PlayedTask] = {}
        self._sweep_at = self._began + SWEEP_S
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return itself; it is closed in the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- for tests ------------------------------------------------------------

    @property
    def time_s(self) -> float:
        """Virtual seconds since the start."""
        return self._now - self._began

    def __getitem__(self, component: str) -> Outcome:
        """Return what all tasks of a component did, task by task."""
        return sum((played.outcome for played in self.tasks(component)), Outcome())

    def tasks(self, component: str) -> list[PlayedTask]:
        """Return the tasks of a component, ascending.

        Raises:
            TestingError: there is no such component.
        """
        found = [self._tasks[task] for task in sorted(self._tasks)]
        named = [played for played in found if played.component == component]
        if not named:
            known = ", ".join(sorted({played.component for played in found}))
            raise TestingError(f"there is no component {component!r}; there are: {known}")
        return named

    def run(self, seconds: float) -> None:
        """Let so many virtual seconds go by.

        Raises:
            Exception: what a component raised, if the topology was made so.
        """
        end = self._now + seconds
        while self._step(end):
            pass
        self._now = end

    def until(self, is_true: Callable[[], object], *, within_s: float = 60.0) -> None:
        """Let time go by until ``is_true`` says so.

        Raises:
            TestingError: it never did.
            Exception: what a component raised, if the topology was made so.
        """
        end = self._now + within_s
        while not is_true():
            if not self._step(end):
                self._now = end
                raise TestingError(f"not within {within_s:g} virtual seconds. {self._state()}")

    def drain(self, *, within_s: float = 60.0) -> None:
        """Let time go by until the spouts have nothing more, and every tuple is acked or failed.

        Raises:
            TestingError: it does not come to that; says what is still under way.
            Exception: what a component raised, if the topology was made so.
        """
        self.until(self._is_drained, within_s=within_s)

    def close(self) -> None:
        """End it; logging is as before, and no file is left."""
        for played in self._tasks.values():
            played.hosted.close()
        self._pid_dir.cleanup()

    # -- time -----------------------------------------------------------------

    def _step(self, end: float) -> bool:
        """Go on to the next moment at which something is due; return whether one is before ``end``."""
        due = min(self._sweep_at, *(self._due_of(played) for played in self._tasks.values()))
        for manager in self._managers.values():
            if (wake := manager.next_wake()) is not None:
                due = min(due, wake)
            if any(local.held for local in manager.tasks.values()):
                due = min(due, self._now + RELIEVE_S)
        if due > end:
            return False
        self._now = max(self._now, due)
        self._do_what_is_due()
        self._settle()
        return True

    def _due_of(self, played: PlayedTask) -> float:
        return min(played.tick_at, played.gather_at)

    def _do_what_is_due(self) -> None:
        for played in list(self._tasks.values()):
            manager = self._manager(played.task)
            if played.tick_at <= self._now:
                frequency_s = int(manager.config[played.task].tick_frequency_s or 1)
                played.tick_at += frequency_s
                manager.tick(played.task, frequency_s)
            if played.gather_at <= self._now:
                played.gather_at += played.hosted.batch_s
                played.hosted.gather()
                self._hear(played)
                self._look_after(played)
        for manager in self._managers.values():
            manager.relieve(self._now)
            if self._sweep_at <= self._now:
                manager.sweep(self._now)
        if self._sweep_at <= self._now:
            self._sweep_at += SWEEP_S

    def _begin(self) -> None:
        """Connect the containers, start all components, and let the spouts be asked."""
        for manager in self._managers.values():
            for peer in manager.links:
                manager.link_up(peer, self._now)
        for task in sorted(self._container_of):
            self._start(task)
        for manager in self._managers.values():
            manager.is_active = True
        self._settle()

    def _settle(self) -> None:
        """Let everything happen that can at this moment."""
        for _ in range(_MANY_ROUNDS):
            is_quiet = True
            for container_id in self._managers:
                self._round(container_id)
            for task in sorted(self._tasks):
                played = self._tasks[task]
                while played.hosted.turn():
                    is_quiet = False
                    self._hear(played)
                self._look_after(played)
            if is_quiet and not any(m.dirty or self._has_news(m) for m in self._managers.values()):
                return
        raise TestingError(f"it never comes to rest: do bolts feed each other for ever? {self._state()}")

    def _round(self, container_id: int) -> None:
        """Do what a container does at the end of a round."""
        manager = self._managers[container_id]
        manager.pump(self._now)
        for local in manager.take_dirty(self._now):
            self._write(local)
        for notice in manager.take_notices():
            self._take_notice(notice)
        for peer, link in manager.links.items():
            if link.has_news:
                (body,) = FrameSplitter().feed(link.take_frame())
                self._managers[peer].receive_frame(container_id, body, self._now)

    @staticmethod
    def _has_news(manager: StreamManager) -> bool:
        return any(link.has_news for link in manager.links.values())

    # -- components -----------------------------------------------------------

    def _start(self, task: int) -> None:
        """Start the component of a task, for the first time or anew."""
        component = self.topology.component(self.topology.component_of()[task])
        manager = self._manager(task)
        before = self._tasks.get(task)
        declared = {stream: list(of.fields) for stream, of in component.streams.items()}
        recorder = before.recorder if before else Recorder(declared)
        hosted = Hosted(self._classes[component.component], component.component, partial(self._answer, task))
        played = self._tasks[task] = PlayedTask(task, component.component, hosted, recorder, self._now)
        if (frequency_s := manager.config[task].tick_frequency_s) and not component.is_spout:
            played.tick_at = self._now + int(frequency_s)
        conf = self.topology.component_conf(component)
        manager.open(task, conf, str(Path(self._pid_dir.name)), shell_context(self.topology, task), UNKNOWN)
        self._write(manager.tasks[task])
        mark = recorder.mark()
        hosted.greet()
        self._hear(played)
        recorder.forget_logs(mark)  # that it logs to the host is of no interest
        hosted.initialize()
        self._hear(played)

    def _look_after(self, played: PlayedTask) -> None:
        """Raise what a component raised, or start it anew if it has ended."""
        raised, played.hosted.raised = played.hosted.raised, None
        if raised is not None and self._raises:
            raise raised
        if played.hosted.ended:
            played.hosted.close()
            self._manager(played.task).lose(played.task, self._now)
            self._start(played.task)

    def _write(self, local: LocalTask) -> None:
        """Give a component what waits for it."""
        played = self._tasks[local.task]
        while (data := local.take()) is not None:
            local.wrote(data, len(data))
            for text in played.hosted.feed(bytes(data)):
                played.recorder.hear(text)
                # What failed may be emitted again.
                played.is_dry = played.is_dry and not text.startswith(_FAIL)
        self._manager(local.task).gates.measure(local, self._now)

    def _hear(self, played: PlayedTask) -> None:
        """Take what a component said."""
        data = played.hosted.take_output()
        if not data:
            return
        played.recorder.note(played.session.receive(data))
        manager = self._manager(played.task)
        local = manager.tasks[played.task]
        was_asked = local.asked_count
        manager.receive(played.task, data, self._now)
        if was_asked and not local.asked_count:
            local.wait_until = max(local.wait_until, self._now + NEXT_S)
            played.is_dry = not local.emitted_count

    def _answer(self, task: int) -> None:
        """Let a component that reads on in the middle of a tuple have the task ids it waits for."""
        played = self._tasks[task]
        local = self._manager(task).tasks[task]
        self._hear(played)
        if not local.urgent:
            raise TestingError(
                f"{played.component} reads on in the middle of a tuple, though it asked nothing"
            )
        self._write(local)

    def _take_notice(self, notice: notices.Notice) -> None:
        played = self._tasks[notice.task]
        if isinstance(notice, notices.Broken):
            played.hosted.ended = notice.reason
        if isinstance(notice, notices.Broken | notices.Erred):
            text = notice.reason if isinstance(notice, notices.Broken) else notice.text
            if text not in played.outcome.errors:  # the recorder has seen what the component said itself
                played.recorder.complain(text)

    def _manager(self, task: int) -> StreamManager:
        return self._managers[self._container_of[task]]

    # -- what is under way ------------------------------------------------------

    def _is_drained(self) -> bool:
        return all(
            not manager.acks.roots
            and all(self._tasks[spout.task].is_dry for spout in manager.spouts)
            and not any(local.held or _awaited_count(local) for local in manager.tasks.values())
            for manager in self._managers.values()
        )

    def _state(self) -> str:
        """Return what is still under way, for people."""
        told = []
        for manager in self._managers.values():
            for task, local in sorted(manager.tasks.items()):
                if local.is_spout and not self._tasks[task].is_dry:
                    told.append(f"{local.component} (task {task}) still has tuples to emit")
                if local.is_spout and local.live:
                    told.append(
                        f"{local.live} tuples of {local.component} (task {task}) are neither acked nor failed"
                    )
                if count := _awaited_count(local):
                    told.append(f"{local.component} (task {task}) holds {count} tuples unacked")
        return "; ".join(told) or "Nothing is under way."


def _awaited_count(local: LocalTask) -> int:
    """Return how many tuples a bolt has that somebody waits for: none of trees that are over."""
    return sum(
        roots is None or not all(root.is_done for root in each(roots)) for roots in local.pend.values()
    )
