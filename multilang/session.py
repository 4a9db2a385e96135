"""The host's side of one conversation with one component. No I/O, no clock.

    bytes from the component -> receive() -> events
    our intentions           -> greet(), command() -> bytes for the component

                 greet()             pid
    NEW ----------------> GREETING ------> OPEN          any state -> BROKEN

Both kinds of component share the handshake, during which a component may
already log; its pid may even come before it has read anything.  A bolt then
talks at will.  A spout answers each command with emits and logs, closed by
one ``sync``; it is told nothing new before it has answered everything.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from multilang import codec
from multilang.errors import LocalProtocolError, RemoteProtocolError
from multilang.events import Event, Ready, Sync
from multilang.framing import FrameReader
from multilang.msgpack import MessageReader
from multilang.serializer import Serializer

_NOT_PLAIN = (msgspec.MsgspecError, RecursionError, ValueError)


class Kind(enum.Enum):
    """Which half of the protocol a component speaks."""

    SPOUT = "spout"
    BOLT = "bolt"


class State(enum.Enum):
    """How far the conversation has come."""

    NEW = enum.auto()  # nothing said yet
    GREETING = enum.auto()  # handshake sent, waiting for the pid
    OPEN = enum.auto()
    BROKEN = enum.auto()  # the component broke the rules; every further act raises


class ShellSession:
    """Track one component's conversation; owns no process and no pipe."""

    __slots__ = ("_frames", "_has_answered", "_is_json", "kind", "outstanding", "pid", "state")

    def __init__(self, kind: Kind, serializer: Serializer = Serializer.JSON) -> None:
        self.kind = kind
        self.state = State.NEW
        self.pid = 0
        """As the component says; may differ from its process where a wrapper started it."""
        self.outstanding = 0
        """Commands to a spout that have had no ``sync`` yet."""
        self._is_json = serializer is Serializer.JSON
        self._frames: FrameReader | MessageReader = FrameReader() if self._is_json else MessageReader()
        self._has_answered = False

    def greet(self, conf: Mapping[str, Any], pid_dir: str, context: Mapping[str, Any]) -> bytes:
        """Return the handshake.

        Raises:
            LocalProtocolError: it was said already.
        """
        if self.state is not State.NEW:
            raise LocalProtocolError(f"cannot greet in {self.state.name}")
        self.state = State.OPEN if self._has_answered else State.GREETING
        return codec.render_handshake(conf, pid_dir, context)

    @property
    def can_command(self) -> bool:
        """Whether a spout may be told something now."""
        return self.state is State.OPEN and not self.outstanding

    def command(self, rendered: list[bytes]) -> list[bytes]:
        """Count rendered commands to a spout as unanswered, and return them.

        Raises:
            LocalProtocolError: an earlier one is unanswered, or the handshake is not done.
        """
        if not self.can_command:
            raise LocalProtocolError(f"cannot command in {self.state.name}, {self.outstanding} unanswered")
        self.outstanding = len(rendered)
        return rendered

    def receive(self, data: bytes) -> list[Event]:
        """Turn bytes from the component into events; an empty list means: need more.

        Raises:
            RemoteProtocolError: a message without an end.
        """
        if self.state is State.BROKEN:
            raise RemoteProtocolError("the conversation is over")
        is_plain = self._is_json and codec.looks_plain(data)
        had_begun = self._frames.buffered_bytes > 0
        try:
            texts = self._frames.feed(data)
        except RemoteProtocolError:
            self.state = State.BROKEN
            raise
        if had_begun and is_plain and texts:
            # What makes it not plain may have come with an earlier read, or lie across the two.
            is_plain = codec.looks_plain(texts[0])
        return self._events(texts, is_plain=is_plain)

    def finish(self) -> list[Event]:
        """Return what the end of the component's output completes, and end the conversation."""
        events = [] if self.state is State.BROKEN else self._events(self._frames.finish(), is_plain=False)
        self.state = State.BROKEN
        return events

    def _events(self, texts: list[bytes], *, is_plain: bool) -> list[Event]:
        events: list[Event]
        try:
            events = list(map(codec.decode, texts))
        except _NOT_PLAIN:
            events = _one_by_one(texts)
        if not is_plain:
            events = [tidied for event in events for tidied in codec.tidy(event)]
        if not self._has_answered:
            self._note_ready(events)
        if self.outstanding and self.kind is Kind.SPOUT:
            syncs = [type(event) for event in events].count(Sync)
            # A surplus sync would leave Storm one step behind for ever; here it counts for nothing.
            self.outstanding = max(0, self.outstanding - syncs)
        return events

    def _note_ready(self, events: list[Event]) -> None:
        for event in events:
            if type(event) is Ready:
                self._has_answered = True
                self.pid = event.pid
                if self.state is State.GREETING:
                    self.state = State.OPEN
                return


def _one_by_one(texts: list[bytes]) -> list[Event]:
    """Decode texts of which some are not well-formed."""
    events: list[Event] = []
    for text in texts:
        try:
            events.append(codec.decode(text))
        except _NOT_PLAIN:
            events += codec.decode_tolerantly(text)
    return events
