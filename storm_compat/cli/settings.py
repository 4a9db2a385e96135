"""Which cluster a command means: options, then the environment, then what runs on this machine.

    --nimbus HOST:PORT
    HERONRY_NIMBUS
    ready.json below the root of `heronry dev`, if that one is alive; its port for a login or TLS, if chosen
    127.0.0.1:6627

The root of `heronry dev` is --root, else HERONRY_ROOT, else $XDG_STATE_HOME/heronry, else
~/.local/state/heronry: where the desktop conventions keep data that outlives a restart. It does not depend
on the folder a command is run in, so a cluster that was started in one terminal is found from any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from storm_compat.cli import sign_in
from storm_compat.cli.exit_codes import CommandError, ExitCode

ROOT_VARIABLE = "HERONRY_ROOT"
NIMBUS_VARIABLE = "HERONRY_NIMBUS"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 6627

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """Where Nimbus should answer, and who says so."""

    host: str
    port: int
    source: str


@dataclass(frozen=True, slots=True)
class Ready:
    """What a running `heronry dev` wrote about itself."""

    host: str
    port: int
    pid: int
    others: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Transport -> address of the other ways in."""


def default_root() -> Path:
    """Return the root folder of `heronry dev` when none is named."""
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named).expanduser().absolute()
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "heronry"


def read_ready(root: Path) -> Ready | None:
    """Return what the cluster on ``root`` says of itself, or None if none lives there."""
    try:
        document = json.loads((root / "ready.json").read_text(encoding="utf-8"))
        host, port = split_address(document["nimbus"])
        others = {name: split_address(text) for name, text in (document.get("others") or {}).items()}
        ready = Ready(host, port, int(document["pid"]), others)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return ready if is_alive(ready.pid) else None


def is_alive(pid: int) -> bool:
    """Return whether a process of that id exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def split_address(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int]:
    """Return host and port of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises:
        ValueError: it is none of these.
    """
    host, separator, port = text.strip().rpartition(":")
    if not separator:
        host, port = text.strip(), str(default_port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or "/" in host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def target(context: click.Context) -> Target:
    """Return where Nimbus should answer for this command."""
    own = context.params.get("nimbus")
    common = context.find_root().params.get("nimbus")
    if text := own or common:
        source = "--nimbus"
    elif text := os.environ.get(NIMBUS_VARIABLE, ""):
        source = NIMBUS_VARIABLE
    else:
        root = default_root()
        if ready := read_ready(root):
            own = ready.host, ready.port
            host, port = ready.others.get(sign_in.chosen(context).transport, own)
            return Target(host, port, str(root / "ready.json"))
        return Target(DEFAULT_HOST, DEFAULT_PORT, "the default")
    try:
        return Target(*split_address(text), source)
    except ValueError as exc:
        raise CommandError(f"{exc} (from {source})", code=ExitCode.USAGE) from exc


def nimbus_option(command: Command) -> Command:
    """Add ``--nimbus`` to a command, and how to sign in, hidden; both may also stand before its name."""
    return _nimbus(sign_in.sign_in_options(command, is_hidden=True), "; heronry --help: how to sign in")


def group_options(command: Command) -> Command:
    """Add ``--nimbus`` and how to sign in to the group of all commands."""
    return _nimbus(sign_in.sign_in_options(command, is_hidden=False))


def _nimbus(command: Command, more: str = "") -> Command:
    return click.option(
        "--nimbus", metavar="HOST:PORT", help=f"Where Nimbus answers{more}.  [env: {NIMBUS_VARIABLE}]"
    )(command)


def json_option(command: Command) -> Command:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(command)


def key_value(option: str, text: str, *, is_secret: bool = False) -> tuple[str, str]:
    """Return both sides of a KEY=VALUE.

    Raises:
        CommandError: it has no key, or no "="; a secret is not shown.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        shown = option if is_secret else f"{option} {text}"
        raise CommandError(f"{shown}: it must be KEY=VALUE", code=ExitCode.USAGE)
    return key.strip(), value
