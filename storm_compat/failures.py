"""From our errors to the exceptions that Thrift clients know; the only place that does this.

    AlreadyAlive                    AlreadyAliveException
    NotAlive                        NotAliveException
    InvalidTopology, TopologyError  InvalidTopologyException
    KeyNotFound, KeyExists          KeyNotFoundException, KeyAlreadyExistsException
    BlobInUse                       IllegalStateException
    NotAuthorized                   AuthorizationException
    ShapeError                      InvalidTopologyException where the method declares it
    other errors of ours            TApplicationException 6 with their text
    all else                        left to the server, which logs it and says "Internal error"

Storm knows no exception for an event that a status does not allow, nor for
an upload that timed out; its clients see an internal error there, too.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from thriftpy2.thrift import TApplicationException

from scheduler.errors import SchedulerError, TopologyError
from storm_compat.errors import (
    AlreadyAlive,
    BlobInUse,
    CompatError,
    InvalidTopology,
    KeyExists,
    KeyNotFound,
    NotAlive,
    NotAuthorized,
)
from storm_compat.thrift import idl
from storm_compat.thrift.shape_scan import ShapeError

C = TypeVar("C")


@contextmanager
def as_thrift() -> Iterator[None]:
    """Translate on the way out; the cause stays attached for our own log."""
    storm = idl.load()
    try:
        yield
    except AlreadyAlive as exc:
        raise storm.AlreadyAliveException(msg=_text(exc)) from exc
    except NotAlive as exc:
        raise storm.NotAliveException(msg=_text(exc)) from exc
    except (InvalidTopology, TopologyError) as exc:
        raise storm.InvalidTopologyException(msg=_text(exc)) from exc
    except KeyNotFound as exc:
        raise storm.KeyNotFoundException(msg=_text(exc)) from exc
    except KeyExists as exc:
        raise storm.KeyAlreadyExistsException(msg=_text(exc)) from exc
    except BlobInUse as exc:
        raise storm.IllegalStateException(msg=_text(exc)) from exc
    except NotAuthorized as exc:
        raise storm.AuthorizationException(msg=_text(exc)) from exc
    except (CompatError, SchedulerError) as exc:
        raise TApplicationException(TApplicationException.INTERNAL_ERROR, _text(exc)) from exc


def _text(exc: Exception) -> str:
    """Return what an error says, fit for the wire: JSON can bring in half characters, which UTF-8 has not."""
    return str(exc).encode(errors="replace").decode()


def misshapen(error: ShapeError) -> Exception:
    """Return what a client is told whose arguments are not as the interface wants them."""
    invalid: Exception = idl.load().InvalidTopologyException(msg=str(error))
    return invalid


def translating(handler: type[C]) -> type[C]:
    """Class decorator: every public method raises what `as_thrift` makes of its errors."""
    for name, method in vars(handler).copy().items():
        if not name.startswith("_") and inspect.isfunction(method):
            setattr(handler, name, _translated(method))
    return handler


def _translated(method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def call_async(*args: Any) -> Any:
            with as_thrift():
                return await method(*args)

        return call_async

    @functools.wraps(method)
    def call(*args: Any) -> Any:
        with as_thrift():
            return method(*args)

    return call
