"""What a component did, as plain values to compare with.

    messages for it  -> hear() -+
                                +-> Recorder -> outcome(), since(mark) -> Outcome
    events of it     -> note() -+

Tuples are shown by their values: an anchor, an ack, a fail is the list of
values of the tuple it is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Final

import msgspec

from multilang.events import Ack, ErrorReported, Event, Fail, Log, Noise, Oddity, Sync
from multilang.events import Emit as EmitEvent
from multilang.events import Metric as MetricEvent

LEVELS: Final = ("trace", "debug", "info", "warn", "error")
_TICK: Final = "__tick"
_HEARTBEAT: Final = "__heartbeat"


@dataclass(frozen=True, slots=True)
class Emit:
    """One emitted tuple."""

    values: list[Any]
    stream: str = "default"
    anchors: list[list[Any]] = field(default_factory=list)
    """Bolts: the values of the tuples it is anchored to."""

    message_id: Any = None
    """Spouts: None if nobody cares what becomes of it."""

    direct_task: int | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of log."""

    text: str
    level: str = "info"
    """One of trace, debug, info, warn, error."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A value that was reported under a name."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a component did, each kind of thing in order."""

    emits: list[Emit] = field(default_factory=list)
    received: list[list[Any]] = field(default_factory=list)
    """Bolts: the values of the tuples it was given, ticks apart."""

    acked: list[Any] = field(default_factory=list)
    """Bolts: the values of the tuples it acked. Spouts: the message ids it was told are done."""

    failed: list[Any] = field(default_factory=list)
    """The same for what failed."""

    logs: list[LogLine] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """What it reported with tracebacks, and what a host would complain about."""

    metrics: list[Metric] = field(default_factory=list)

    @property
    def emitted(self) -> list[list[Any]]:
        """The values of all emits, whatever their stream."""
        return [emit.values for emit in self.emits]

    def on(self, stream: str) -> list[list[Any]]:
        """Return the values of the emits on one stream."""
        return [emit.values for emit in self.emits if emit.stream == stream]

    def logged(self, text: str) -> bool:
        """Return whether a line of log has that text in it."""
        return any(text in line.text for line in self.logs)

    def __add__(self, other: Outcome) -> Outcome:
        """Return both, one after the other."""
        return Outcome(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Outcome)))


Mark = tuple[int, ...]
"""How long the lists of an outcome were at some moment."""


class Recorder:
    """Gathers the outcome of one component from the messages both ways.

    Args:
        streams: stream -> its fields, to complain about what does not fit; None: not known.
    """

    def __init__(self, streams: dict[str, list[str]] | None = None) -> None:
        self.unanswered_count = 0
        """Emits that wait for their task ids."""

        self.sync_count = 0
        self._streams = streams
        self._all = Outcome()
        self._given: dict[int, list[Any] | None] = {}
        """By delivery id; None: a tick or a heartbeat."""

    def hear(self, text: bytes) -> None:
        """Take a message for the component, without its end."""
        message = json.loads(text)
        if isinstance(message, list) or "conf" in message:
            return
        if command := message.get("command"):
            told = {"ack": self._all.acked, "fail": self._all.failed}.get(command)
            if told is not None:
                told.append(message.get("id"))
            return
        is_own = message["stream"] in (_TICK, _HEARTBEAT) and message["task"] == -1
        self._given[int(message["id"])] = None if is_own else message["tuple"]
        if not is_own:
            self._all.received.append(message["tuple"])

    def note(self, events: Iterable[Event]) -> None:
        """Take what the component said."""
        for event in events:
            match event:
                case EmitEvent():
                    self._emit(event)
                case Ack(delivery=delivery):
                    self._settle(delivery, "acked", self._all.acked)
                case Fail(delivery=delivery):
                    self._settle(delivery, "failed", self._all.failed)
                case Log(text=text, level=level):
                    self._all.logs.append(LogLine(text, LEVELS[level]))
                case ErrorReported(text=text) | Oddity(text=text):
                    self._all.errors.append(text)
                case MetricEvent(name=name, params=params):
                    self._all.metrics.append(Metric(name, _value(params)))
                case Noise(text=text):
                    self._all.errors.append(f"wrote to its standard output what is no message: {text}")
                case Sync():
                    self.sync_count += 1

    def complain(self, text: str) -> None:
        """Add an error of which the host is the first to know."""
        self._all.errors.append(text)

    def mark(self) -> Mark:
        """Return a moment, for `since`."""
        return tuple(len(getattr(self._all, f.name)) for f in fields(Outcome))

    def since(self, mark: Mark) -> Outcome:
        """Return what happened after a moment."""
        names = [f.name for f in fields(Outcome)]
        return Outcome(*(getattr(self._all, n)[begin:] for n, begin in zip(names, mark, strict=True)))

    def outcome(self) -> Outcome:
        """Return everything so far."""
        return self.since((0,) * len(fields(Outcome)))

    def forget_logs(self, mark: Mark) -> None:
        """Forget what was logged after a moment."""
        del self._all.logs[mark[[f.name for f in fields(Outcome)].index("logs")] :]

    def _emit(self, event: EmitEvent) -> None:
        values = _value(event.values)
        self._check(event.stream, values)
        if event.wants_task_ids and not event.direct_task:
            self.unanswered_count += 1
        message_id = _value(event.message_id)
        anchors = [self._anchor(anchor) for anchor in event.anchors]
        known = [anchor for anchor in anchors if anchor is not None]
        self._all.emits.append(Emit(values, event.stream, known, message_id, event.direct_task or None))

    def _anchor(self, delivery: int) -> list[Any] | None:
        if delivery not in self._given:
            self.complain(f"anchored an emit to tuple {delivery}, which it does not have (any more)")
        return self._given.get(delivery)

    def _check(self, stream: str, values: list[Any]) -> None:
        if self._streams is None:
            return
        if stream not in self._streams:
            declared = ", ".join(self._streams) or "none"
            self.complain(f"emitted on stream {stream!r}, which is not declared; declared: {declared}")
        elif len(declared_fields := self._streams[stream]) != len(values):
            self.complain(
                f"emitted {len(values)} values on stream {stream!r}, which declares "
                f"{', '.join(declared_fields) or 'no fields'}: {values!r:.200}"
            )

    def _settle(self, delivery: int, how: str, settled: list[Any]) -> None:
        if delivery not in self._given:
            self.complain(f"{how} tuple {delivery}, which it does not have (any more)")
            return
        values = self._given.pop(delivery)
        if values is not None:
            settled.append(values)


def _value(text: msgspec.Raw) -> Any:
    return json.loads(bytes(text)) if text else None
