"""One request into one reply, bytes to bytes: scan, decode, call the handler, encode.

    message -> scan -> decode -> handler's method -> result struct -> reply
                 |        |            |
                 +--------+------------+-> TApplicationException, or an exception that the interface declares

Knows a service and its handler, but no connection. What the methods mean is not known here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.thrift import TApplicationException, TException, TPayload
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.thrift import idl
from storm_compat.thrift.complaints import Complaints
from storm_compat.thrift.refusal import Refused
from storm_compat.thrift.shape_scan import ShapeError, scan_arguments
from storm_compat.thrift.wire_scan import (
    MessageHeader,
    MessageKind,
    ScanLimits,
    WireError,
    read_header,
)

logger = logging.getLogger(__name__)

# Scanning and decoding this much takes about 5 ms, as long as a loop should be blocked at most.
_DECODE_IN_THREAD_BYTES = 256 * 1024

_BinaryProtocol: Any = TCyBinaryProtocol  # has no annotations


class ThriftService(Protocol):
    """What thriftpy2 makes of a `service`: this list, and classes X_args and X_result for each X in it."""

    thrift_services: list[str]


class Calls:
    """Answers the calls of one service with the methods of one handler.

    Args:
        misshapen: from arguments that are not as the interface wants them to what the client is told; if the
            method does not declare that exception, or without this, it is a TApplicationException.
    """

    def __init__(
        self,
        service: ThriftService,
        handler: object,
        limits: ScanLimits,
        *,
        misshapen: Callable[[ShapeError], Exception] | None = None,
    ) -> None:
        self._service = service
        self._handler = handler
        self._limits = limits
        self._misshapen = misshapen
        self._complaints = Complaints()

    async def answer(self, message: bytes) -> bytes | None:
        """Return the reply, which may be an error; ``None`` if the client expects none.

        Raises:
            Refused: the message is malformed, so the client and we do not agree on where things begin.
        """
        try:
            header = read_header(message)
        except WireError as error:
            raise Refused(f"malformed message at {error}") from error
        logger.debug("%r called", header.name)
        try:
            arguments = await self._arguments(header, message)
            reply = _encode(header, MessageKind.REPLY, await self._result(header.name, arguments))
        except WireError as error:
            reason = f"malformed call of {header.name!r} at {error}"
            raise Refused(reason, protocol_error(header, reason)) from error
        except ShapeError as error:
            reply = self._refusal(header, error)
        except TApplicationException as error:
            reply = _encode(header, MessageKind.EXCEPTION, error)
        except Exception as error:
            error_id = secrets.token_hex(3).upper()
            logger.exception("%s failed, error id %s", header.name, error_id)
            text = f"Internal error processing {header.name}: {_brief(error)} (error id {error_id})"
            internal = TApplicationException(TApplicationException.INTERNAL_ERROR, text)
            reply = _encode(header, MessageKind.EXCEPTION, internal)
        return None if header.kind == MessageKind.ONEWAY else reply

    async def _arguments(self, header: MessageHeader, message: bytes) -> list[Any]:
        """Return the arguments in the order of the interface, ``None`` for unset ones.

        Raises:
            WireError, ShapeError: the scan says so; nothing has been decoded.
            TApplicationException: it is no call, the service has no such method, or a value does not decode.
        """
        if header.kind not in {MessageKind.CALL, MessageKind.ONEWAY}:
            text = f"expected a call, not {header.kind.name}"
            raise TApplicationException(TApplicationException.INVALID_MESSAGE_TYPE, text)
        if header.name not in self._service.thrift_services:
            text = f"Invalid method name: '{header.name}'"
            raise TApplicationException(TApplicationException.UNKNOWN_METHOD, text)
        arguments: TPayload = getattr(self._service, f"{header.name}_args")()
        shape = idl.shape_of(type(arguments))

        def read() -> None:
            scan_arguments(message, header.body_offset, shape, self._limits)
            _decode(arguments, message)

        try:
            if len(message) > _DECODE_IN_THREAD_BYTES:
                await asyncio.to_thread(read)
            else:
                read()
        except (ValueError, TypeError, RecursionError) as error:
            text = f"cannot decode the arguments of {header.name}: {_brief(error)}"
            raise TApplicationException(TApplicationException.PROTOCOL_ERROR, text) from error
        return [getattr(arguments, spec[1]) for spec in arguments.thrift_spec.values()]

    async def _result(self, name: str, arguments: list[Any]) -> TPayload:
        """Return the result struct; an exception that the interface declares becomes its field."""
        method = getattr(self._handler, name, None)
        if method is None:
            text = f"{name} is not supported yet by Heronry"
            raise TApplicationException(TApplicationException.UNKNOWN_METHOD, text)
        try:
            value = method(*arguments)
            if inspect.isawaitable(value):
                value = await _finished(value)
        except Exception as error:
            if (declared := self._declared(name, error)) is not None:
                return declared
            if isinstance(error, TApplicationException) or not isinstance(error, TException):
                raise
            # One of the interface's that this method does not declare: Storm's clients see an internal error,
            # but there is nothing wrong here.
            text = f"Internal error processing {name}: {getattr(error, 'msg', error)}"
            raise TApplicationException(TApplicationException.INTERNAL_ERROR, text) from error
        result: TPayload = getattr(self._service, f"{name}_result")()
        if (success := result.thrift_spec.get(0)) is not None:
            setattr(result, success[1], value)
        return result

    def _declared(self, name: str, error: Exception) -> TPayload | None:
        """Return the result that carries ``error``; None if the method does not declare it."""
        result: TPayload = getattr(self._service, f"{name}_result")()
        for _code, field_name, *detail, _ in result.thrift_spec.values():
            if field_name != "success" and isinstance(error, detail[0]):
                setattr(result, field_name, error)
                return result
        return None

    def _refusal(self, header: MessageHeader, error: ShapeError) -> bytes:
        """Return the reply to arguments that are not as the interface wants them; the connection goes on."""
        if (more := self._complaints.count(time.monotonic())) is not None:
            logger.warning("refused a call: method=%s reason=%s%s", header.name, error, more)
        if self._misshapen is not None:
            declared = self._declared(header.name, self._misshapen(error))
            if declared is not None:
                return _encode(header, MessageKind.REPLY, declared)
        return protocol_error(header, f"{header.name}: {error}")


async def _finished(pending: Awaitable[object]) -> object:
    """Return what a handler returns. If something it waits for is cancelled, that is an error, no `_cut`."""
    try:
        return await pending
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("what it waited for was cancelled") from error


def _decode(arguments: TPayload, message: bytes) -> None:
    """Fill in ``arguments`` from a message that has been scanned."""
    protocol = _BinaryProtocol(TCyMemoryBuffer(message), strict_read=False, strict_decode=True)
    protocol.read_message_begin()
    arguments.read(protocol)


def _encode(header: MessageHeader, kind: MessageKind, payload: TPayload) -> bytes:
    """Return a reply to ``header``, strict as Storm's servers reply, whatever the request was."""
    buffer = TCyMemoryBuffer()
    protocol = _BinaryProtocol(buffer)
    protocol.write_message_begin(header.name, kind, header.seqid)
    payload.write(protocol)
    encoded: bytes = buffer.getvalue()
    return encoded


def protocol_error(header: MessageHeader, text: str) -> bytes:
    error = TApplicationException(TApplicationException.PROTOCOL_ERROR, text)
    return _encode(header, MessageKind.EXCEPTION, error)


def _brief(error: Exception) -> str:
    """Return the kind of an exception and the beginning of its text, on one line."""
    text = " ".join(str(error).split()).encode(errors="replace").decode()  # half characters cannot be sent
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
