"""Texts from a component into events; messages for a component into bytes.

Reading has two ways.  The fast one lets msgspec decode a well-formed message
in one go.  Whatever it refuses goes the tolerant way: Python's lenient JSON
reader, then field by field what Storm's own reader and common child
libraries were seen to do (null streams, one anchor as a string, NaN, prints
in front of a message, two objects in one block).

Written JSON is always ASCII, because some children read their locale.
Source of the rules: storm:storm-client/src/jvm/org/apache/storm/multilang/JsonSerializer.java
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec
import simplejson

from multilang.events import (
    DEFAULT_STREAM,
    Ack,
    AnySpoken,
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
from multilang.framing import END

NEXT = b'{"command":"next","id":""}' + END
ACTIVATE = b'{"command":"activate","id":""}' + END
DEACTIVATE = b'{"command":"deactivate","id":""}' + END

# A delivery is rendered as prefix, id, MIDDLE, values, TUPLE_END: five parts
# appended to a list and joined once per write, half the cost of formatting.
MIDDLE = b'","tuple":'
TUPLE_END = b"}" + END

_LEVELS = {"trace": 0, "debug": 1, "info": 2, "warn": 3, "warning": 3, "error": 4, "critical": 4, "fatal": 4}
_FALSE = (False, 0, "false", "False", "0", "")
_NOISE_CHARS = 2000

# strict=False: numbers in strings are taken, so that a bolt's ids, which the
# protocol has as text, are plain ints here.
decode = msgspec.json.Decoder(AnySpoken, strict=False).decode


def decode_tolerantly(text: bytes) -> list[Event]:
    """Return what can be made of a block that `decode` refused; never raises."""
    try:
        content = text.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        content = text.decode("utf-8", errors="replace")
    content = content.removeprefix("\ufeff").strip()
    if not content:
        return []
    events: list[Event] = []
    objects, noise = _split_objects(content)
    if noise:
        events.append(Noise(noise[:_NOISE_CHARS]))
    if len(objects) > 1:
        events.append(Oddity("two messages without a line 'end' between them; both were taken"))
    for body in objects:
        events.extend(_interpret(body))
    return events


def _split_objects(content: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects of a block, and the text around them.

    A print in front of a message leaves lines before it (with or without a
    line end of its own), so every ``{`` is a place where a message may begin.
    """
    decoder = json.JSONDecoder(strict=False)
    objects: list[dict[str, Any]] = []
    noise: list[str] = []
    position = 0
    while position < len(content):
        start = content.find("{", position)
        if start < 0:
            noise.append(content[position:])
            break
        try:
            body, stop = decoder.raw_decode(content, start)
        except (ValueError, RecursionError):
            # Not JSON from here: skip to the next line or brace.
            stop = start + 1
            body = None
        if isinstance(body, dict) and ("command" in body or "pid" in body):
            if content[position:start].strip():
                noise.append(content[position:start])
            objects.append(body)
        else:
            noise.append(content[position:stop])
        position = stop
    return objects, "".join(noise).strip()


def _interpret(body: dict[str, Any]) -> list[Event]:
    command = body.get("command")
    match command:
        case None:
            return [Ready(_integer(body.get("pid")) or 0)]
        case "emit":
            return _emit(body)
        case "ack" | "fail":
            delivery = _integer(body.get("id"))
            if delivery is None:
                return [Oddity(f"{command} without a tuple id: {_show(body)}")]
            return [Ack(delivery) if command == "ack" else Fail(delivery)]
        case "sync":
            return [Sync()]
        case "log":
            return [Log(_text(body.get("msg")), _level(body.get("level")))]
        case "error":
            return [ErrorReported(_text(body.get("msg")))]
        case "metrics":
            return [Metric(_text(body.get("name")), msgspec.Raw(encode_json(body.get("params"))))]
        case _:
            return [Oddity(f"unknown command {command!r} was passed over")]


def _emit(body: dict[str, Any]) -> list[Event]:
    values = body.get("tuple")
    if values is None:
        values = []
    if not isinstance(values, list):
        return [Oddity(f"an emitted tuple must be a list, not {type(values).__name__}: {_show(body)}")]
    anchors = body.get("anchors")
    if not isinstance(anchors, list):
        anchors = [] if anchors is None else [anchors]
    known = [number for number in map(_integer, anchors) if number is not None]
    events: list[Event] = []
    if len(known) < sum(anchor is not None for anchor in anchors):
        events.append(Oddity(f"anchors that are no tuple ids were dropped: {_show(anchors)}"))
    task = _integer(body.get("task"))
    if task is None and body.get("task") is not None:
        events.append(Oddity(f"task must be a number, not {body.get('task')!r}; the groupings chose instead"))
    stream = body.get("stream")
    message_id = body.get("id")
    events.append(
        Emit(
            values=msgspec.Raw(encode_json(values)),
            stream=str(stream) if stream else DEFAULT_STREAM,
            anchors=known,
            message_id=msgspec.Raw(b"" if message_id is None else encode_json(message_id)),
            direct_task=task or 0,
            wants_task_ids=body.get("need_task_ids", True) not in _FALSE,
        )
    )
    return events


def _integer(value: Any) -> int | None:
    """Return ints, floats without a fraction and numbers in strings as int; None for the rest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else encode_json(value).decode("ascii")


def _level(value: Any) -> int:
    if isinstance(value, str):
        return _LEVELS.get(value.lower(), 2)
    number = _integer(value)
    return number if number is not None and 0 <= number <= 4 else 2


def _show(value: Any) -> str:
    return encode_json(value).decode("ascii")[:200]


def encode_json(value: Any) -> bytes:
    """Return any JSON value as ASCII text; ints exact, NaN and infinities as null."""
    try:
        text = simplejson.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = simplejson.dumps(_finite(value), separators=(",", ":"))
    return text.encode("ascii", errors="backslashreplace")


def _finite(value: Any) -> Any:
    # Children in JavaScript and Ruby cannot read NaN, so it becomes what Storm makes of it.
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def to_ascii(event: Event) -> Event:
    """Return an emit with its values and message id in ASCII; other events as they are."""
    if not isinstance(event, Emit):
        return event
    values, message_id = bytes(event.values), bytes(event.message_id)
    if values.isascii() and message_id.isascii():
        return event
    return msgspec.structs.replace(
        event, values=msgspec.Raw(_ascii(values)), message_id=msgspec.Raw(_ascii(message_id))
    )


def _ascii(text: bytes) -> bytes:
    return encode_json(json.loads(text.decode("utf-8", errors="replace"), strict=False)) if text else text


def render_handshake(conf: Mapping[str, Any], pid_dir: str, context: Mapping[str, Any]) -> bytes:
    """Return the first message to any component."""
    return encode_json({"conf": conf, "pidDir": pid_dir, "context": context}) + END


def render_prefix(component: str, stream: str, task: int) -> bytes:
    """Return what stands before the id in a delivery from that task and stream."""
    return b'{"comp":%b,"stream":%b,"task":%d,"id":"' % (encode_json(component), encode_json(stream), task)


def render_tick(delivery: int, frequency_s: int) -> bytes:
    """Return a tick tuple; children are expected to ack it."""
    return b'{"comp":"__system","stream":"__tick","task":-1,"id":"%d","tuple":[%d]}' % (
        delivery,
        frequency_s,
    ) + END


def render_heartbeat(delivery: int) -> bytes:
    """Return a heartbeat. All five keys must be there: pystorm and storm.py index ``comp``."""
    return b'{"id":"%d","comp":null,"stream":"__heartbeat","task":-1,"tuple":[]}' % delivery + END


def render_task_ids(tasks: list[int]) -> bytes:
    """Return the answer to an emit that wants to know its targets."""
    return b"[" + b",".join(b"%d" % task for task in tasks) + b"]" + END


def render_ack(message_id: bytes) -> bytes:
    """Return the command that tells a spout of a completed tree; the id as it was emitted."""
    return b'{"command":"ack","id":' + message_id + b"}" + END


def render_fail(message_id: bytes) -> bytes:
    """Return the command that tells a spout of a failed tree."""
    return b'{"command":"fail","id":' + message_id + b"}" + END


def read_json(text: bytes) -> Any:
    """Return the value of a JSON text as Storm's reader takes it: ints exact, control characters allowed.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(text, strict=False)
