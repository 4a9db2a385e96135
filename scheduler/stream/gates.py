"""Flow control carried out on the tasks of one container. No I/O.

`flow` says which components must wait for which task; here the counts are
kept per task, peers are told, and the shell is told whom not to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scheduler.config import StreamConfig
from scheduler.stream.flow import Change, FlowControl
from scheduler.stream.links import Congestion, Link
from scheduler.stream.local_task import LocalTask
from scheduler.stream.notices import Notice, PauseReading, ResumeReading
from scheduler.topology import Topology


class Gates:
    """Opens and closes the way of tuples; appends to ``notices``."""

    def __init__(
        self,
        topology: Topology,
        tasks: Mapping[int, LocalTask],
        remote_tasks: Mapping[int, list[int]],
        links: Mapping[int, Link],
        notices: list[Notice],
    ) -> None:
        self.flow = FlowControl(topology)
        self._links = links
        self._remote_tasks = remote_tasks
        self._place = _places(remote_tasks)
        self._heard: dict[int, set[int]] = {}
        """By container: the tasks that it calls congested, wherever we believe them to be."""
        self._tasks = tasks
        self._notices = notices
        self._config = StreamConfig.from_conf(topology.conf)
        self._by_component: dict[str, list[LocalTask]] = {}
        for local in tasks.values():
            self._by_component.setdefault(local.component, []).append(local)

    def follow(self, topology: Topology, now: float) -> None:
        """Take up the places that tasks have by another plan; what held where they were is forgotten."""
        self._config = StreamConfig.from_conf(topology.conf)
        old, self._place = self._place, _places(self._remote_tasks)
        for task in self.flow.congested:
            if old.get(task) != self._place.get(task):
                self._apply(self.flow.clear(task), now)
                if task not in old:
                    # It leaves; our word would hold again where it comes back some day.
                    self._tell(task, is_congested=False)
        for local in self._tasks.values():
            known = self._by_component.setdefault(local.component, [])
            if local not in known:
                known.append(local)
                self._join(local, now)
        for container_id, tasks in self._remote_tasks.items():
            self._set_link(container_id, "no link", is_congested=not self._links[container_id].is_up, now=now)
            self.hear(container_id, [(t, True) for t in tasks if t in self._heard.get(container_id, ())], now)

    def forget(self, local: LocalTask) -> None:
        """Forget a task that has left."""
        self._by_component[local.component].remove(local)

    def measure(self, local: LocalTask, now: float) -> None:
        """Look whether a task's queue has passed a mark; peers hear of it too."""
        if local.task in self._place:
            return  # it is leaving: only its new container's word counts
        change = self._measure(local.task, "queue", local.queued_bytes)
        if change is not None:
            self._tell(local.task, is_congested=change.step > 0)
            self._apply(change, now)

    def measure_link(self, link: Link, now: float) -> None:
        """Look whether a peer is slow; if so, all tasks behind it are congested."""
        waiting_bytes = max(link.queued_bytes, link.on_way_bytes)
        if waiting_bytes != link.measured_bytes:
            link.measured_bytes = waiting_bytes
            for task in self._remote_tasks.get(link.container_id, ()):
                self._apply(self._measure(task, "slow link", waiting_bytes), now)

    def link_up(self, link: Link, now: float) -> None:
        """Let tuples to a container go, and tell it which of our tasks are congested."""
        self._set_link(link.container_id, "no link", is_congested=False, now=now)
        # Not of those that are leaving: that is their new container's word, and would be kept as ours.
        own = self._tasks.keys() - self._place.keys()
        link.congestions += [(task, True) for task in sorted(own & self.flow.congested)]

    def link_down(self, container_id: int, now: float) -> None:
        """Hold back what feeds the tasks of a container that cannot be reached."""
        self._heard.pop(container_id, None)
        # First the new reason: else feeders would be let go for a moment.
        self._set_link(container_id, "no link", is_congested=True, now=now)
        self._set_link(container_id, "slow link", is_congested=False, now=now)
        self._set_link(container_id, "queue", is_congested=False, now=now)

    def hear(self, container_id: int, congestions: Iterable[Congestion], now: float) -> None:
        """Take a peer's word on its own tasks, and keep what it says of others: it may know a newer plan."""
        for task, is_congested in congestions:
            heard = self._heard.setdefault(container_id, set())
            (heard.add if is_congested else heard.discard)(task)
            if self._place.get(task) == container_id:
                self._apply(self.flow.set(task, "queue", is_congested=is_congested), now)

    def _tell(self, task: int, *, is_congested: bool) -> None:
        for link in self._links.values():
            if link.is_up:
                link.congestions.append((task, is_congested))

    def _measure(self, task: int, reason: str, queued_bytes: int) -> Change | None:
        if queued_bytes > self._config.high_mark_bytes:
            return self.flow.set(task, reason, is_congested=True)
        if queued_bytes <= self._config.low_mark_bytes:
            return self.flow.set(task, reason, is_congested=False)
        return None

    def _set_link(self, container_id: int, reason: str, *, is_congested: bool, now: float) -> None:
        for task in self._remote_tasks.get(container_id, ()):
            self._apply(self.flow.set(task, reason, is_congested=is_congested), now)

    def _join(self, local: LocalTask, now: float) -> None:
        """Let a new task wait for all that is congested already."""
        paused, held = self.flow.counts(local.component)
        self._hold(local, held, now)
        self._pause(local, paused, now)

    def _apply(self, change: Change | None, now: float) -> None:
        if change is None:
            return
        for task in self._of(change.held):
            self._hold(task, change.step, now)
        for task in self._of(change.paused):
            self._pause(task, change.step, now)

    def _hold(self, spout: LocalTask, step: int, now: float) -> None:
        spout.hold_count += step
        spout.note_held(now)

    def _pause(self, task: LocalTask, step: int, now: float) -> None:
        was_paused = task.blocker_count > 0
        task.blocker_count += step
        task.note_held(now)
        if was_paused is not (task.blocker_count > 0):
            self._notices.append(ResumeReading(task.task) if was_paused else PauseReading(task.task))

    def _of(self, components: Iterable[str]) -> Iterable[LocalTask]:
        return (task for component in components for task in self._by_component.get(component, ()))


def _places(remote_tasks: Mapping[int, list[int]]) -> dict[int, int]:
    return {task: container_id for container_id, tasks in remote_tasks.items() for task in tasks}
