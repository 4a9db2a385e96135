"""A topology in memory: real stream managers back to back, components played by Python.

No process, socket or clock.  The tests move every byte: what a component
says, when its container reads it, when a frame arrives, what is lost with
a connection, a component or a container.

    Child  <--stdin--  StreamManager  ==frames==>  StreamManager  --stdin-->  Child
           --stdout->                                             <-stdout--
"""

from __future__ import annotations

import itertools
import json
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from multilang.framing import END
from multilang.library import UNKNOWN, Library
from scheduler.context import shell_context
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.stream import notices
from scheduler.stream.links import FrameSplitter
from scheduler.stream.local_task import LocalTask
from scheduler.stream.placement import Shift
from scheduler.stream.router import StreamManager
from scheduler.topology import Component, Grouping, GroupingKind, Input, Stream, Topology

Message = dict[str, Any]
PIPE_BYTES = 1 << 40
READ_BYTES = 1 << 16


# -- topologies -----------------------------------------------------------------


def spout(name: str, *tasks: int, streams: Mapping[str, Stream] | None = None, **conf: Any) -> Component:
    """Return a spout; without ``streams`` it declares one field on the default stream."""
    streams = streams or {"default": Stream(("value",))}
    return Component(name, True, ("run",), streams, (), tasks, len(tasks), conf)


def bolt(
    name: str,
    *tasks: int,
    reads: Sequence[tuple[str, str, Grouping] | str],
    streams: Mapping[str, Stream] | None = None,
    **conf: Any,
) -> Component:
    """Return a bolt; an input given as a name alone is a shuffle of that component's default stream."""
    shuffle = Grouping(GroupingKind.SHUFFLE)
    inputs = tuple(Input(r, "default", shuffle) if isinstance(r, str) else Input(*r) for r in reads)
    streams = {"default": Stream(("value",))} if streams is None else streams
    return Component(name, False, ("run",), streams, inputs, tasks, len(tasks), conf)


def by(kind: GroupingKind, source: str, stream: str = "default", *fields: str) -> tuple[str, str, Grouping]:
    """Return an input as `bolt` takes it."""
    return source, stream, Grouping(kind, fields)


def topology(*components: Component, **conf: Any) -> Topology:
    """Return a topology; ``__`` in the name of a conf key stands for a dot."""
    known = {key.replace("__", "."): value for key, value in conf.items()}
    return Topology("t-1-17", "t", tuple(sorted(components, key=lambda c: c.component)), known)


# -- components -------------------------------------------------------------------


def emit(
    *values: Any,
    anchors: Iterable[int] = (),
    stream: str | None = None,
    task: int | None = None,
    message_id: Any = None,
    wants_task_ids: bool = False,
) -> bytes:
    """Return the bytes of an emit."""
    body: Message = {"command": "emit", "tuple": list(values), "need_task_ids": wants_task_ids}
    body |= {"anchors": [str(anchor) for anchor in anchors]} if anchors else {}
    body |= {"stream": stream} if stream is not None else {}
    body |= {"task": task} if task is not None else {}
    body |= {"id": message_id} if message_id is not None else {}
    return json.dumps(body).encode() + END


def ack(delivery: int) -> bytes:
    """Return the bytes of an ack."""
    return b'{"command": "ack", "id": "%d"}' % delivery + END


def fail(delivery: int) -> bytes:
    """Return the bytes of a fail."""
    return b'{"command": "fail", "id": "%d"}' % delivery + END


SYNC = b'{"command": "sync"}' + END
Behave = Callable[["Child", Message], None]


class Child:
    """One component's process: two pipes, and what it has seen."""

    def __init__(self, task: int, *, behave: Behave | None = None, pipe_bytes: int = PIPE_BYTES) -> None:
        self.task = task
        self.stdin = bytearray()
        self.stdout = bytearray()
        self.said = bytearray()
        """Written by the component's code, not yet in the pipe; while there is any, it is blocked."""
        self.pipe_bytes = pipe_bytes
        self.handshake: Message = {}
        self.messages: list[Message] = []
        """Everything it was told, but for the handshake."""
        self.texts: list[bytes] = []
        """The same, byte for byte."""
        self.held: dict[int, Message] = {}
        """Tuples not acked or failed yet, by delivery id."""
        self.task_ids: list[list[int]] = []
        self.acked: list[bytes] = []
        """Spouts: message ids, byte for byte."""
        self.failed: list[bytes] = []
        self.todo: deque[bytes] = deque()
        """Spouts: what to emit, one a ``next``."""
        self.asked_count = 0
        """Emits whose task ids it waits for; what it reads meanwhile it keeps, as storm.py does."""
        self.later: deque[Message] = deque()
        self._behave = behave
        self._seen = bytearray()

    @property
    def is_blocked(self) -> bool:
        """Whether the component waits for somebody to read its output."""
        self._push()
        return bool(self.said)

    @property
    def has_input(self) -> bool:
        """Whether the component could read something."""
        return bool(self.stdin) or END in self._seen

    def say(self, data: bytes) -> None:
        """Write as the component's code would."""
        self.said += data
        self._push()

    def _push(self) -> None:
        room = self.pipe_bytes - len(self.stdout)
        self.stdout += self.said[:room]
        del self.said[:room]

    def step(self) -> bool:
        """Handle one message; return whether there was one."""
        while END not in self._seen:
            if not self.stdin:
                return False
            self._seen += self.stdin
            self.stdin.clear()
        stop = self._seen.index(END)
        text = bytes(self._seen[:stop])
        del self._seen[: stop + len(END)]
        self._hear(text)
        return True

    def _hear(self, text: bytes) -> None:
        assert text.isascii()
        message = json.loads(text)
        if isinstance(message, list):
            self.task_ids.append(message)
            while self.later and len(self.task_ids) >= self.asked_count:
                self._take(self.later.popleft())
            return
        if "conf" in message:
            self.handshake = message
            self.say(b'{"pid": %d}' % (1000 + self.task) + END)
            return
        self.messages.append(message)
        self.texts.append(text)
        if "command" in message:
            self._obey(message["command"], text)
            return
        if message["stream"] == "__heartbeat":
            self.say(SYNC)
            return
        if len(self.task_ids) < self.asked_count:
            self.later.append(message)
        else:
            self._take(message)

    def _take(self, message: Message) -> None:
        number = int(message["id"])
        assert number not in self.held, "a delivery id came twice"
        self.held[number] = message
        if self._behave is not None:
            self._behave(self, message)

    def _obey(self, command: str, text: bytes) -> None:
        told = {"ack": self.acked, "fail": self.failed}.get(command)
        if told is not None:
            told.append(text.split(b'"id":', 1)[1][:-1])
        if command == "next" and self.todo:
            self.say(self.todo.popleft())
        self.say(SYNC)

    def ask(self, data: bytes) -> None:
        """Emit, and take no tuple before the task ids have come."""
        self.asked_count += 1
        self.say(data)

    def ack(self, delivery: int) -> None:
        """Ack a tuple it holds."""
        del self.held[delivery]
        self.say(ack(delivery))

    def fail(self, delivery: int) -> None:
        """Fail a tuple it holds."""
        del self.held[delivery]
        self.say(fail(delivery))

    def values(self) -> list[Any]:
        """Return the values of the tuples it holds, in the order they came."""
        return [message["tuple"] for message in self.held.values()]


# -- the cluster ------------------------------------------------------------------


class Cluster:
    """Containers of one topology, their components, and the wires between them."""

    def __init__(
        self,
        topology: Topology,
        *containers: Sequence[int],
        behave: Mapping[str, Behave] | None = None,
        seed: int = 1,
        pipe_bytes: int = PIPE_BYTES,
        read_bytes: int = READ_BYTES,
        wire_bytes: int = PIPE_BYTES,
    ) -> None:
        self.topology = topology
        self.behave = behave or {}
        self.pipe_bytes, self.read_bytes, self.wire_bytes = pipe_bytes, read_bytes, wire_bytes
        self.now = 1000.0
        self.rng = random.Random(seed)
        component_of = topology.component_of()
        self.placement = dict(enumerate(containers, start=1))
        self.plan = PackingPlan(
            topology.topology_id,
            1,
            tuple(
                Container(c, tuple(Instance(component_of[t], t) for t in tasks))
                for c, tasks in self.placement.items()
            ),
        )
        self.container_of = self.plan.container_of()
        self.managers: dict[int, StreamManager] = {}
        self.children: dict[int, Child] = {}
        self.paused: set[int] = set()
        self.notices: list[notices.Notice] = []
        self.wires: dict[tuple[int, int], deque[bytes]] = {}
        self.connected: set[frozenset[int]] = set()
        self._lives = itertools.count(1)
        for container_id in self.placement:
            self.start_container(container_id)
        for one, other in itertools.combinations(self.placement, 2):
            self.connect(one, other)
        self.settle()

    # -- moving bytes -------------------------------------------------------------

    def local(self, task: int) -> LocalTask:
        """Return a task as its stream manager keeps it."""
        return self.managers[self.container_of[task]].tasks[task]

    def round(self, container_id: int) -> None:
        """Do what the container process does at the end of a round."""
        manager = self.managers[container_id]
        manager.pump(self.now)
        for local in manager.take_dirty(self.now):
            self.write(local)
        for notice in manager.take_notices():
            self.notices.append(notice)
            if isinstance(notice, notices.PauseReading):
                self.paused.add(notice.task)
            elif isinstance(notice, notices.ResumeReading):
                self.paused.discard(notice.task)
        for peer, link in manager.links.items():
            if not link.is_up:
                continue
            wire = self.wires[container_id, peer]
            if link.has_news:
                frame = link.take_frame()
                if {container_id, peer} in self.connected:
                    wire.append(frame)
            link.queued_bytes = max(0, sum(map(len, wire)) - self.wire_bytes)
            manager.gates.measure_link(link, self.now)

    def write(self, local: LocalTask) -> None:
        """Write what waits for a component, as far as its pipe takes it."""
        if self.local(local.task) is not local:  # planned there, and still at work elsewhere
            local.collect()
            return
        child = self.children.get(local.task)
        if child is None:
            local.collect()
        else:
            while (data := local.take()) is not None:
                room = min(len(data), self.pipe_bytes - len(child.stdin))
                child.stdin += data[:room]
                local.wrote(data, room)
                if room < len(data):
                    break
        self.managers[self.container_of[local.task]].gates.measure(local, self.now)

    def can_read(self, task: int) -> bool:
        """Return whether a component has said something that may be read."""
        return task in self.children and task not in self.paused and bool(self.children[task].stdout)

    def read(self, task: int) -> None:
        """Let the container read a component's output, once."""
        child = self.children[task]
        data = bytes(child.stdout[: self.read_bytes])
        del child.stdout[: self.read_bytes]
        container_id = self.container_of[task]
        self.managers[container_id].receive(task, data, self.now)
        self.round(container_id)

    def deliver(self, source: int, destination: int) -> None:
        """Let the oldest frame on a wire arrive."""
        frame = self.wires[source, destination].popleft()
        if destination not in self.managers or not self._is_linked(destination, source):
            return
        (body,) = FrameSplitter().feed(frame)
        self.managers[destination].receive_frame(source, body, self.now)
        self.round(destination)
        if source in self.managers:
            self.round(source)  # the connection has room again

    def _is_linked(self, container_id: int, peer: int) -> bool:
        link = self.managers[container_id].links.get(peer)
        return link is not None and link.is_up

    def settle(self) -> None:
        """Let everything happen that can, until all is quiet."""
        for _ in range(100_000):
            is_quiet = True
            for task, child in self.children.items():
                while child.step():
                    is_quiet = False
                if self.can_read(task):
                    self.read(task)
                    is_quiet = False
                self.write(self.local(task))
            for container_id in self.managers:
                self.round(container_id)
            for wire, frames in self.wires.items():
                while frames:
                    self.deliver(*wire)
                    is_quiet = False
            if is_quiet and not any(child.has_input for child in self.children.values()):
                return
        raise AssertionError("it never becomes quiet")

    def activate(self) -> None:
        """Let spouts be asked."""
        for manager in self.managers.values():
            manager.is_active = True
        self.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass; nothing but spouts' pauses and sweeps notices."""
        self.now += seconds
        for manager in self.managers.values():
            manager.sweep(self.now)
            manager.relieve(self.now)
        self.settle()

    # -- components -----------------------------------------------------------------

    def spout_emits(self, task: int, /, *values: Any, **how: Any) -> None:
        """Let a spout emit on its next ``next``, and let everything happen."""
        self.children[task].todo.append(emit(*values, **how))
        self.now += 0.02
        self.settle()

    def says(self, task: int, *data: bytes) -> None:
        """Let a component say something, and let everything happen."""
        for one in data:
            self.children[task].say(one)
        self.settle()

    def ack_all(self, task: int) -> None:
        """Let a component ack all it holds, and let everything happen."""
        child = self.children[task]
        for delivery in list(child.held):
            child.ack(delivery)
        self.settle()

    def start_child(self, task: int, library: Library = UNKNOWN) -> Child:
        """Start a component; nothing is written to it yet."""
        component = self.topology.component_of()[task]
        child = Child(task, behave=self.behave.get(component), pipe_bytes=self.pipe_bytes)
        self.children[task] = child
        manager = self.managers[self.container_of[task]]
        context = shell_context(self.topology, task)
        manager.open(task, dict(self.topology.conf), "/pids", context, library)
        return child

    def kill_child(self, task: int) -> Child:
        """End a component; what it said and was not read is lost. Returns it."""
        child = self.children.pop(task)
        container_id = self.container_of[task]
        self.managers[container_id].lose(task, self.now)
        self.round(container_id)
        return child

    # -- containers -----------------------------------------------------------------

    def start_container(self, container_id: int, *, is_first: bool = True) -> StreamManager:
        """Start a container, ``is_first`` with all its components; it is not connected yet."""
        manager = StreamManager(
            self.topology, self.plan, container_id, next(self._lives), random.Random(self.rng.random())
        )
        self.managers[container_id] = manager
        for peer in manager.links:
            manager.link_down(peer, self.now)
            self.wires.setdefault((container_id, peer), deque())
            self.wires.setdefault((peer, container_id), deque())
        for task in self.placement[container_id] if is_first else ():
            self.paused.discard(task)
            if task in manager.tasks:
                self.start_child(task)
        self.round(container_id)
        return manager

    def kill_container(self, container_id: int, *, kept_frames: int = 0) -> None:
        """End a container; of what it had sent, so many frames per wire still arrive. Nobody notices yet."""
        for task in self.placement[container_id]:
            self.children.pop(task, None)
            self.paused.discard(task)
        del self.managers[container_id]
        for peer in self.placement:
            if peer != container_id:
                self.cut(container_id, peer, kept_frames=kept_frames)

    def lose_container(self, container_id: int) -> None:
        """End a container, let all others notice it, and let everything happen."""
        self.kill_container(container_id)
        for peer in self.managers:
            self.notice_loss(peer, container_id)
        self.settle()

    def cut(self, one: int, other: int, *, kept_frames: int = 0) -> None:
        """Break a connection; so many frames each way still arrive. Nobody notices yet."""
        self.connected.discard(frozenset((one, other)))
        for wire in (self.wires[one, other], self.wires[other, one]):
            while len(wire) > kept_frames:
                wire.pop()

    def notice_loss(self, container_id: int, peer: int) -> None:
        """Let a container notice that its connection to a peer is broken; frames that wait are lost."""
        self.wires[peer, container_id].clear()
        self.managers[container_id].link_down(peer, self.now)
        self.round(container_id)

    def connect(self, one: int, other: int) -> None:
        """Connect two containers; a side that still believes in an old connection notices its loss."""
        self.cut(one, other)
        for here, there in ((one, other), (other, one)):
            if self.managers[here].links[there].is_up:
                self.notice_loss(here, there)
        self.connected.add(frozenset((one, other)))
        for here, there in ((one, other), (other, one)):
            self.managers[here].link_up(there, self.now)
        for here in (one, other):
            self.round(here)

    # -- another plan -----------------------------------------------------------------

    def plan_anew(self, *containers: Sequence[int], conf: Mapping[str, Any] | None = None) -> None:
        """Decide on another plan, and start its new containers; nobody follows it yet."""
        component_of = self.topology.component_of()
        self.placement = dict(enumerate(containers, start=1)) | {
            c: () for c in self.managers if c > len(containers)
        }
        self.plan = PackingPlan(
            self.topology.topology_id,
            self.plan.version + 1,
            tuple(
                Container(c, tuple(Instance(component_of[t], t) for t in tasks))
                for c, tasks in enumerate(containers, start=1)
            ),
        )
        if conf is not None:
            self.topology = replace(self.topology, conf=conf)
        is_active = any(manager.is_active for manager in self.managers.values())
        for container_id in range(1, len(containers) + 1):
            if container_id in self.managers:
                continue
            manager = self.start_container(container_id, is_first=False)
            manager.is_active = is_active
            for peer in self.managers:
                if peer != container_id:
                    self.managers[peer].add_link(container_id, self.now)
                    manager.add_link(peer, self.now)
                    self.wires.setdefault((container_id, peer), deque())
                    self.wires.setdefault((peer, container_id), deque())
                    self.connect(container_id, peer)

    def follow(self, container_id: int) -> Shift:
        """Let a container go over to the plan."""
        shift = self.managers[container_id].follow(self.topology, self.plan, self.now)
        self.round(container_id)
        return shift

    def retire(self, task: int) -> None:
        """End the component of a task that retires; where the task stays, start it anew."""
        container_id = self.container_of[task]
        manager = self.managers[container_id]
        if manager.has_finished(task):
            manager.rest(task, self.now)
        if self.children.pop(task, None) is not None:
            manager.lose(task, self.now)
        self.paused.discard(task)
        if manager.release(task, self.now):
            self.start_child(task)
        else:
            self.container_of[task] = self.plan.container_of()[task]
        self.round(container_id)

    def end_container(self, container_id: int) -> bool:
        """End a container that has no task any more; return whether it could say that nothing is lost."""
        assert not self.managers[container_id].tasks
        has_left = self.managers[container_id].leave()
        self.round(container_id)
        del self.managers[container_id], self.placement[container_id]
        for peer, manager in self.managers.items():
            while self.wires[container_id, peer]:
                self.deliver(container_id, peer)
            self.cut(container_id, peer)
            manager.remove_link(container_id, self.now)
        self.settle()
        return has_left

    # -- what the tests ask -----------------------------------------------------------

    def errors(self) -> list[str]:
        """Return the errors that users would be shown."""
        return [notice.text for notice in self.notices if isinstance(notice, notices.Erred)]

    def leftovers(self) -> list[str]:
        """Return what is still tracked anywhere; empty when all trees are over and acked everywhere."""
        found = []
        for container_id, manager in self.managers.items():
            found += [f"{container_id}: root {key}" for key in manager.acks.roots]
            found += [f"{container_id}: proxy {place}" for place in manager.acks.proxies]
            for task, local in manager.tasks.items():
                kept = (local.pend, local.samples, local.live, local.queued_bytes)
                counts = (local.hold_count, local.blocker_count)
                if any(kept) or any(counts):
                    found.append(f"{container_id}: task {task} {kept} {counts}")
        return found
