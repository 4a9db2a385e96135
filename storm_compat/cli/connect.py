"""From a command to Nimbus, and from what goes wrong there to what the user reads.

    with connect(context) as nimbus: ...

turns every `ClientError` into a `CommandError` with the exit code for it, and proposes the nearest names when
a topology is not alive.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import NIMBUS_VARIABLE, target
from storm_compat.client import (
    BlobExists,
    BlobNotFound,
    ClientError,
    NameTaken,
    NimbusAddress,
    NimbusClient,
    NimbusRefused,
    NimbusUnreachable,
    TopologyNotAlive,
)

POLL_S = 0.25

T = TypeVar("T")

_CODES: tuple[tuple[type[ClientError], ExitCode], ...] = (
    (NimbusUnreachable, ExitCode.UNREACHABLE),
    (TopologyNotAlive, ExitCode.NOT_FOUND),
    (BlobNotFound, ExitCode.NOT_FOUND),
    (NameTaken, ExitCode.EXISTS),
    (BlobExists, ExitCode.EXISTS),
    (NimbusRefused, ExitCode.REFUSED),
    (ClientError, ExitCode.FAILED),
)


@contextlib.contextmanager
def connect(context: click.Context, *, call_timeout_s: float = 30.0) -> Iterator[NimbusClient]:
    """Hold a connection to the cluster that the command means."""
    found = target(context)
    address = NimbusAddress(found.host, found.port)
    try:
        with NimbusClient(address, call_timeout_s=call_timeout_s) as nimbus:
            yield nimbus
    except NimbusUnreachable as exc:
        raise CommandError(
            f"{exc} (address from {found.source})",
            code=ExitCode.UNREACHABLE,
            advice="Start a cluster on this machine with: heronry dev\n"
            f"or name another one with --nimbus HOST:PORT or {NIMBUS_VARIABLE}.",
        ) from exc
    except ClientError as exc:
        raise CommandError(str(exc), code=code_of(exc)) from exc


def code_of(error: ClientError) -> ExitCode:
    """Return the exit code that stands for ``error``."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


@contextlib.contextmanager
def naming(nimbus: NimbusClient, name: str) -> Iterator[None]:
    """Say which topologies there are when ``name`` is none of them."""
    try:
        yield
    except TopologyNotAlive as exc:
        known = [t.name for t in nimbus.cluster().topologies]
        raise unknown_topology(name, known) from exc


def unknown_topology(name: str, known: list[str]) -> CommandError:
    """Return the error that proposes what the user may have meant."""
    advice = nearest(name, known)
    if not advice and known:
        shown = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
        advice = f"Alive are: {shown}"
    elif not known:
        advice = "No topology is alive. Submit one with: heronry submit PATH"
    return CommandError(f"no topology named {name!r} is alive", code=ExitCode.NOT_FOUND, advice=advice)


def nearest(word: str, known: list[str]) -> str:
    """Return a question that proposes the words most like ``word``; empty if none is."""
    import difflib

    lowered = {k.lower(): k for k in known}
    found = [lowered[m] for m in difflib.get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)]
    return f"Did you mean {' or '.join(found)}?" if found else ""


def wait_until(question: Callable[[], T | None], *, timeout_s: float, what: str) -> T:
    """Return the first answer that is not None; ask four times a second.

    Raises:
        CommandError: TIMED_OUT after ``timeout_s``; the text says which ``what`` did not come.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        if (answer := question()) is not None:
            return answer
        if time.monotonic() >= deadline:
            raise CommandError(f"{what}: not within {timeout_s:g} s", code=ExitCode.TIMED_OUT)
        time.sleep(POLL_S)
