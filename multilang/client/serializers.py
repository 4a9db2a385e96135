"""Reads and writes the messages of one component, in batches.

    host --pipe-->  12 KiB read -> all whole messages in it, decoded at once     `receive`
    host <--pipe--  what was `put` since, in one write                           `flush`

What is put waits until the component has handled all that was there to read.
A lone input is therefore answered at once, and only under load do messages
share a write.  While the component waits for input, and while it is slow, each
message is written as it comes (`write_through`), whichever thread puts it.

Two forms: JSON, where a line ``end`` ends each message, and msgpack, where
messages simply follow each other.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import IO, Any, Final, final

import msgspec

from multilang.client import values
from multilang.client.errors import StormWentAwayError

CHUNK_BYTES: Final = 12288
"""Read at once: some 160 messages, which stay in the caches. 64 KiB cost more time and 0.4 MiB."""

MAX_WAITING: Final = 1024
"""Pieces put before they are written anyway; a message has one to five. Twice as many spare one write in a
hundred tuples, and cost 0.15 MiB, which would be more than pystorm takes."""

END: Final = b"\nend\n"


@final
class Incoming(msgspec.Struct, gc=False):
    """A command for a spout (``command``, ``id``) or a tuple for a bolt (all the others)."""

    id: Any = None
    comp: Any = None
    stream: Any = None
    task: Any = None
    values: Any = msgspec.field(default=None, name="tuple")
    command: Any = None


Message = Incoming | list[Any]
"""What the host sends after the handshake; a list holds the task ids of an emit."""


class Serializer:
    """One component's end of the pipes; safe to write to from any thread, read from by one at a time."""

    def __init__(
        self,
        input_stream: IO[Any],
        output_stream: IO[Any],
        reader_lock: Any = None,
        writer_lock: Any = None,
    ) -> None:
        self.input_stream = input_stream
        self.output_stream = output_stream
        self.reader_lock = reader_lock or threading.RLock()
        self.writer_lock = writer_lock or threading.RLock()
        self.write_through = True
        """Whether each message is written when it is put."""

        self.waiting: list[bytes] = []
        """What was put and is not written yet, in pieces; whoever adds whole messages here himself must
        look whether it is time to `flush`."""

        self.written_s = 0.0
        """Seconds that writing took since somebody set it to 0: long where the host does not read."""

        self._input = _descriptor(input_stream)
        self._output = _descriptor(output_stream)

    def use_descriptors(self, input_descriptor: int, output_descriptor: int) -> None:
        """Read and write these from now on; the streams are left to whoever else uses them."""
        self._input, self._output = input_descriptor, output_descriptor

    def receive(self) -> list[Message]:
        """Return everything that came, at least one message, in order; wait for it if need be.

        Raises:
            StormWentAwayError: nothing will come any more.
        """
        raise NotImplementedError

    def read_message(self) -> Any:
        """Return the next message as plain dicts and lists; wait for it if need be.

        Raises:
            StormWentAwayError: nothing will come any more.
        """
        raise NotImplementedError

    def serialize_dict(self, msg_dict: Mapping[str, Any]) -> bytes:
        """Return the bytes of one message."""
        raise NotImplementedError

    def send_message(self, msg_dict: Mapping[str, Any]) -> None:
        """Put one message.

        Raises:
            TypeError: it holds something that cannot be sent; says what.
            StormWentAwayError: nobody reads.
        """
        self.put(self.serialize_dict(msg_dict))

    def put(self, data: bytes) -> None:
        """Add the bytes of a whole message to what `flush` will write."""
        waiting = self.waiting
        waiting.append(data)
        if self.write_through or len(waiting) > MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what was put.

        Raises:
            StormWentAwayError: nobody reads.
        """
        waiting = self.waiting
        if not waiting:
            return
        with self.writer_lock:
            count = len(waiting)  # others may add while we write
            data = b"".join(waiting[:count])
            del waiting[:count]
            began_s = time.monotonic()
            try:
                self._write(data)
            except OSError as exc:
                raise StormWentAwayError from exc
            self.written_s += time.monotonic() - began_s

    def forget(self) -> None:
        """Leave to the parent what it has put, in a process that it has forked; write through in this one."""
        self.waiting.clear()
        self.write_through = True
        self.writer_lock = threading.RLock()  # a thread that is not here may hold the other

    def _write(self, data: bytes) -> None:
        if self._output is None:
            getattr(self.output_stream, "buffer", self.output_stream).write(data)
            self.output_stream.flush()
            return
        written = os.write(self._output, data)
        if written < len(data):
            rest = memoryview(data)[written:]
            while rest:
                rest = rest[os.write(self._output, rest) :]

    def _read(self) -> bytes:
        """Return the next bytes, at least one.

        Raises:
            StormWentAwayError: there are none left.
        """
        with self.reader_lock:
            if self._input is None:
                data = getattr(self.input_stream, "buffer", self.input_stream).read(CHUNK_BYTES)
            else:
                data = os.read(self._input, CHUNK_BYTES)
        if not data:
            raise StormWentAwayError
        return data if isinstance(data, bytes) else data.encode()


class JSONSerializer(Serializer):
    """The form that Storm's own serializer has."""

    _incoming: Final[msgspec.json.Decoder[list[Message]]] = msgspec.json.Decoder(list[Message])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unread = bytearray()

    def receive(self) -> list[Message]:
        blocks = self._blocks(self._await(last=True))
        try:
            listed = blocks.replace(END, b",")
            messages = self._incoming.decode(b"[" + listed + b"]")
            if len(messages) == (len(blocks) - len(listed)) // (len(END) - 1) + 1:
                return messages
        except (ValueError, msgspec.MsgspecError):
            pass  # a number or a character that only a slower parser takes
        return [as_message(parse(block)) for block in blocks.split(END) if block.strip()] or self.receive()

    def read_message(self) -> Any:
        block = self._blocks(self._await(last=False))
        return parse(block) if block.strip() else self.read_message()

    def serialize_dict(self, msg_dict: Mapping[str, Any]) -> bytes:
        return values.encode(dict(msg_dict)) + END

    def _await(self, *, last: bool) -> int:
        """Return where the last, or the first, end of a message stands; read until there is one."""
        unread = self._unread
        seen = 0
        while True:
            end = unread.rfind(END, max(0, seen - len(END))) if last else unread.find(END)
            if end >= 0:
                return end
            seen = len(unread)
            data = self._read()
            # Raw carriage returns stand in no JSON text, so these can only be line ends.
            unread += data.replace(b"\r", b"") if b"\r" in data else data

    def _blocks(self, end: int) -> bytes:
        blocks = bytes(self._unread[:end])
        del self._unread[: end + len(END)]
        return blocks


class MsgpackSerializer(Serializer):
    """pystorm's other form; needs the package msgpack, which finds where a message ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            import msgpack
        except ImportError as exc:
            raise ImportError(
                "The msgpack serializer needs the package msgpack in the component's environment: "
                "pip install msgpack, or take `-s msgpack` out of the component's command"
            ) from exc
        self._pack = msgpack.packb
        self._unpacker = msgpack.Unpacker(max_buffer_size=0)
        self._read_ahead: deque[Any] = deque()

    def receive(self) -> list[Message]:
        messages = [as_message(self.read_message())]
        while self._read_ahead:
            messages.append(as_message(self._read_ahead.popleft()))
        return messages

    def read_message(self) -> Any:
        while not self._read_ahead:
            self._unpacker.feed(self._read())
            self._read_ahead.extend(self._unpacker)
        return self._read_ahead.popleft()

    def serialize_dict(self, msg_dict: Mapping[str, Any]) -> bytes:
        packed: bytes = self._pack(dict(msg_dict))
        return packed


SERIALIZERS: Final[Mapping[str, type[Serializer]]] = {"json": JSONSerializer, "msgpack": MsgpackSerializer}


def parse(text: bytes) -> Any:
    """Return the JSON of one message; also what strict parsers refuse: NaN, lone surrogates, broken UTF-8."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, msgspec.MsgspecError):
        return json.loads(text.decode(errors="replace"), strict=False)


def as_message(plain: Any) -> Message:
    """Return a message in the form of `Serializer.receive`."""
    if isinstance(plain, list):
        return plain
    return Incoming(
        plain.get("id"),
        plain.get("comp"),
        plain.get("stream"),
        plain.get("task"),
        plain.get("tuple"),
        plain.get("command"),
    )


def _descriptor(stream: IO[Any]) -> int | None:
    """Return the file descriptor below a stream; None if it lives in memory."""
    try:
        return stream.fileno()
    except (AttributeError, OSError, io.UnsupportedOperation):
        return None
