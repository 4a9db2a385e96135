"""What must hold for whatever bytes a stranger sends: one function a promise, for hypothesis and for atheris.

    request    what the scan passes is decoded within bounds, lacks nothing, and survives a second round
    answer     every message is answered or refused; nothing fails inside
    bare       the end of a message without a frame does not depend on how its bytes come
    sign_in    nobody gets in by noise
    login      a login file is read or refused in our words
    java       a Java object or class is read or refused in our words, and tells texts alone
    spoken     what a component writes means the same in one piece and in many, and ends nothing
    packed     the same in MessagePack

A promise that is broken shows as an exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from multilang.errors import JavaStreamError, NotAShellComponent, RemoteProtocolError
from multilang.events import Emit, Event, Metric, Noise
from multilang.java_class import method_names
from multilang.java_object import read_shell
from multilang.java_stream import read
from multilang.serializer import Serializer
from multilang.session import Kind, ShellSession
from storm_compat.access.jaas import users
from storm_compat.errors import InvalidConf
from storm_compat.failures import misshapen
from storm_compat.groupings import NoGrouping, grouping
from storm_compat.thrift import idl
from storm_compat.thrift.calls import Calls
from storm_compat.thrift.check import check
from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.message_end import MessageEnd
from storm_compat.thrift.refusal import Refused
from storm_compat.thrift.sasl import Negotiation, Plain, Rejected
from storm_compat.thrift.shape_scan import ShapeError, scan_arguments
from storm_compat.thrift.wire_scan import ScanLimits, WireError, read_header, scan_message, scan_struct

LIMITS = ScanLimits()
MAX_CPU_S = 5.0
"""Generous, as machines are busy; what the scan is for takes minutes, or all memory."""

storm: Any = idl.load()
_loop = asyncio.new_event_loop()


def request(data: bytes) -> None:
    try:
        header = read_header(data)
    except WireError:
        return
    started = time.process_time()
    if header.name in storm.Nimbus.thrift_services:
        _known(data, header.name, header.body_offset)
    else:
        _unknown(data, header.body_offset)
    assert time.process_time() - started < MAX_CPU_S


def _known(data: bytes, method: str, offset: int) -> None:
    arguments = getattr(storm.Nimbus, f"{method}_args")()
    shape = idl.shape_of(type(arguments))
    try:
        scan_arguments(data, offset, shape, LIMITS)
    except (WireError, ShapeError):
        return
    scan_struct(data, offset)  # whatever passes the narrow scan passes the wide one
    try:
        decode(data[offset:], arguments)
    except (UnicodeDecodeError, TypeError):  # no text, or a map of what cannot be a key: answered as such
        return
    check(arguments, "call")
    again = type(arguments)()
    body = encode(arguments)
    scan_arguments(body, 0, shape, LIMITS)
    decode(body, again)
    assert encode(again) == body


def _unknown(data: bytes, offset: int) -> None:
    try:
        scan_struct(data, offset)
    except WireError:
        return
    buffer = TCyMemoryBuffer(data[offset:] + b"next")
    TCyBinaryProtocol(buffer).skip(12)
    assert buffer.getvalue() == b"next"


def decode(body: bytes, payload: Any) -> None:
    payload.read(TCyBinaryProtocol(TCyMemoryBuffer(body), strict_decode=True))


def encode(payload: Any) -> bytes:
    buffer = TCyMemoryBuffer()
    payload.write(TCyBinaryProtocol(buffer))
    return bytes(buffer.getvalue())


class _Anything:
    """A handler that has every method and answers nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class _Failures(logging.Handler):
    """Turns a logged traceback into a failure of the test."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            raise AssertionError(record.getMessage()) from record.exc_info[1]


_calls = Calls(storm.Nimbus, _Anything(), LIMITS, misshapen=misshapen)
_failures = _Failures(logging.ERROR)


def answer(data: bytes) -> None:
    logger = logging.getLogger("storm_compat.thrift.calls")
    logger.addHandler(_failures)
    level, logger.level = logger.level, logging.ERROR
    try:
        reply = _loop.run_until_complete(_calls.answer(data))
    except Refused as refusal:
        reply = refusal.reply
    finally:
        logger.removeHandler(_failures)
        logger.level = level
    if reply is not None:
        scan_message(reply)


def bare(data: bytes) -> None:
    if not data:
        return
    step, stream = data[0] % 16 + 1, data[1:]
    at_once = _end(stream, max(len(stream), 1))
    in_pieces = _end(stream, step)
    assert at_once == in_pieces
    if isinstance(at_once, int):
        assert at_once <= len(stream)
        try:
            scan_message(stream[:at_once])
        except WireError:
            return


def _end(stream: bytes, step: int) -> int | str | None:
    ending = MessageEnd(LIMITS, 100_000)
    try:
        for at in range(0, len(stream), step):
            if (found := ending.feed(stream[at : at + step])) is not None:
                return found
    except WireError:
        return "refused"
    return None


def sign_in(data: bytes) -> None:
    negotiation = Negotiation(
        {
            "PLAIN": lambda: Plain({"alice": "not to be guessed: 8f1c"}),
            "DIGEST-MD5": lambda: DigestMd5({"alice": "not to be guessed: 8f1c"}, nonce="n", decoy="d"),
        },
        lambda own, other: True,
    )
    try:
        while len(data) >= negotiation.wanted_bytes:
            part, data = data[: negotiation.wanted_bytes], data[negotiation.wanted_bytes :]
            negotiation.handle(part)
            assert 0 < negotiation.wanted_bytes <= 16 * 1024
    except Rejected as rejection:
        said = rejection.reply
    else:
        said = bytes(5)
    assert int.from_bytes(said[1:5]) == len(said) - 5
    assert negotiation.principal is None


def login(data: bytes) -> None:
    try:
        found = users(data.decode(errors="replace"))
    except InvalidConf:
        return
    assert all((*found, *found.values()))


def java(data: bytes) -> None:
    started = time.process_time()
    for reading in (_shell, read, _grouping, method_names):
        with contextlib.suppress(JavaStreamError, NotAShellComponent, NoGrouping):
            reading(data)
    assert time.process_time() - started < MAX_CPU_S


def _shell(data: bytes) -> None:
    found = read_shell(data)
    assert found.command
    for text in (*found.command, *found.environment, *found.environment.values(), *found.classes):
        assert isinstance(text, str)


def _grouping(data: bytes) -> None:
    found = grouping(storm.Grouping(custom_serialized=data), ["a", "b"])
    assert set(found.fields) <= {"a", "b"}


def spoken(data: bytes) -> None:
    _said(data, Serializer.JSON)


def packed(data: bytes) -> None:
    _said(data, Serializer.MSGPACK)


def _said(data: bytes, serializer: Serializer) -> None:
    if not data:
        return
    step, stream = data[0] % 16 + 1, data[1:]
    assert _events(stream, max(len(stream), 1), serializer) == _events(stream, step, serializer)


def _events(stream: bytes, step: int, serializer: Serializer) -> list[str]:
    """Return what a component's bytes mean; what is no MessagePack is told in pieces, as it comes."""
    session = ShellSession(Kind.BOLT, serializer)
    events: list[Event] = []
    try:
        for at in range(0, len(stream), step):
            events += session.receive(stream[at : at + step])
    except RemoteProtocolError:
        return []
    skipped = Noise if serializer is Serializer.MSGPACK else ()
    return [_meaning(event) for event in events if not isinstance(event, skipped)]


def _meaning(event: Event) -> str:
    if isinstance(event, Emit):
        values, message_id = bytes(event.values), bytes(event.message_id)
        assert isinstance(json.loads(values), list)
        assert (values + message_id).isascii()
        return f"{event.stream} {event.anchors} {event.direct_task} {values!r} {message_id!r}"
    if isinstance(event, Metric):
        return f"{event.name} {bytes(event.params)!r}"
    return repr(event)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "request": request,
    "answer": answer,
    "bare": bare,
    "sign_in": sign_in,
    "login": login,
    "java": java,
    "spoken": spoken,
    "packed": packed,
}
CORPUS_OF = {
    "request": "messages",
    "answer": "messages",
    "bare": "bare",
    "sign_in": "sign_in",
    "login": "login",
    "java": "java",
    "spoken": "spoken",
    "packed": "packed",
}
