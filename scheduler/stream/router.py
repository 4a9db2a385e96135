"""The stream manager of one container: bytes from components and peers in, bytes out. No I/O.

    component's output --receive()-->        emits are routed, acks counted
    peer's frame  ------receive_frame()-->   rows become deliveries, reports settle trees
                     dirty tasks' take(), link.take_frame()  <-- what there is to write
                     take_notices()                          <-- the few things the shell must do

Values are passed on as the text they came as; nothing here parses them but
a fields grouping its key.  The shell calls `receive` for whatever it read,
then `pump`, then writes what the ``dirty`` tasks and the links have.

What becomes of each message of a component is `tuples`' business.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from multilang import codec
from multilang.codec import MIDDLE, TUPLE_END
from multilang.errors import RemoteProtocolError
from multilang.library import UNKNOWN, Library
from multilang.msgpack import from_json
from multilang.serializer import Serializer, serializer_of
from multilang.session import Kind, ShellSession, State
from scheduler.config import StreamConfig
from scheduler.plan import PackingPlan
from scheduler.stream import notices, spouts
from scheduler.stream.acks import AckTracker, each
from scheduler.stream.foresight import foresee
from scheduler.stream.gates import Gates
from scheduler.stream.links import LEFT, Link, Row, decode_frame
from scheduler.stream.local_task import LocalTask
from scheduler.stream.passing import Passing
from scheduler.stream.placement import Placement, Shift
from scheduler.stream.routing import input_index
from scheduler.stream.tuples import Tuples
from scheduler.topology import Topology

_QUIET_S = 0.05

Inlet = tuple[LocalTask, bytes, int]
"""Where a row goes: the task, the rendered prefix of its source, the input index."""


class StreamManager:
    """Routes, tracks and holds back the tuples of one container's tasks."""

    def __init__(
        self, topology: Topology, plan: PackingPlan, container_id: int, incarnation: int, rng: random.Random
    ) -> None:
        self.topology = topology
        self.container_id = container_id
        self.is_active = False
        self.placement = Placement(topology, plan, container_id, rng)
        # Told of half of the low mark at the latest, so that a link that is well never seems slow for good.
        self._quiet_bytes = StreamConfig.from_conf(topology.conf).low_mark_bytes // 2
        self._follows = plan.version
        others = sorted(self.placement.container_ids - {container_id})
        self.links = {c: Link(c, self._quiet_bytes, plan.version) for c in others}
        self.acks = AckTracker(container_id, incarnation, self.links)
        self.tasks = self.placement.tasks
        self.config = self.placement.config
        self._notices: list[notices.Notice] = []
        self._tuples = Tuples(topology, self.config, self.acks, self.links, told=self._notices, rng=rng)
        self._passing = Passing(self.placement, self.acks, self.links, self._tuples)
        self._read_settings(topology)
        self._inlets: dict[tuple[int, int, int], Inlet] = {}
        self._ahead: list[tuple[int, Row]] = []
        """Rows that are for here by a plan that we do not follow yet, and who sent them."""
        self._resting: set[int] = set()
        self.spouts = [task for task in self.tasks.values() if task.is_spout]
        self.gates = Gates(topology, self.tasks, self.placement.remote_tasks, self.links, self._notices)

    @property
    def dirty(self) -> list[LocalTask]:
        """Tasks that have something to write."""
        return self._tuples.dirty

    def _read_settings(self, topology: Topology) -> None:
        settings = StreamConfig.from_conf(topology.conf)
        self._tuples.is_acking = settings.acker_count != 0
        self._timeout_s = settings.message_timeout_s if settings.has_timeouts else None

    # -- what the shell asks ------------------------------------------------

    def take_notices(self) -> list[notices.Notice]:
        """Return what the shell must do, in order, and forget it."""
        told = self._notices[:]
        self._notices.clear()
        return told

    def take_dirty(self, now: float) -> list[LocalTask]:
        """Return the tasks that have something to write, and forget that they have."""
        dirty, self._tuples.dirty = self._tuples.dirty, []
        for task in dirty:
            task.is_dirty = False
            if task.busy_since is None and task.pend:
                task.busy_since = now
        return dirty

    def largest_backlog(self) -> int:
        """Return the most unacked tuples that one task has."""
        return max((len(task.pend) for task in self.tasks.values()), default=0)

    def is_spout_blocked(self) -> bool:
        """Return whether a spout has as many trees pending as it may have."""
        for spout in self.spouts:
            limit = self.config[spout.task].max_spout_pending
            if limit is not None and spout.live >= limit:
                return True
        return False

    def next_wake(self) -> float | None:
        """Return when there is something to do though nothing happens; 0 is now, None is never.

        A round may end with work left: what its last writes and losses let go comes after `pump`.
        """
        if self._notices:
            return 0.0
        wake = None
        for spout in self.spouts:
            if not spout.session.can_command:
                continue
            if spout.commands:
                return 0.0
            if (wake is None or spout.wait_until < wake) and spouts.is_willing(
                spout, self.config[spout.task], is_active=self.is_active
            ):
                wake = spout.wait_until
        return wake

    def pump(self, now: float) -> None:
        """Queue the next commands of spouts that may be told something; call it before writing."""
        for spout in self.spouts:
            if spout.session.can_command and spouts.queue_commands(
                spout, self.config[spout.task], is_active=self.is_active, now=now
            ):
                self._tuples.mark(spout)

    def sweep(self, now: float) -> None:
        """Fail trees that are too old; once a second."""
        if self._timeout_s is not None:
            self.acks.sweep(now, self._timeout_s)

    def relieve(self, now: float) -> None:
        """Give more to components that block on task ids and only seem stuck; ten times a second."""
        for local in self.tasks.values():
            is_read = not local.chunks and local.rest is None
            if local.limit is not None and local.held and is_read and now - local.spoke_at > _QUIET_S:
                # Quiet with nothing owed: it may be collecting a batch larger than the limit.
                local.limit_bonus += local.limit
                self._tuples.mark(local)

    # -- another plan ---------------------------------------------------------

    def follow(self, topology: Topology, plan: PackingPlan, now: float) -> Shift:
        """Go over to another plan or configuration; return what that means for the components.

        Those that retire end when they have finished (`has_finished`); then `release` them.
        """
        for local in self.tasks.values():
            if not local.is_spout and local.session.state is not State.OPEN:
                local.age_waiting()
        shift = self.placement.follow(topology, plan)
        self.topology = topology
        self._read_settings(topology)
        self._inlets.clear()
        self.spouts[:] = [task for task in self.tasks.values() if task.is_spout]
        self._follows = plan.version
        for container_id in sorted(self.placement.container_ids - {self.container_id}):
            self.links.setdefault(container_id, Link(container_id, self._quiet_bytes))
        is_back = self.container_id in self.placement.container_ids
        has_left = any(link.follows == LEFT for link in self.links.values()) and not is_back
        for link in self.links.values():
            link.follows = LEFT if has_left else plan.version
        self.gates.follow(topology, now)
        ahead, self._ahead = self._ahead, []
        for container_id, row in ahead:
            self._take_rows(container_id, [row], now)
        return shift

    def show_emits(self, component: str, pct: float) -> None:
        """Tell the shell of so many emits of a component, in percent, by `notices.Emitted`."""
        if pct > 0:
            self._tuples.shown_pct[component] = pct
        else:
            self._tuples.shown_pct.pop(component, None)

    def has_finished(self, task: int) -> bool:
        """Return whether nothing is under way at a task: no tuple at its component, no tree of a spout.

        Nor to it, where it leaves.
        """
        local = self.tasks[task]
        if local.is_spout:
            return not local.live and not local.commands and not local.session.outstanding
        is_idle = not local.pend or local.is_untouched
        return is_idle and (self.placement.is_planned(task) or self._have_all_followed())

    def _have_all_followed(self) -> bool:
        """Return whether nobody sends us anything any more that was routed by an older plan."""
        return all(link.has_followed(self._follows) for link in self.links.values() if link.is_up)

    def has_waiting_rows(self) -> bool:
        """Return whether a row waits for a peer that cannot be reached."""
        return any(link.rows and not link.is_up for link in self.links.values())

    def leave(self) -> bool:
        """Tell all peers that our end is no loss, if that is so: no task is left, and nothing under way."""
        has_left = (
            not self.tasks
            and self.container_id not in self.placement.container_ids
            and not self.acks.proxies
            and not self.has_waiting_rows()
            and self._have_all_followed()
        )
        if has_left:
            for link in self.links.values():
                link.follows = LEFT
        return has_left

    def rest(self, task: int, now: float) -> None:
        """Keep what comes for a bolt that has finished, for its next life; commands are for one life only."""
        if not self.tasks[task].is_spout:
            self._resting.add(task)

    def release(self, task: int, now: float) -> bool:
        """Part with a retiring task whose component has ended; return whether it stays, to start anew.

        What waits for one that leaves before it ever was there goes where its task goes.
        """
        local = self.tasks[task]
        self._resting.discard(task)
        if not self.placement.is_planned(task):
            if not local.is_spout and local.is_untouched:
                self._passing.hand_over(local, now)
            self.lose(task, now)
        if self.placement.release(task):
            local.note_held(now)
            return True
        self.gates.forget(local)
        self.spouts[:] = [spout for spout in self.spouts if spout is not local]
        self._tuples.dirty = [other for other in self.dirty if other is not local]
        self._notices[:] = [notice for notice in self._notices if notice.task != task]
        return False

    def add_link(self, container_id: int, now: float) -> None:
        """Note that there is such a container, in the plan or still finishing; it cannot be reached yet."""
        if container_id not in self.links:
            self.links[container_id] = Link(container_id, self._quiet_bytes, self._follows)
            self.gates.link_down(container_id, now)

    def remove_link(self, container_id: int, now: float) -> None:
        """Forget a container that is gone for good."""
        self.link_down(container_id, now)
        for row in self.links.pop(container_id).rows:
            self._passing.pass_on(row)

    # -- components ---------------------------------------------------------

    def open(
        self,
        task: int,
        conf: Mapping[str, Any],
        pid_dir: str,
        context: Mapping[str, Any],
        library: Library = UNKNOWN,
    ) -> None:
        """Begin a conversation with a newly started component of ``task``."""
        local = self.tasks[task]
        is_ahead = self.config[task].sends_task_ids_ahead
        if library.keeps_task_ids if is_ahead is None else is_ahead:
            local.foresight = foresee(local.routes)
        spouts.begin(local, self.config[task], library)
        serializer = serializer_of(
            self.topology.component(local.component).command, conf.get("topology.multilang.serializer")
        )
        local.session = ShellSession(Kind.SPOUT if local.is_spout else Kind.BOLT, serializer)
        local.translate = from_json if serializer is Serializer.MSGPACK else None
        # In front of everything, also of tuples that came while nobody was there.
        local.deliver_urgently(local.session.greet(conf, pid_dir, context))
        self._tuples.mark(local)

    def receive(self, task: int, data: bytes, now: float) -> int:
        """Take what a component wrote; return how many messages it completed."""
        local = self.tasks[task]
        local.spoke_at = now
        try:
            events = local.session.receive(data)
        except RemoteProtocolError as exc:
            self._notices.append(notices.Broken(task, str(exc)))
            return 0
        unacked_count = len(local.pend)
        self._tuples.handle(local, events, now)
        if len(local.pend) < unacked_count:
            local.note_acked(now)
        if local.asked_count:
            spouts.note_answers(local, self.config[task], now=now)
        return len(events)

    def lose(self, task: int, now: float) -> None:
        """Fail at once what a dead component had, and forget what waited for it, unless it rests."""
        local = self.tasks[task]
        if local.session.state is State.OPEN:
            self._tuples.handle(local, local.session.finish(), now)
        if task in self._resting:
            self._resting.discard(task)
            local.forget_cut_short()
        else:
            lost, local.pend = local.pend, {}
            for roots in lost.values():
                self.acks.fail(roots)
            local.samples.clear()
            local.forget_queue()
        local.busy_since = None
        local.limit, local.limit_bonus = None, 0
        local.foresight = None
        local.foretold.clear()
        if local.is_spout:
            self.acks.lose_spout(local)
            spouts.forget(local)
        local.session = ShellSession(local.session.kind)
        # Told now, it would speak of the life that comes next.
        self._notices[:] = [n for n in self._notices if n.task != task or not isinstance(n, notices.Opened)]
        self.gates.measure(local, now)

    def tick(self, task: int, frequency_s: int) -> None:
        """Deliver a tick tuple behind everything that waits already."""
        local = self.tasks[task]
        # Not kept until it is acked: many bolts never ack a tick, and it is of no tree.
        local.parts += (codec.render_tick(_system_delivery(local), frequency_s), b"", b"", b"", b"")
        self._tuples.mark(local)

    def heartbeat(self, task: int) -> None:
        """Ask a bolt for a sign of life, ahead of the tuples that wait."""
        local = self.tasks[task]
        local.deliver_urgently(codec.render_heartbeat(_system_delivery(local)))
        self._tuples.mark(local)

    # -- other containers ---------------------------------------------------

    def link_up(self, container_id: int, now: float) -> None:
        """Note that a peer can be reached; what waited for it may go."""
        link = self.links[container_id]
        link.is_up = True
        self.gates.link_up(link, now)

    def link_down(self, container_id: int, now: float) -> None:
        """Fail everything that passed through a peer that is gone, and hold back what feeds its tasks.

        What passed through one that has left is not lost, nor is it when we have left.
        """
        link = self.links[container_id]
        if (link.is_up or link.rows) and not link.ends_well:
            self.acks.tell_loss(link)
        link.is_up = False
        self.gates.link_down(container_id, now)
        if link.ends_well:
            link.begin_anew()
        else:
            self.acks.lose_peer(link)
            link.drop_anchored()

    def receive_frame(self, container_id: int, body: bytes, now: float) -> int:
        """Take a frame from a peer; return how many rows and reports it had.

        Raises:
            PeerError: it cannot be read.
        """
        frame = decode_frame(body)
        rows, reports, congestions, _, _ = frame
        self.links[container_id].note_frame(body, frame)
        self._take_rows(container_id, rows, now)
        for key, val, peers, has_failed in reports:
            self.acks.apply(key, val, peers, has_failed=has_failed, now=now)
        self.gates.hear(container_id, congestions, now)
        return len(rows) + len(reports)

    def _take_rows(self, container_id: int, rows: list[Row], now: float) -> None:
        for row in rows:
            destination, source, stream_number, values, trail = row
            inlet = self._inlets.get((destination, source, stream_number))
            if inlet is None:
                if (inlet := self._find_inlet(row)) is None:
                    if self._is_behind(container_id):
                        self._ahead.append((container_id, row))
                    else:
                        self._passing.pass_on(row)
                    continue
                is_passed_on = stream_number < 0
                if inlet[0].session.state is State.OPEN:
                    if not is_passed_on:
                        self._inlets[destination, source, stream_number] = inlet
                elif is_passed_on or self.placement.container_of.get(source) != container_id:
                    self._take_early(row, inlet, now)
                    continue
            local, prefix, index = inlet
            roots = self.acks.enter(trail, now) if trail else None
            counters = local.counters
            counters[index] = number = counters[index] + local.step
            local.pend[number] = roots
            if number % local.sample_step == index:
                local.samples[number] = now
            for root in each(roots):
                root.n += 1
            local.parts += (prefix, b"%d" % number, MIDDLE, values, TUPLE_END)
            self._tuples.mark(local)

    def _is_behind(self, container_id: int) -> bool:
        """Return whether a peer follows a later plan: by ours its rows might go round in circles."""
        link = self.links.get(container_id)
        return link is not None and link.peer_follows is not None and link.peer_follows > self._follows

    def _find_inlet(self, row: Row) -> Inlet | None:
        destination, source, stream_number = row[:3]
        stream_number = max(stream_number, ~stream_number)
        local = self.tasks.get(destination)
        if local is not None and not self.placement.is_planned(destination) and not local.is_untouched:
            local = None
        numbers = self.placement.numbers
        pair = next((pair for pair, number in numbers.items() if number == stream_number), None)
        if local is None or pair is None or pair not in local.inputs:
            return None
        index = input_index(self.topology.component(local.component), *pair)
        return local, codec.render_prefix(*pair, source), index

    def _take_early(self, row: Row, inlet: Inlet, now: float) -> None:
        """Take a row that came another way than its source's next ones, which are newer and may be here."""
        local, prefix, index = inlet
        roots = self.acks.enter(row[4], now)
        local.counters[index] = number = local.counters[index] + local.step
        local.pend[number] = roots
        for root in each(roots):
            root.n += 1
        message = b"".join((prefix, b"%d" % number, MIDDLE, row[3], TUPLE_END))
        local.deliver_early(message, is_passed_on=row[2] < 0)
        self._tuples.mark(local)


def _system_delivery(local: LocalTask) -> int:
    index = local.step - 1
    local.counters[index] = number = local.counters[index] + local.step
    return number
