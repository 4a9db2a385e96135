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
from storm_compat.cli.sign_in import chosen, way_of
from storm_compat.client import (
    BlobExists,
    BlobNotFound,
    ClientError,
    NameTaken,
    NimbusAddress,
    NimbusClient,
    NimbusRefused,
    NimbusUnreachable,
    NotLetIn,
    TopologyNotAlive,
)
from storm_compat.client_ways import Obstacle

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


_START = (
    "Start a cluster on this machine with: heronry dev\n"
    f"or name another one with --nimbus HOST:PORT or {NIMBUS_VARIABLE}."
)
_LOGIN = "--login FILE (HERONRY_LOGIN), a JAAS file with the section StormClient"
_NO_LOGIN = "leave --login away (unset HERONRY_LOGIN)"
_NO_TLS = "leave --tls-ca, --tls-cert and --tls-key away (unset HERONRY_TLS_CA and the like)"
_ADVICE = {
    Obstacle.WRONG_PASSWORD: "Check username and password in the section StormClient of the login file. "
    "Nimbus does not tell a wrong name from a wrong password.",
    Obstacle.OTHER_MECHANISM: "Choose another with --mechanism (HERONRY_MECHANISM), or another port.",
    Obstacle.IMPOSTOR: "Look who listens there.",
    Obstacle.SIGN_IN_WANTED: f"Sign in with {_LOGIN};\nor name a port that asks nobody with --nimbus.",
    Obstacle.SIGN_IN_UNKNOWN: f"For this port, {_NO_LOGIN};\nor name the port to sign in at with --nimbus.",
    Obstacle.TLS_WANTED: "Name whose certificates to believe with --tls-ca FILE (HERONRY_TLS_CA).",
    Obstacle.TLS_UNKNOWN: f"For this port, {_NO_TLS};\nor name the port for TLS with --nimbus.",
    Obstacle.CERTIFICATE_WANTED: "Show one with --tls-cert FILE and --tls-key FILE "
    "(HERONRY_TLS_CERT, HERONRY_TLS_KEY).",
    Obstacle.CERTIFICATE_REFUSED: "It must be signed by whom that Nimbus believes, "
    "nimbus.thrift.tls.server.truststore.path, and still be good.",
    Obstacle.NOT_TRUSTED: "Name the authority that signed it, or the certificate itself, with --tls-ca FILE "
    "(HERONRY_TLS_CA);\nbut ask whoever runs that Nimbus for it, and do not take it from the connection.",
    Obstacle.OTHER_NAME: "Use the name in the certificate with --nimbus NAME:PORT, "
    "or have one made for the name that you use.",
    Obstacle.BAD_CERTIFICATE: "That Nimbus needs another one: nimbus.thrift.tls.server.keystore.path.",
    Obstacle.CLOSED: "Perhaps the port wants another way in, --login FILE, --tls-ca FILE or neither; "
    "or it is not one of Nimbus.",
    Obstacle.OTHER_SERVER: "Name the port of Nimbus' Thrift server with --nimbus; 6627 is the usual one.",
}


@contextlib.contextmanager
def connect(context: click.Context, *, call_timeout_s: float = 30.0) -> Iterator[NimbusClient]:
    """Hold a connection to the cluster that the command means."""
    client = client_for(context, call_timeout_s=call_timeout_s)
    try:
        with client as nimbus:
            yield nimbus
    except (NimbusUnreachable, NotLetIn) as exc:
        raise CommandError(
            f"{exc} (address from {target(context).source})", code=code_of(exc), advice=_advice(exc.obstacle)
        ) from exc
    except ClientError as exc:
        raise CommandError(str(exc), code=code_of(exc)) from exc


def client_for(
    context: click.Context, *, connect_timeout_s: float = 3.0, call_timeout_s: float = 30.0
) -> NimbusClient:
    """Return a client of the cluster that the command means, which will sign in as the command says."""
    found = target(context)
    way = way_of(chosen(context))
    return NimbusClient(
        NimbusAddress(found.host, found.port),
        way,
        connect_timeout_s=connect_timeout_s,
        call_timeout_s=call_timeout_s,
    )


def code_of(error: ClientError) -> ExitCode:
    """Return the exit code that stands for ``error``."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def _advice(obstacle: Obstacle | None) -> str:
    return _START if obstacle is None else _ADVICE[obstacle]


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
