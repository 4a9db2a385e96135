"""What becomes of each message of a component: tuples are delivered, acks counted, the rest is told. No I/O.

    event -> Emit:  route -> tasks -> for each a delivery id, what it is rendered to, and its tree
             Ack:   delivery id -> tree, which is complete when nothing of it is left
             other: a notice for the shell

`handle`, `_emit`, `_emit_new` and `_deliver` run per message; what is unusual
about them (long bodies, local names, `type` instead of `isinstance`) is for
speed.  So is that what most emits of bolts are, plain ones with one anchor,
stands in `handle` once more: two calls less are a tenth of a message's cost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import msgspec

from multilang import codec
from multilang.codec import MIDDLE, TUPLE_END
from multilang.events import (
    Ack,
    Emit,
    ErrorReported,
    Event,
    Fail,
    Log,
    Metric,
    Noise,
    Oddity,
    Ready,
    Sync,
)
from scheduler.config import StreamConfig
from scheduler.stream import notices
from scheduler.stream.acks import MISSING, AckTracker, Root, Roots, each
from scheduler.stream.emits import BAD_VALUES, UNRELIABLE, EmitRules
from scheduler.stream.links import Link
from scheduler.stream.local_task import LocalTask, RemoteTask
from scheduler.stream.routing import Route, Slots
from scheduler.topology import Topology

_EmitRule = Callable[[LocalTask, Emit, float], None]

_NOT_PLAIN: dict[str, Route] = {}
"""Routes of a component whose emits all need another look."""


class Tuples:
    """The way of tuples through one container; appends to ``told`` what the shell must know."""

    def __init__(
        self,
        topology: Topology,
        config: Mapping[int, StreamConfig],
        acks: AckTracker,
        links: Mapping[int, Link],
        *,
        told: list[notices.Notice],
        rng: random.Random,
    ) -> None:
        self.dirty: list[LocalTask] = []
        """Tasks that have something to write."""
        self.is_acking = True
        """Whether trees are tracked; where not, a spout's tuple is acked as soon as it is emitted."""
        self.shown_pct: dict[str, float] = {}
        """Components whose emits the shell is told of, and how many of them, in percent."""
        self._config = config
        self._acks = acks
        self._links = links
        self._notices = told
        self._container_id = acks.container_id
        self._random_bits = rng.getrandbits
        self._emits = EmitRules(topology, config, acks, told, self.mark)

    def handle(self, local: LocalTask, events: list[Event], now: float) -> None:
        """Take what a component said, in order."""
        pend, samples, step, acked = local.pend, local.samples, local.step, local.acked
        routes, settle = local.routes, self._acks.settle
        emit: _EmitRule = self._emit_new if local.is_spout else self._emit
        if local.component in self.shown_pct:
            emit, routes = self._show_emit, _NOT_PLAIN
        for event in events:
            if type(event) is Emit:
                anchors = event.anchors
                if len(anchors) != 1 or event.wants_task_ids or event.direct_task:
                    emit(local, event, now)
                    continue
                try:
                    roots = pend[anchors[0]]
                    route = routes[event.stream]
                except KeyError:  # of a tuple or stream that is not known: rare, else this would be dear
                    emit(local, event, now)
                    continue
                if route.has_direct:
                    emit(local, event, now)
                    continue
                if (slots := route.fixed) is None:
                    try:
                        slots = route.choose(event.values)
                    except BAD_VALUES as exc:
                        self._emits.drop_misfit(local, event, exc)
                        continue
                route.emitted += 1
                for target, index in slots:
                    route.transferred += 1
                    if type(target) is not LocalTask:
                        self._forward(target, route, event.values, roots)
                        continue
                    counters = target.counters
                    counters[index] = number = counters[index] + target.step
                    target.pend[number] = roots
                    if number % target.sample_step == index:
                        target.samples[number] = now
                    if type(roots) is Root:
                        roots.n += 1
                    elif roots is not None:
                        for root in roots:
                            root.n += 1
                    target.parts += (route.prefix, b"%d" % number, MIDDLE, event.values, TUPLE_END)
                    if not target.is_dirty:
                        target.is_dirty = True
                        self.dirty.append(target)
            elif type(event) is Ack:
                number = event.delivery
                roots = pend.pop(number, MISSING)
                if roots is MISSING:
                    self._forgive(local, number, "acked")
                    continue
                index = number % step
                acked[index] += 1
                if number in samples:
                    local.latency_ms_sum[index] += (now - samples.pop(number)) * 1000
                    local.latency_count[index] += 1
                if type(roots) is Root:
                    roots.n = left = roots.n - 1
                    if not left:
                        settle(roots, now)
                elif roots is not None:
                    for root in roots:
                        root.n -= 1
                        if root.n == 0:
                            settle(root, now)
            elif type(event) is not Sync:  # the session has counted those
                self._handle_rare(local, event, now)
        if local.held:
            self.mark(local)

    def _handle_rare(self, local: LocalTask, event: Event, now: float) -> None:
        match event:
            case Fail(delivery=number):
                roots = local.pend.pop(number, MISSING)
                if roots is MISSING:
                    self._forgive(local, number, "failed")
                    return
                local.failed[number % local.step] += 1
                local.samples.pop(number, None)
                self._acks.fail(roots)
            case Log(text=text, level=level):
                self._notices.append(notices.Said(local.task, min(max(level, 0), 4), text))
            case ErrorReported(text=text):
                self._notices.append(notices.Erred(local.task, text))
            case Oddity(text=text):
                self._complain(local, text)
            case Noise(text=text):
                self._notices.append(notices.Said(local.task, 2, f"(stdout) {text}"))
                if self._config[local.task].is_strict:
                    self._complain(local, f"wrote to its standard output what is no message: {text[:200]}")
            case Metric(name=name, params=params):
                self._notices.append(notices.Measured(local.task, name, bytes(params)))
            case Ready(pid=pid):
                self._notices.append(notices.Opened(local.task, pid))
                self.mark(local)

    def _show_emit(self, local: LocalTask, event: Emit, now: float) -> None:
        """Route a tuple of a component whose emits are shown, all or some."""
        if self._random_bits(20) * 100 < self.shown_pct[local.component] * (1 << 20):
            values, message_id = bytes(event.values), bytes(event.message_id)
            shown = notices.Emitted(local.task, event.stream, event.direct_task, values, message_id)
            self._notices.append(shown)
        (self._emit_new if local.is_spout else self._emit)(local, event, now)

    def _emit(self, bolt: LocalTask, event: Emit, now: float) -> None:
        """Route one tuple that a bolt emitted: which trees, which tasks, then deliver."""
        route = bolt.routes.get(event.stream)
        slots = self._choose(bolt, event, route)
        if slots is None or route is None:
            return
        route.emitted += 1
        roots: Roots = None
        anchors = event.anchors
        if anchors:
            roots = bolt.pend.get(anchors[0], MISSING) if len(anchors) == 1 else MISSING
            if roots is MISSING:
                roots = self._emits.join(bolt, anchors)
        self._deliver(route, slots, event.values, roots, now)

    def _emit_new(self, spout: LocalTask, event: Emit, now: float) -> None:
        """Route one tuple that a spout emitted; with a message id it becomes the root of a tree."""
        route = spout.routes.get(event.stream)
        slots = self._choose(spout, event, route)
        if slots is None or route is None:
            return
        route.emitted += 1
        spout.emitted_count += 1
        message_id = b"" + event.message_id  # half the time that bytes() takes
        if message_id in UNRELIABLE:
            self._deliver(route, slots, event.values, None, now)
        elif self.is_acking:
            root = self._acks.plant(spout, route, message_id, now)
            self._deliver(route, slots, event.values, root, now)
            if not root.n:
                self._acks.settle(root, now)
        else:
            self._deliver(route, slots, event.values, None, now)
            route.acked += 1
            # Storm acks from inside emit, and so into a busy component; here it waits for the sync.
            spout.commands.append(codec.render_ack(message_id))

    def _choose(self, local: LocalTask, event: Emit, route: Route | None) -> Slots | None:
        if route is None or event.direct_task or event.wants_task_ids or route.has_direct:
            return self._emits.choose(local, event, route)
        return route.fixed if route.fixed is not None else self._emits.choose_by_values(local, event, route)

    def _deliver(self, route: Route, slots: Slots, values: msgspec.Raw, roots: Roots, now: float) -> None:
        for target, index in slots:
            route.transferred += 1
            if type(target) is not LocalTask:
                self._forward(target, route, values, roots)
                continue
            counters = target.counters
            counters[index] = number = counters[index] + target.step
            target.pend[number] = roots
            if number % target.sample_step == index:
                target.samples[number] = now
            if type(roots) is Root:
                roots.n += 1
            elif roots is not None:
                for root in roots:
                    root.n += 1
            target.parts += (route.prefix, b"%d" % number, MIDDLE, values, TUPLE_END)
            if not target.is_dirty:
                target.is_dirty = True
                self.dirty.append(target)

    def _forward(
        self, target: LocalTask | RemoteTask, route: Route, values: msgspec.Raw, roots: Roots
    ) -> None:
        """Put a tuple on the way to another container."""
        assert type(target) is RemoteTask
        link = self._links[target.container_id]
        trail = self.count_out(roots, link)
        link.rows.append((target.task, route.task, route.stream_number, b"" + values, trail))

    def count_out(self, roots: Roots, link: Link) -> list[int]:
        """Count one edge of each tree out over a link; return what the row must tell of them."""
        trail: list[int] = []
        for root in each(roots):
            edge = self._random_bits(63)
            root.val ^= edge
            root.peers |= link.bit
            trail += (root.home or self._container_id, root.key, edge)
        return trail

    def _forgive(self, local: LocalTask, number: int, what: str) -> None:
        # Storm's ShellBolt dies of these. Acks of heartbeats are common and harmless.
        if number % local.step != local.step - 1:
            self._complain(local, f"{what} tuple {number} twice, or it never existed; passed over")

    def _complain(self, local: LocalTask, text: str) -> None:
        self._notices.append(notices.odd(local.task, text, is_strict=self._config[local.task].is_strict))

    def mark(self, task: LocalTask) -> None:
        """Note that a task has something to write."""
        if not task.is_dirty:
            task.is_dirty = True
            self.dirty.append(task)
