"""Plays the host to a component in this process, and tells what it said.

script  ->  bytes of a host  ->  component of some library  ->  messages, exit code  ->  `normalised`
"""

from __future__ import annotations

import gc
import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import msgpack
import msgspec

from tests.multilang.client.interpreters import classes

OURS, THEIRS = "multilang.client", "pystorm"


class Script(msgspec.Struct, omit_defaults=True):
    """What a host says to one component."""

    component: str
    """One of the interpreters."""

    messages: list[Any]
    """After the handshake."""

    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    """Of the component's class: auto_ack and the like."""

    conf: dict[str, Any] = msgspec.field(default_factory=dict)
    context: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass
class Played:
    """What a component said, and how it ended."""

    messages: list[Any] = field(default_factory=list)
    exit_code: int | None = None


def play(library: str, script: Script, pid_dir: Path, serializer: str = "json") -> Played:
    """Return what a component of that library says to a script."""
    base = classes(import_module(library))[script.component]
    kind = type(script.component, (base,), dict(script.attributes))
    handshake = {
        "pidDir": str(pid_dir),
        "conf": {"topology.name": "t", **script.conf},
        "context": {"taskid": 4, "componentid": "c", **script.context},
    }
    incoming = io.BytesIO(b"".join(_encoded(m, serializer) for m in (handshake, *script.messages)))
    outgoing = io.BytesIO()
    played = Played()
    with _own_logging():
        component = kind(
            input_stream=incoming, output_stream=outgoing, rdb_signal=None, serializer=serializer
        )
        # A collection of all that the tests hold may take long, which would look like a spout that blocks.
        gc.disable()
        try:
            component.run()
        except SystemExit as exc:
            played.exit_code = exc.code if isinstance(exc.code, int) else None
        finally:
            gc.enable()
    played.messages = _decoded(outgoing.getvalue(), serializer)
    return played


def normalised(messages: list[Any]) -> list[Any]:
    """Return messages without what a library is free in: its own greeting, tracebacks, the pid itself."""
    return [_plain(message) for message in messages if not _is_greeting(message)]


def _plain(message: Any) -> Any:
    if "pid" in message:
        return {**message, "pid": 0}
    if message.get("command") == "error":
        return {**message, "msg": message["msg"].partition("\n")[0]}
    if message.get("command") == "log" and "Traceback" in message["msg"]:
        # The time that logging puts in front changes, too.
        return {**message, "msg": "a traceback"}
    if message.get("command") == "log" and " - pystorm.component" in message["msg"]:
        name, _, text = message["msg"].partition(" - ")[2].partition(" - ")
        is_librarys = name == "pystorm.component" or text.startswith(_THEIR_WORDS + _OUR_WORDS)
        return {**message, "msg": [name, "of the library" if is_librarys else text]}
    return message


_THEIR_WORDS = ("Received invalid command", "Received ack", "Received fail", "Acking tuple ID")
_OUR_WORDS = ("unknown command", "an ack for", "a fail for", "giving up")


def _is_greeting(message: Any) -> bool:
    text = message.get("msg")
    return isinstance(text, str) and text.startswith(("pystorm StormHandler", "logging to the host"))


def _encoded(message: Any, serializer: str) -> bytes:
    if serializer == "msgpack":
        return bytes(msgpack.packb(message))
    return json.dumps(message).encode() + b"\nend\n"


def _decoded(data: bytes, serializer: str) -> list[Any]:
    if serializer == "msgpack":
        unpacker = msgpack.Unpacker()
        unpacker.feed(data)
        return list(unpacker)
    blocks = data.split(b"\nend\n")
    assert blocks.pop() == b"", "the last message is cut off"
    return [json.loads(block) for block in blocks]


@contextmanager
def _own_logging() -> Iterator[None]:
    """Let a component set up the root logger, and undo it."""
    root, stdout = logging.getLogger(), sys.stdout
    handlers, levels = list(root.handlers), {}
    root.handlers = []
    for name in ("pystorm", "pystorm.component.c"):
        levels[name] = logging.getLogger(name).level
    try:
        yield
    finally:
        root.handlers, sys.stdout = handlers, stdout
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
