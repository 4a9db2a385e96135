"""Bolts: a tuple comes in, others go out anchored to it, and it is acked."""

from __future__ import annotations

import re
import time
from collections import namedtuple
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from multilang.client.component import PATIENCE_S, Component, Tuple
from multilang.client.serializers import MAX_WAITING, Incoming
from multilang.client.values import SCALARS, encode, encode_plain, encode_values

_NO_IDENTIFIER: Final = re.compile(r"\W|^(?=\d)")
_NOTHING: Final[list[Any]] = []
"""The current tuples while there are none; never changed."""

_EMIT: Final = b'{"command":"emit","tuple":'
_ANCHORS: Final = b',"anchors":['
_NO_TASK_IDS: Final = b'],"need_task_ids":false}\nend\n'
_ACK: Final = b'{"command":"ack","id":'
_END: Final = b"}\nend\n"

_new: Final[Callable[..., Any]] = tuple.__new__


class Bolt(Component):
    """A bolt; override `process`.

    Attributes:
        auto_anchor: emits are anchored to the tuple in process unless ``anchors`` are given.
        auto_ack: a tuple is acked when `process` returns.
        auto_fail: a tuple is failed when `process` raises.

    Example:
        >>> class Split(Bolt):
        ...     def process(self, tup):
        ...         for word in tup.values[0].split():
        ...             self.emit([word])
    """

    auto_anchor: bool = True
    auto_ack: bool = True
    auto_fail: bool = True

    _in_between = (*Component._in_between, "read_tuple")  # noqa: SLF001  our own base

    _current_tups: Sequence[Tuple] = _NOTHING

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kinds: dict[str, dict[str, tuple[Any, int]]] = {}
        """By source and stream: the named tuple of its values, and how many there are."""

        self._anchors = b""
        """What emits are anchored to while `_anchors_of` are the current tuples: ids as JSON, with commas."""

        self._anchors_of: Any = None

    # ---- for authors

    def process(self, tup: Tuple) -> None:
        """Handle one tuple."""
        raise NotImplementedError

    def process_tick(self, tup: Tuple) -> None:
        """Handle a tick: one comes every ``topology.tick.tuple.freq.secs`` if that is set."""

    def emit(  # type: ignore[override]  # as pystorm: a bolt's tuples have no ids of their own
        self,
        tup: list[Any] | tuple[Any, ...],
        stream: str | None = None,
        anchors: list[Any] | None = None,
        direct_task: int | None = None,
        need_task_ids: bool = False,
    ) -> list[int] | None:
        """Emit values; return the tasks they went to if ``need_task_ids``, else None.

        Args:
            tup: the values, as many as the stream has fields.
            stream: None means the default one.
            anchors: tuples, or their ids; None means the tuple in process if `auto_anchor`.
            direct_task: who gets it, on a direct stream.
            need_task_ids: wait for the host's answer.

        Raises:
            TypeError: ``tup`` is neither list nor tuple, or holds what JSON cannot.
        """
        if anchors is None:
            if stream is None and direct_task is None and not need_task_ids and self._writes_json:
                # Nearly every emit of nearly every bolt: no call that is not needed.
                if self._current_tups is not self._anchors_of:
                    self._make_anchors()
                text = None  # `encode_values` for the usual values
                if type(tup) is list:
                    for value in tup:
                        kind = type(value)
                        if kind is not str and kind not in SCALARS:
                            break
                    else:
                        try:
                            text = encode_plain(tup)
                        except UnicodeEncodeError:
                            pass
                serializer = self.serializer
                waiting = serializer.waiting
                waiting += (_EMIT, text or encode_values(tup), _ANCHORS, self._anchors, _NO_TASK_IDS)
                if serializer.write_through or len(waiting) > MAX_WAITING:
                    serializer.flush()
                return None
            anchors = list(self._current_tups) if self.auto_anchor else []
        return super().emit(
            tup,
            stream=stream,
            anchors=[_id_of(anchor) for anchor in anchors],
            direct_task=direct_task,
            need_task_ids=need_task_ids,
        )

    def ack(self, tup: Tuple | str) -> None:
        """Tell the host that a tuple, given as such or by its id, is done."""
        self.send_message({"command": "ack", "id": _id_of(tup)})

    def fail(self, tup: Tuple | str) -> None:
        """Tell the host that a tuple, given as such or by its id, has failed."""
        self.send_message({"command": "fail", "id": _id_of(tup)})

    # ---- behind it

    def read_tuple(self) -> Tuple:
        """Return the next tuple."""
        command = self.read_command()
        source, stream, values = command["comp"], command["stream"], command["tuple"]
        kind, count = self._kinds.get(source, {}).get(stream, (None, 0))
        if kind is not None and len(values) != count:
            raise self._wrong_length(source, stream, values)
        return Tuple(
            command["id"],
            source,
            stream,
            command["task"],
            tuple(values) if kind is None else _new(kind, values),
        )

    @staticmethod
    def is_tick(tup: Tuple) -> bool:
        """Return whether a tuple is a tick."""
        return tup.component == "__system" and tup.stream == "__tick"

    def _serve(self) -> None:
        for name in ("auto_anchor", "auto_ack"):
            # Asked for with each tuple, and found faster in the instance than in its class.
            with suppress(AttributeError):
                setattr(self, name, getattr(self, name))
        super()._serve()

    def _run(self) -> None:
        self._take(self.read_tuple())

    def _choose_way(self) -> None:
        super()._choose_way()
        self._acks_itself = not self._writes_json or self._overrides("ack", "is_tick")

    def _handle_commands(self) -> None:
        """Handle the tuples that were received: `read_tuple` and `_take` for the usual ones, in one piece."""
        commands, serializer, clock, kinds = self._commands, self.serializer, time.monotonic, self._kinds
        waiting, acks_itself = serializer.waiting, self._acks_itself
        began = last = clock()
        due = began + PATIENCE_S
        while commands:
            message = commands.popleft()
            if type(message) is not Incoming:
                self._pending_task_ids.append(message)
                continue
            source, stream, values = message.comp, message.stream, message.values
            try:
                kind, count = kinds[source][stream]
            except KeyError:
                made = tuple(values)
            else:
                if len(values) != count:
                    raise self._wrong_length(source, stream, values)
                made = _new(kind, values)
            tup = _new(Tuple, (message.id, source, stream, message.task, made))
            if acks_itself or message.task == -1:
                self._take(tup)
            else:
                self._current_tups = self._anchors_of = (tup,)
                id_text = encode_plain(message.id)
                self._anchors = id_text if self.auto_anchor else b""
                self.process(tup)
                if self.auto_ack:
                    waiting += (_ACK, id_text, _END)
                    if serializer.write_through:
                        serializer.flush()
                self._current_tups = _NOTHING
            now = clock()
            if now > due:
                began = now = self._pace(began, last, now)
                due = began + PATIENCE_S
            elif self._careful_count:
                self._be_less_careful()
            last = now

    def _take(self, tup: Tuple) -> None:
        """Handle one tuple; an exception leaves it among the current ones, so that it can be failed."""
        self._current_tups = [tup]
        if self.is_heartbeat(tup):
            self.send_message({"command": "sync"})
        elif self.is_tick(tup):
            self._take_tick(tup)
        else:
            self._take_data(tup)
        self._current_tups = _NOTHING

    def _take_tick(self, tup: Tuple) -> None:
        self.process_tick(tup)
        if self.auto_ack:
            self.ack(tup)

    def _take_data(self, tup: Tuple) -> None:
        self.process(tup)
        if self.auto_ack:
            self.ack(tup)

    def _setup_component(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:
        super()._setup_component(storm_conf, context)
        for source, streams in context.get("source->stream->fields", {}).items():
            of_source = self._kinds.setdefault(source, {})
            for stream, fields in streams.items():
                name = "".join(_NO_IDENTIFIER.sub("_", part.title()) for part in (source, stream))
                kind = namedtuple(f"{name}Tuple", fields, rename=True)  # type: ignore[misc]  # noqa: PYI024  fields are data
                of_source[stream] = (kind, len(fields))

    def _handle_run_exception(self, exc: Exception) -> None:
        if len(self._current_tups) == 1:
            tup = self._current_tups[0]
            self.raise_exception(exc, tup)
            if self.auto_fail:
                self.fail(tup)

    def _make_anchors(self) -> None:
        anchors = [_id_of(tup) for tup in self._current_tups] if self.auto_anchor else []
        self._anchors_of = self._current_tups
        self._anchors = encode(anchors)[1:-1]

    def _wrong_length(self, source: str, stream: str, values: list[Any]) -> TypeError:
        fields = ", ".join(self._kinds[source][stream][0]._fields)
        return TypeError(
            f"a tuple of stream {stream!r} of {source!r} has {len(values)} values: {values!r:.200}; the"
            f" stream declares {fields}"
        )


def _id_of(anchor: Any) -> Any:
    return anchor.id if isinstance(anchor, Tuple) else anchor
