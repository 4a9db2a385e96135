"""Who makes the call that is being answered.

    server     with calling(caller): ... the handler's method
    handler    current().principal

The server knows it from the connection; everybody below the handler may ask, also after an ``await`` and in
threads of `asyncio.to_thread`. Whether a caller may do something is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Transport: TypeAlias = Literal["plain", "plain-sasl", "digest", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One client of Nimbus, for the length of its connection."""

    principal: str | None = None
    """The name it proved, or that somebody it proved to be may act for; None if nobody asked."""

    transport: Transport = "plain"
    """How the name was proved; on "plain" it never is, on "plain-sasl" it is only said."""

    peer: str = ""
    """HOST:PORT, for people and logs; empty for a caller inside this process."""


NOBODY: Final = Caller()
"""Nimbus itself: what is done outside of any call."""

_current: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


def current() -> Caller:
    """Return whose call is being answered; `NOBODY` outside of calls."""
    return _current.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Make ``caller`` the current one for the body, and for the tasks that it starts."""
    token = _current.set(caller)
    try:
        yield
    finally:
        _current.reset(token)
