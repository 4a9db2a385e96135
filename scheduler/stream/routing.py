"""From a tuple to the tasks it goes to. Pure; decided once, looked up per tuple.

A route belongs to one stream of one local task.  It holds the consumers of
the stream; each has a slot per task: the task and the number of the input
there.  Where the answer never changes (one task, all, global) it is kept in
``fixed``; otherwise `choose` asks the grouping.

Groupings are Storm's, with two liberties, both allowed by its documentation:
``shuffle`` goes round all tasks evenly and does not prefer its own
container, ``none`` does the same.
Source: storm:storm-client/src/jvm/org/apache/storm/daemon/GrouperFactory.java
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from multilang import codec
from scheduler.errors import TopologyError
from scheduler.stream.java_hash import task_index
from scheduler.stream.local_task import LocalTask, RemoteTask
from scheduler.stream.partial_key import key_of_fields, key_of_value, two_tasks
from scheduler.topology import Component, GroupingKind, Topology

Slot = tuple[LocalTask | RemoteTask, int]
"""A task and the index of the input at its component."""

Slots = tuple[Slot, ...]
Choose = Callable[[msgspec.Raw], Slots]

_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_CACHED_KEYS = 10_000
_CACHED_KEY_BYTES = 200


class BadTuple(TopologyError):
    """The values of a tuple do not fit what its component declares."""


class Route:
    """Where the tuples of one stream of one local task go."""

    __slots__ = (
        "acked",
        "choose",
        "direct",
        "emitted",
        "failed",
        "fixed",
        "has_direct",
        "latency_count",
        "latency_ms_sum",
        "prefix",
        "reads_values",
        "stream",
        "stream_number",
        "task",
        "transferred",
    )

    def __init__(self, task: int, component: str, stream: str, stream_number: int) -> None:
        self.task = task
        self.stream = stream
        self.stream_number = stream_number
        self.prefix = codec.render_prefix(component, stream, task)
        self.fixed: Slots | None = ()
        self.choose: Choose = _nobody
        self.reads_values = False
        """Whether ``choose`` looks at the tuple; where it does not, it may be asked before there is one."""
        self.direct: dict[int, Slot] = {}
        """Tasks that subscribe by direct grouping."""
        self.has_direct = False
        self.emitted = 0
        self.transferred = 0
        self.acked = 0
        self.failed = 0
        self.latency_ms_sum = 0.0
        self.latency_count = 0

    def lead_as(self, other: Route) -> None:
        """Go where ``other`` goes from now on; what was counted stays."""
        self.fixed, self.choose = other.fixed, other.choose
        self.direct, self.has_direct = other.direct, other.has_direct
        self.reads_values = other.reads_values


def build_routes(
    component: Component,
    task: int,
    topology: Topology,
    tasks: Mapping[int, LocalTask | RemoteTask],
    *,
    stream_number: Mapping[tuple[str, str], int],
    rng: random.Random,
) -> dict[str, Route]:
    """Return the routes of a task, by stream.

    Args:
        tasks: all tasks of the topology that have a process, local or remote.
    """
    routes = {}
    for stream, declared in component.streams.items():
        route = Route(task, component.component, stream, stream_number[component.component, stream])
        choosers: list[Choose] = []
        fixed: list[Slot] = []
        for consumer, grouping in topology.consumers(component.component, stream):
            index = input_index(consumer, component.component, stream)
            slots = tuple((tasks[t], index) for t in consumer.tasks)
            if not slots:
                continue  # a parallelism of 0 is allowed: nobody is there to read
            if grouping.kind is GroupingKind.DIRECT:
                route.has_direct = True
                route.direct.update({slot[0].task: slot for slot in slots})
            elif grouping.kind is GroupingKind.ALL:
                fixed += slots
            elif grouping.kind is GroupingKind.GLOBAL or len(slots) == 1:
                fixed.append(slots[0])
            elif grouping.kind is GroupingKind.FIELDS:
                route.reads_values = True
                choosers.append(
                    _by_fields(slots, _positions(declared.fields, grouping.fields), declared.fields)
                )
            elif grouping.kind is GroupingKind.PARTIAL_KEY:
                route.reads_values = True
                choosers.append(
                    _by_partial_key(slots, _positions(declared.fields, grouping.fields), declared.fields)
                )
            else:
                if grouping.kind is GroupingKind.LOCAL_OR_SHUFFLE:
                    slots = tuple(slot for slot in slots if slot[0].is_local) or slots
                choosers.append(_round_robin(slots, rng))
        _finish(route, tuple(fixed), choosers)
        routes[stream] = route
    return routes


def check_lengths(route: Route, declared: Sequence[str]) -> None:
    """Make a route refuse tuples that have not as many values as are declared; that costs a look at each."""
    choose, fixed, count = route.choose, route.fixed, len(declared)

    def checked(values: msgspec.Raw) -> Slots:
        items = _split(values)
        if len(items) != count:
            raise _wrong_length(items, declared)
        return fixed if fixed is not None else choose(values)

    route.fixed, route.choose, route.reads_values = None, checked, True


def input_index(consumer: Component, source: str, stream: str) -> int:
    """Return which of the consumer's inputs that stream is, from 0."""
    return next(
        i for i, known in enumerate(consumer.inputs) if (known.source, known.stream) == (source, stream)
    )


def _finish(route: Route, fixed: Slots, choosers: Sequence[Choose]) -> None:
    if not choosers:
        route.fixed = fixed
        return
    route.fixed = None
    if len(choosers) == 1 and not fixed:
        route.choose = choosers[0]
        return

    def choose(values: msgspec.Raw) -> Slots:
        return fixed + tuple(slot for chooser in choosers for slot in chooser(values))

    route.choose = choose


def _nobody(_: msgspec.Raw) -> Slots:
    return ()


def _round_robin(slots: Slots, rng: random.Random) -> Choose:
    order = [(slot,) for slot in slots]
    rng.shuffle(order)
    turns: Iterator[Slots] = itertools.cycle(order)

    def choose(_: msgspec.Raw) -> Slots:
        return next(turns)

    return choose


def _positions(declared: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...]:
    try:
        return tuple(declared.index(name) for name in wanted)
    except ValueError as exc:
        raise TopologyError(
            f"a fields grouping on {list(wanted)} needs fields among {list(declared)}"
        ) from exc


def _by_fields(slots: Slots, positions: tuple[int, ...], declared: Sequence[str]) -> Choose:
    r"""Choose by the Java hash of the key; a cache of raw key texts spares nearly all hashing.

    Two spellings of one string ("é", "\u00e9") are two entries of the
    cache, but have one hash and so one task.
    """
    count = len(slots)
    singles = [(slot,) for slot in slots]
    cache: dict[bytes, Slots] = {}
    only = positions[0] if len(positions) == 1 else None

    def choose(values: msgspec.Raw) -> Slots:
        items = _split(values)
        try:
            key = bytes(items[only]) if only is not None else b",".join([items[p] for p in positions])
        except IndexError:
            raise _wrong_length(items, declared) from None
        chosen = cache.get(key)
        if chosen is None:
            chosen = singles[task_index([_value(items[p]) for p in positions], count)]
            if len(cache) >= _CACHED_KEYS:
                cache.clear()
            if len(key) <= _CACHED_KEY_BYTES:  # a cache of whole documents would fill the memory
                cache[key] = chosen
        return chosen

    if len(declared) > 1:
        return choose
    texts: dict[bytes, Slots] = {}

    def choose_by_text(values: msgspec.Raw) -> Slots:
        # Of one field the tuple's text says as much as the field's, and need not be split.
        text = b"" + values  # half the time that bytes() takes
        chosen = texts.get(text)
        if chosen is None:
            chosen = choose(values)
            if len(texts) >= _CACHED_KEYS:
                texts.clear()
            if len(text) <= _CACHED_KEY_BYTES:
                texts[text] = chosen
        return chosen

    return choose_by_text


def _by_partial_key(slots: Slots, positions: tuple[int, ...], declared: Sequence[str]) -> Choose:
    """Choose, of the two tasks that share a key, the one that got less from here so far."""
    counts = dict.fromkeys(range(len(slots)), 0)
    cache: dict[bytes, tuple[int, int]] = {}

    def choose(values: msgspec.Raw) -> Slots:
        items = _split(values)
        try:
            texts = [items[p] for p in positions or (0,)]
        except IndexError:
            raise _wrong_length(items, declared) from None
        key = b",".join(texts)
        pair = cache.get(key)
        if pair is None:
            parsed = [_value(text) for text in texts]
            pair = two_tasks(key_of_fields(parsed) if positions else key_of_value(parsed[0]), len(slots))
            if len(cache) >= _CACHED_KEYS:
                cache.clear()
            if len(key) <= _CACHED_KEY_BYTES:
                cache[key] = pair
        first, second = pair
        chosen = second if counts[second] < counts[first] else first
        counts[chosen] += 1
        return (slots[chosen],)

    return choose


def _wrong_length(items: Sequence[msgspec.Raw], declared: Sequence[str]) -> BadTuple:
    return BadTuple(f"a tuple has {len(items)} values where {len(declared)} are declared: {list(declared)}")


def _value(text: msgspec.Raw) -> Any:
    # Python's reader, not msgspec's: the latter makes floats of large ints in untyped decoding.
    return codec.read_json(bytes(text))
