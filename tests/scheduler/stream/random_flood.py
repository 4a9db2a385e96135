"""A random topology whose spouts never stop, with slow tasks and small pipes."""

from __future__ import annotations

import random
from typing import Any

from scheduler.stream.flow import cyclic_components
from tests.scheduler.stream.cluster import Child, Cluster, Message, emit
from tests.scheduler.stream.random_topology import random_placement, random_topology

HIGH_BYTES = 2000
MAX_PENDING = 5
PIPE_BYTES = 1500
READ_BYTES = 500


class RandomFlood(Cluster):
    """Every task moves now and then; slow ones hardly ever."""

    def __init__(self, seed: int, component_count: int, container_count: int, *, has_cycles: bool) -> None:
        chance = self.chance = random.Random(seed)
        conf: dict[str, Any] = {
            "heronry.stream.queue.high.bytes": HIGH_BYTES,
            "heronry.stream.queue.low.bytes": 500,
            "topology.shellbolt.max.pending": MAX_PENDING,
            "heronry.task.ids.ahead": chance.random() < 0.5,
        }
        if has_cycles:
            conf["topology.max.spout.pending"] = 3
        topology = random_topology(chance, component_count, has_cycles=has_cycles, conf=conf)
        bolts = [c for c in topology.components if not c.is_spout]
        self.slow = {task for c in bolts for task in c.tasks if chance.random() < 0.3}
        self.asking = {task for c in bolts for task in c.tasks if chance.random() < 0.2}
        """Those that wait for task ids."""
        self.factor = {c.component: chance.choice((0, 1, 1, 2, 4)) for c in bolts}
        self.has_cycles = has_cycles
        self.cyclic = set(cyclic_components(topology))
        self.received_count = 0
        self.largest_queue: dict[int, int] = {}
        super().__init__(
            topology,
            *random_placement(chance, topology, container_count),
            behave={c.component: self._behave for c in bolts},
            seed=seed,
            pipe_bytes=PIPE_BYTES,
            read_bytes=READ_BYTES,
        )
        for manager in self.managers.values():
            manager.is_active = True

    def _behave(self, child: Child, message: Message) -> None:
        self.received_count += 1
        number, depth = message["tuple"]
        delivery = int(message["id"])
        local = self.local(child.task)
        copies = self.chance.choice((0, 1, 2)) if self.has_cycles else self.factor[local.component]
        for copy in range(copies if depth < 4 else 0):
            stream = self.chance.choice(sorted(local.routes))
            new = (number * 5 + copy, depth + 1)
            if child.task in self.asking:
                child.ask(emit(*new, anchors=[delivery], stream=stream, wants_task_ids=True))
            else:
                child.say(emit(*new, anchors=[delivery], stream=stream))
        child.ack(delivery)

    def write(self, local: Any) -> None:
        super().write(local)
        task = local.task
        self.largest_queue[task] = max(self.largest_queue.get(task, 0), local.queued_bytes)

    def _act(self, task: int) -> bool:
        child = self.children[task]
        local = self.local(task)
        if child.is_blocked:
            return False
        if local.is_spout and not child.todo and self.managers[self.container_of[task]].is_active:
            number = self.chance.randrange(1000)
            message_id = number if self.has_cycles else None
            stream = self.chance.choice(sorted(local.routes))
            child.todo.append(emit(number, 0, message_id=message_id, stream=stream))
        return child.step()

    def flood(self, steps: int) -> None:
        """Let so many things happen, in any order."""
        tasks = list(self.children)
        for _ in range(steps):
            self.now += 0.0005
            task = self.chance.choice(tasks)
            if task not in self.slow or self.chance.random() < 0.05:
                self._act(task)
            task = self.chance.choice(tasks)
            if self.can_read(task):
                self.read(task)
            self.write(self.local(self.chance.choice(tasks)))
            for wire, frames in self.wires.items():
                if frames and self.chance.random() < 0.3:
                    self.deliver(*wire)
            self.round(self.chance.choice(list(self.managers)))

    def drain(self) -> None:
        """Ask the spouts no more, and let everything happen until nothing can."""
        for manager in self.managers.values():
            manager.is_active = False
        for child in self.children.values():
            child.todo.clear()
        for _ in range(1_000_000):
            moved = False
            for task in self.children:
                moved |= self._act(task)
                if self.can_read(task):
                    self.read(task)
                    moved = True
                self.write(self.local(task))
            for wire, frames in self.wires.items():
                if frames:
                    self.deliver(*wire)
                    moved = True
            for container_id in self.managers:
                self.round(container_id)
            if not moved and not any(child.has_input or child.stdout for child in self.children.values()):
                return
            if not moved:
                raise AssertionError(f"stuck: {self.leftovers()}, paused: {self.paused}")
        raise AssertionError("it never becomes quiet")
