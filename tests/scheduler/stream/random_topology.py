"""Random topologies, and a random life of one whose true trees are kept in the open.

Every tuple carries its own number as its value, so that each can be told
from all others.  The model counts a tuple's deliveries when its emit is read
and again when their acks are read; it knows nothing of counters, edges or
reports, and so can say what must become of each root.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from typing import Any

from multilang.framing import END
from scheduler.topology import Component, Grouping, GroupingKind, Stream, Topology
from tests.scheduler.stream.cluster import Child, Cluster, Message, ack, bolt, emit, fail, spout, topology

MAX_SPOUT_PENDING = 20
KINDS = [kind for kind in GroupingKind if kind is not GroupingKind.DIRECT]


def random_topology(
    rng: random.Random, component_count: int, *, has_cycles: bool = False, conf: dict[str, Any] | None = None
) -> Topology:
    """Return spouts c0, c1, .. and bolts after them; without cycles each reads from earlier ones."""
    spout_count = rng.randint(1, max(1, component_count // 2))
    names = [f"c{index}" for index in range(component_count)]
    streams = {
        name: {s: Stream(("value",)) for s in ("default", "other")[: rng.randint(1, 2)]} for name in names
    }
    components: list[Component] = []
    task = itertools.count(1)
    for index, name in enumerate(names):
        tasks = [next(task) for _ in range(rng.randint(1, 4))]
        if index < spout_count:
            components.append(spout(name, *tasks, streams=streams[name]))
            continue
        known = names if has_cycles else names[:index]
        sources = {rng.choice(names[:index]), *rng.sample(known, rng.randint(0, min(2, len(known))))}
        reads = [(s, stream, random_grouping(rng)) for s in sorted(sources) for stream in streams[s]]
        components.append(bolt(name, *tasks, reads=reads, streams=streams[name]))
    built = topology(*components)
    return Topology(built.topology_id, built.name, built.components, conf or {})


def random_grouping(rng: random.Random) -> Grouping:
    kind = rng.choice(KINDS)
    return Grouping(kind, ("value",) if kind is GroupingKind.FIELDS else ())


def random_placement(rng: random.Random, topology: Topology, container_count: int) -> list[list[int]]:
    """Return the tasks of each container."""
    containers: list[list[int]] = [[] for _ in range(container_count)]
    for task in topology.component_of():
        rng.choice(containers).append(task)
    return containers


class Tree:
    """What is known of one root."""

    def __init__(self, spout_child: Child, *, may_fail: bool) -> None:
        self.spout_child = spout_child
        self.delivery_count = 0
        self.ack_count = 0
        self.has_failed = False
        self.may_fail = may_fail
        """It lived while a connection or a container was lost, so it may fail though it need not."""
        self.outcomes: list[str] = []

    @property
    def is_complete(self) -> bool:
        return self.delivery_count == self.ack_count and not self.has_failed


class RandomLife(Cluster):
    """Lets things happen in any order; raises AssertionError when an outcome is wrong."""

    def __init__(self, seed: int, component_count: int, container_count: int, *, fail_rate: float) -> None:
        self.chance = random.Random(seed)
        self.fail_rate = fail_rate
        conf = {
            "topology.max.spout.pending": MAX_SPOUT_PENDING,
            "heronry.task.ids.ahead": self.chance.random() < 0.5,
            "heronry.spout.window": self.chance.choice((1, 3, 16)),
        }
        topology = random_topology(self.chance, component_count, conf=conf)
        self.is_calm = True
        """Whether the last loss is over: all connected, and no news of it on the way."""
        self.trees: dict[int, Tree] = {}
        self.roots_of: dict[int, frozenset[int]] = {}
        self._numbers = itertools.count(1)
        super().__init__(topology, *random_placement(self.chance, topology, container_count), seed=seed)
        self.activate()

    # -- the model ------------------------------------------------------------------

    def read(self, task: int) -> None:
        """Read some messages of a component, telling the model of each."""
        child, container_id = self.children[task], self.container_of[task]
        texts = bytes(child.stdout).split(END)[:-1]
        for text in texts[: self.chance.randint(1, len(texts))]:
            del child.stdout[: len(text) + len(END)]
            before = self._transferred(task)
            self.managers[container_id].receive(task, text + END, self.now)
            self._note(child, json.loads(text), self._transferred(task) - before)
        self.round(container_id)
        for manager in self.managers.values():
            assert all(local.live <= MAX_SPOUT_PENDING for local in manager.spouts)
            for root in [*manager.acks.roots.values(), *manager.acks.proxies.values()]:
                assert root.n >= 0

    def _transferred(self, task: int) -> int:
        return sum(route.transferred for route in self.local(task).routes.values())

    def _note(self, child: Child, message: Message, delivery_count: int) -> None:
        match message.get("command"):
            case "emit":
                (number,) = message["tuple"]
                if "id" in message:
                    self.trees[number] = Tree(child, may_fail=not self._is_calm())
                    self.roots_of[number] = frozenset((number,))
                else:
                    anchors = [self._number(child, int(anchor)) for anchor in message.get("anchors", ())]
                    self.roots_of[number] = frozenset().union(*(self.roots_of[a] for a in anchors))
                for root in self.roots_of[number]:
                    self.trees[root].delivery_count += delivery_count
            case "ack" | "fail" as command:
                for root in self.roots_of[self._number(child, int(message["id"]))]:
                    if command == "ack":
                        self.trees[root].ack_count += 1
                    else:
                        self.trees[root].has_failed = True

    def _number(self, child: Child, delivery: int) -> int:
        return next(m["tuple"][0] for m in child.messages if m.get("id") == str(delivery))

    def _is_calm(self) -> bool:
        if not self.is_calm:
            links = [link for manager in self.managers.values() for link in manager.links.values()]
            self.is_calm = (
                all(link.is_up and not link.reports for link in links)
                and len(self.connected) == len(self.placement) * (len(self.placement) - 1) // 2
                and not any(self.wires.values())
            )
        return self.is_calm

    def _all_may_fail(self) -> None:
        self.is_calm = False
        for tree in self.trees.values():
            tree.may_fail = tree.may_fail or not tree.outcomes

    def _check_outcomes(self, child: Child) -> None:
        told = [("acked", int(number)) for number in child.acked]
        told += [("failed", int(number)) for number in child.failed]
        for (outcome, number), count in Counter(told).items():
            tree = self.trees[number]
            assert count == 1, f"{number} was {outcome} {count} times"
            if tree.outcomes:  # as in the last step, or the other way: then it fails here
                assert tree.outcomes == [outcome], f"{number} was {tree.outcomes} and {outcome}"
                continue
            tree.outcomes.append(outcome)
            if outcome == "acked":
                assert tree.is_complete, f"{number} was acked too early"
            else:
                assert tree.may_fail or not tree.is_complete, f"{number} failed for no reason"

    # -- what may happen ----------------------------------------------------------------

    def live(self, steps: int, *, has_losses: bool) -> None:
        """Let so many things happen."""
        for _ in range(steps):
            self.now += 0.002
            if has_losses and self.chance.random() < 0.03:
                self._lose_something()
                continue
            acts = [(self._step, task) for task, child in self.children.items() if child.has_input]
            acts += [(self.read, task) for task in self.children if self.can_read(task)]
            acts += [(self._decide, task) for task, child in self.children.items() if child.held]
            acts += [(self._spout_emits, task) for task in self.children if self._is_idle_spout(task)]
            acts += [(self._deliver_wire, wire) for wire, frames in self.wires.items() if frames]
            if not acts:
                for container_id in self.managers:
                    self.round(container_id)
                continue
            act, what = self.chance.choice(acts)
            act(what)

    def _step(self, task: int) -> None:
        child = self.children[task]
        child.step()
        self._check_outcomes(child)

    def _deliver_wire(self, wire: tuple[int, int]) -> None:
        self.deliver(*wire)

    def _is_idle_spout(self, task: int) -> bool:
        return self.local(task).is_spout and not self.children[task].todo and len(self.roots_of) < 80

    def _stream(self, task: int) -> str:
        return self.chance.choice(sorted(self.local(task).routes))

    def _spout_emits(self, task: int) -> None:
        number = next(self._numbers)
        message_id = number if self.chance.random() < 0.9 else None
        wants = self.chance.random() < 0.1
        stream = self._stream(task)
        self.children[task].todo.append(
            emit(number, stream=stream, message_id=message_id, wants_task_ids=wants)
        )

    def _decide(self, task: int) -> None:
        child = self.children[task]
        held = list(child.held)
        for _ in range(self.chance.choice((0, 0, 1, 1, 2)) if len(self.roots_of) < 200 else 0):
            anchors = self.chance.sample(held, min(len(held), self.chance.choice((0, 1, 1, 1, 2, 3))))
            wants = self.chance.random() < 0.1
            number = next(self._numbers)
            self.roots_of[number] = frozenset()
            child.say(emit(number, anchors=anchors, stream=self._stream(task), wants_task_ids=wants))
        if self.chance.random() < 0.7:
            delivery = self.chance.choice(held)
            del child.held[delivery]
            child.say(fail(delivery) if self.chance.random() < self.fail_rate else ack(delivery))

    # -- what may go wrong ----------------------------------------------------------------

    def _lose_something(self) -> None:
        pairs = list(itertools.combinations(self.placement, 2))
        dead_tasks = [t for c, m in self.managers.items() for t in m.tasks if t not in self.children]
        options: list[tuple[Any, tuple[Any, ...]]] = [(self.kill_child, (task,)) for task in self.children]
        options += [(self.start_child, (task,)) for task in dead_tasks] * 8
        options += [(self.kill_container, (c,)) for c in self.managers] if len(self.placement) > 1 else []
        options += [(self.start_container, (c,)) for c in self.placement if c not in self.managers] * 4
        for pair in pairs:
            if frozenset(pair) in self.connected:
                options += [(self.cut, pair)]
                continue
            options += [(self.connect, pair)] * 4 if all(c in self.managers for c in pair) else []
            for here, there in (pair, pair[::-1]):
                if here in self.managers and self.managers[here].links[there].is_up:
                    options += [(self.notice_loss, (here, there))] * 4
        act, what = self.chance.choice(options)
        how = (
            {"kept_frames": self.chance.choice((0, 0, 1, 3))}
            if act in (self.cut, self.kill_container)
            else {}
        )
        if act not in (self.kill_child, self.start_child):
            self._all_may_fail()
        act(*what, **how)

    def end(self) -> None:
        """Mend everything, let all be acked, and check every root. No time passes that a sweep would see."""
        if not self._is_calm():
            self._all_may_fail()
        for child in self.children.values():
            child.todo.clear()
        for container_id in self.placement:
            if container_id not in self.managers:
                self.start_container(container_id)
        for pair in itertools.combinations(self.placement, 2):
            if frozenset(pair) not in self.connected:
                self.connect(*pair)
        for manager in self.managers.values():
            manager.is_active = True
            for task in manager.tasks:
                if task not in self.children:
                    self.start_child(task)
        self.settle()
        while any(child.held for child in self.children.values()):
            for task in self.children:
                self.ack_all(task)
        for child in self.children.values():
            self._check_outcomes(child)
        alive = [t for t in self.trees.items() if t[1].spout_child in self.children.values()]
        assert [number for number, tree in alive if not tree.outcomes] == []
        assert self.leftovers() == []
