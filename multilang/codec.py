"""Texts from a component into events; messages for a component into bytes.

Reading has two ways.  The fast one lets msgspec decode a well-formed message
in one go.  Whatever it refuses goes the tolerant way: Python's lenient JSON
reader, then field by field what Storm's own reader and common child
libraries were seen to do (null streams, one anchor as a string, NaN, prints
in front of a message, two objects in one block).

The fast way does not look into values.  `looks_plain` tells for a whole read
whether somebody must; `tidy` then does.

Written JSON is always ASCII, because some children read their locale.
Source of the rules: storm:storm-client/src/jvm/org/apache/storm/multilang/JsonSerializer.java
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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
_NOISE_CHARS = 2000
_SHOWN_CHARS = 200

_OBJECT_START = re.compile(r'\{\s*"')
# Places where a message may begin that are tried before the rest counts as noise. A failed try may read
# to the end of the block, so this is what keeps a large one that never parses from taking minutes.
_TRIES = 32

_TEXT_OR_LAST_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_MENDED_CHARS = 1_000_000

# Not the whole word and its quotes: the search is a fourth quicker that begins with a rarer letter.
_ODD_TUPLE = re.compile(rb'uple"(?!: ?\[)')
_NON_ASCII = re.compile(r"[^\x00-\x7f]+")

# strict=False: numbers in strings are taken, so that a bolt's ids, which the
# protocol has as text, are plain ints here.
decode = msgspec.json.Decoder(AnySpoken, strict=False).decode


def decode_tolerantly(text: bytes) -> list[Event]:
    """Return what can be made of a block that `decode` refused; never raises."""
    content = _characters(text).removeprefix("\ufeff").strip()
    if not content:
        return []
    events: list[Event] = []
    objects, noise = _split_objects(content)
    if not objects and len(content) <= _MENDED_CHARS:
        # Storm's readers take a comma too many, and some libraries write JSON by hand.
        mended = _TEXT_OR_LAST_COMMA.sub(lambda found: found[0] if found[0] != "," else "", content)
        if mended != content:
            objects, noise = _split_objects(mended)
    if noise:
        events.append(Noise(noise[:_NOISE_CHARS]))
    if len(objects) > 1:
        events.append(Oddity("two messages without a line 'end' between them; both were taken"))
    for body in objects:
        try:
            events.extend(_interpret(body))
        except RecursionError:
            events.append(Oddity("a message nested too deeply was passed over"))
    return events


def _split_objects(content: str) -> tuple[list[dict[str, Any]], str]:
    """Return the JSON objects of a block, and the text around them.

    A print in front of a message leaves lines before it (with or without a
    line end of its own), so every ``{"`` is a place where a message may begin.
    If many of them are none, the last line is the likeliest one left.
    """
    decoder = json.JSONDecoder(strict=False)
    objects: list[dict[str, Any]] = []
    noise: list[str] = []
    position = taken = failed_count = 0
    while (found := _OBJECT_START.search(content, position)) is not None:
        start = found.start()
        try:
            body, position = decoder.raw_decode(content, start)
        except (ValueError, RecursionError):
            position = start + 1
            failed_count += 1
            if failed_count == _TRIES:
                position = max(position, content.rfind("\n") + 1)
            elif failed_count == 2 * _TRIES:
                break
            continue
        if "command" in body or "pid" in body:
            noise.append(content[taken:start])
            objects.append(body)
            taken = position
    noise.append(content[taken:])
    return objects, "".join(noise).strip()


def _interpret(body: dict[str, Any]) -> list[Event]:
    command = body.get("command")
    match command:
        case None if "pid" in body:
            return [Ready(_integer(body["pid"]) or 0)]
        case None:
            return [Oddity(f"a message without a command was passed over: {_show(body)}")]
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
            return [Oddity(f"unknown command {_show(command)} was passed over")]


def _emit(body: dict[str, Any]) -> list[Event]:
    anchors = body.get("anchors")
    if not isinstance(anchors, list):
        anchors = [] if anchors is None else [anchors]
    known = [number for number in map(_integer, anchors) if number is not None]
    events: list[Event] = []
    values = body.get("tuple")
    if values is None:
        values = []
    if not isinstance(values, list):
        values = [values]
        events.append(_no_list(encode_json(values)))
    if len(known) < sum(anchor is not None for anchor in anchors):
        events.append(Oddity(f"anchors that are no tuple ids were dropped: {_show(anchors)}"))
    task = _integer(body.get("task"))
    if task is None and body.get("task") is not None:
        events.append(
            Oddity(f"task must be a number, not {_show(body.get('task'))}; the groupings chose instead")
        )
    stream = body.get("stream")
    message_id = body.get("id")
    events.append(
        Emit(
            values=msgspec.Raw(encode_json(values)),
            stream=_text(stream) if stream else DEFAULT_STREAM,
            anchors=known,
            message_id=msgspec.Raw(b"" if message_id is None else encode_json(message_id)),
            direct_task=task or 0,
            wants_task_ids=_is_wanted(body.get("need_task_ids")),
        )
    )
    return events


def _no_list(taken: bytes) -> Oddity:
    # It is delivered all the same: a child that waits for its task ids must not wait for ever.
    shown = taken[:_SHOWN_CHARS].decode("ascii")
    return Oddity(f"an emitted tuple must be a list of values; taken as one with a single value: {shown}")


def _is_wanted(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in ("false", "0", "")
    return value not in (False, 0)


def _integer(value: Any) -> int | None:
    """Return ints, floats without a fraction and numbers in strings as int; None for the rest."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _text(value: Any) -> str:
    """Return a value as text that every encoder takes: half characters, as in file names, become "?"."""
    if isinstance(value, str):
        return value.encode("utf-8", errors="replace").decode()
    return "" if value is None else encode_json(value).decode("ascii")


def _level(value: Any) -> int:
    if isinstance(value, str) and value.lower() in _LEVELS:
        return _LEVELS[value.lower()]
    number = _integer(value)
    return number if number is not None and 0 <= number <= 4 else 2


def _show(value: Any) -> str:
    return encode_json(value)[:_SHOWN_CHARS].decode("ascii")


def encode_json(value: Any) -> bytes:
    """Return any JSON value as ASCII text; ints exact, NaN and infinities as null."""
    # Children in JavaScript and Ruby cannot read NaN, so it becomes what Storm makes of it.
    return simplejson.dumps(value, separators=(",", ":"), ignore_nan=True).encode("ascii")


def looks_plain(data: bytes) -> bool:
    """Return whether no message in ``data`` needs `tidy`; may say no without need."""
    return data.isascii() and _ODD_TUPLE.search(data) is None


def tidy(event: Event) -> list[Event]:
    """Return an event with its values a list and all its JSON ASCII, as components can read it."""
    match event:
        case Metric(name=name, params=params):
            return [Metric(name, msgspec.Raw(_ascii(bytes(params))))]
        case Emit():
            values, message_id = _ascii(bytes(event.values)), _ascii(bytes(event.message_id))
        case _:
            return [event]
    events: list[Event] = []
    if values == b"null":
        values = b"[]"
    elif not values.startswith(b"["):
        values = b"[" + values + b"]"
        events.append(_no_list(values))
    events.append(
        msgspec.structs.replace(event, values=msgspec.Raw(values), message_id=msgspec.Raw(message_id))
    )
    return events


def _ascii(text: bytes) -> bytes:
    # JSON has characters beyond ASCII in strings only, so nothing needs to be parsed: numbers stay exact.
    if text.isascii():
        return text
    return _NON_ASCII.sub(lambda found: json.dumps(found.group())[1:-1], _characters(text)).encode("ascii")


def _characters(text: bytes) -> str:
    try:
        return text.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        return text.decode("utf-8", errors="replace")


def render_handshake(conf: Mapping[str, Any], pid_dir: str, context: Mapping[str, Any]) -> bytes:
    """Return the first message to any component."""
    return encode_json({"conf": conf, "pidDir": pid_dir, "context": context}) + END


def render_prefix(component: str, stream: str, task: int) -> bytes:
    """Return what stands before the id in a delivery from that task and stream."""
    return b'{"comp":%b,"stream":%b,"task":%d,"id":"' % (encode_json(component), encode_json(stream), task)


def split_deliveries(data: bytes) -> Iterator[tuple[str, str, int, int, bytes]]:
    """Yield (component, stream, task, id, values) of rendered deliveries, values byte for byte."""
    for text in data.split(END)[:-1]:
        # Neither can stand in a name, whose quotes are escaped.
        head, _, values = text.partition(MIDDLE)
        prefix, _, number = head.rpartition(b'"')
        source = json.loads(prefix + b'""}')
        yield source["comp"], source["stream"], source["task"], int(number), values[:-1]


def render_tick(delivery: int, frequency_s: int) -> bytes:
    """Return a tick tuple; children are expected to ack it."""
    return (
        b'{"comp":"__system","stream":"__tick","task":-1,"id":"%d","tuple":[%d]}'
        % (
            delivery,
            frequency_s,
        )
        + END
    )


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
