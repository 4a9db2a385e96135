"""Spouts: asked for tuples one at a time, and told what became of them."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Final

from multilang.client.component import PATIENCE_S, Component
from multilang.client.serializers import END
from multilang.client.values import encode, encode_values

BLOCK_S: Final = 0.01
"""After a ``next`` that took longer, those that came with it bring nothing."""

_SYNC: Final = b'{"command":"sync"}' + END


class Spout(Component):
    """A spout; override `next_tuple`.

    Example:
        >>> class Numbers(Spout):
        ...     def initialize(self, storm_conf, context):
        ...         self.last = 0
        ...
        ...     def next_tuple(self):
        ...         self.last += 1
        ...         self.emit([self.last], tup_id=self.last)
    """

    def next_tuple(self) -> None:
        """Emit the next tuple if there is one, and return soon in any case: acks wait meanwhile."""
        raise NotImplementedError

    def ack(self, tup_id: Any) -> None:
        """Called when a tuple, and all that came of it, is done."""

    def fail(self, tup_id: Any) -> None:
        """Called when a tuple failed or took too long."""

    def activate(self) -> None:
        """Called when the topology goes on."""

    def deactivate(self) -> None:
        """Called when the topology rests."""

    def emit(  # type: ignore[override]  # as pystorm: a spout's tuples have no anchors
        self,
        tup: list[Any] | tuple[Any, ...],
        tup_id: Any = None,
        stream: str | None = None,
        direct_task: int | None = None,
        need_task_ids: bool = False,
    ) -> list[int] | None:
        """Emit values; return the tasks they went to if ``need_task_ids``, else None.

        Args:
            tup: the values, as many as the stream has fields.
            tup_id: any JSON value, told again by `ack` or `fail`; None: nobody cares.
            stream: None means the default one.
            direct_task: who gets it, on a direct stream.
            need_task_ids: wait for the host's answer.

        Raises:
            TypeError: ``tup`` is neither list nor tuple, or holds what JSON cannot.
        """
        if stream is None and direct_task is None and not need_task_ids and self._writes_json:
            text = encode_values(tup)
            if tup_id is not None:
                text += b',"id":' + encode(tup_id)
            self.serializer.put(b'{"command":"emit","tuple":%b,"need_task_ids":false}\nend\n' % text)
            return None
        return super().emit(
            tup, tup_id=tup_id, stream=stream, direct_task=direct_task, need_task_ids=need_task_ids
        )

    def _run(self) -> None:
        command = self.read_command()
        self._obey(command["command"], command.get("id"))
        self.send_message({"command": "sync"})

    def _handle_commands(self) -> None:
        commands, serializer, clock = self._commands, self.serializer, time.monotonic
        began = last = clock()
        while commands:
            message = commands.popleft()
            if isinstance(message, list):
                self._pending_task_ids.append(message)
                continue
            if message.command == "next":
                try:
                    self.next_tuple()
                except Exception:
                    if self._own_s(began, last, clock()) > BLOCK_S:
                        self._pass_over_nexts()
                    raise
            else:
                self._obey(message.command, message.id)
            if self._writes_json:
                serializer.put(_SYNC)
            else:
                self.send_message({"command": "sync"})
            now = clock()
            if now - began > PATIENCE_S:
                if message.command == "next" and self._own_s(began, last, now) > BLOCK_S:
                    self._pass_over_nexts()
                began = now = self._pace(began, last, now)
            elif self._careful_count:
                self._be_less_careful()
            last = now

    def _pass_over_nexts(self) -> None:
        """Answer the ``next`` that wait up to the next other command, without asking for tuples.

        A host that says several at once says nothing more until all are answered. So acks, fails and
        deactivation wait for one block of the author's `next_tuple`, and not for as many as were said.
        """
        commands = self._commands
        while commands and (isinstance(message := commands[0], list) or message.command == "next"):
            commands.popleft()
            if isinstance(message, list):
                self._pending_task_ids.append(message)
            else:
                self.send_message({"command": "sync"})

    def _obey(self, command: Any, tup_id: Any) -> None:
        if command == "next":
            self.next_tuple()
        elif command == "ack":
            self.ack(tup_id)
        elif command == "fail":
            self.fail(tup_id)
        elif command == "activate":
            self.activate()
        elif command == "deactivate":
            self.deactivate()
        else:
            self.logger.error("unknown command of the host: %r", command)


class ReliableSpout(Spout):
    """A spout that emits failed tuples again, up to `max_fails` times each, without the author's help."""

    max_fails: int = 3

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.failed_tuples: Counter[Any] = Counter()
        self.unacked_tuples: dict[Any, tuple[Any, str | None, int | None, bool]] = {}

    def ack(self, tup_id: Any) -> None:
        """Forget a tuple that is done."""
        self.failed_tuples.pop(tup_id, None)
        if self.unacked_tuples.pop(tup_id, None) is None:
            self.logger.error("an ack for a tuple that is not under way: id %r", tup_id)

    def fail(self, tup_id: Any) -> None:
        """Emit a tuple again, or give it up after `max_fails` times."""
        saved = self.unacked_tuples.get(tup_id)
        if saved is None:
            self.logger.error("a fail for a tuple that is not under way: id %r", tup_id)
            return
        if self.failed_tuples[tup_id] >= self.max_fails:
            self.logger.info("giving up the tuple with id %r, which failed %s times", tup_id, self.max_fails)
            self.ack(tup_id)
            return
        tup, stream, direct_task, need_task_ids = saved
        self.emit(tup, tup_id=tup_id, stream=stream, direct_task=direct_task, need_task_ids=need_task_ids)
        self.failed_tuples[tup_id] += 1

    def emit(  # type: ignore[override]  # as Spout's
        self,
        tup: list[Any] | tuple[Any, ...],
        tup_id: Any = None,
        stream: str | None = None,
        direct_task: int | None = None,
        need_task_ids: bool = False,
    ) -> list[int] | None:
        """Emit values that will be emitted again if they fail; ``tup_id`` must be given and be hashable.

        Raises:
            ValueError: there is no ``tup_id``.
            TypeError: as `Spout.emit`.
        """
        if tup_id is None:
            raise ValueError("a ReliableSpout needs a tup_id for each emit, to know what failed")
        self.unacked_tuples[tup_id] = (tup, stream, direct_task, need_task_ids)
        return super().emit(
            tup, tup_id=tup_id, stream=stream, direct_task=direct_task, need_task_ids=need_task_ids
        )
