"""`heronry kill`, `activate` and `deactivate`.

Nimbus carries a kill out later, after the spouts have rested for a while, and the name stays taken until
then. So `kill` waits for the end, unless it is told not to.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, nimbus_option

if TYPE_CHECKING:
    from storm_compat.client import NimbusClient

_MESSAGE_TIMEOUT_S = 30
"""Storm's default; a topology with a longer one needs a longer --timeout."""


@click.command()
@click.argument("name", shell_complete=complete_topology)
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(min=0),
    metavar="S",
    help="How long its spouts rest before it ends.  [default: its message timeout]",
)
@click.option("--now", is_flag=True, help="Same as --wait 0.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask; asked is only at a terminal.")
@click.option("--no-wait", is_flag=True, help="Return at once, not when it is gone.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="How long to wait for its end, besides --wait.",
)
@nimbus_option
@json_option
@click.pass_context
def kill(
    context: click.Context,
    *,
    name: str,
    wait_s: int | None,
    now: bool,
    yes: bool,
    no_wait: bool,
    timeout_s: float,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Kill a topology and wait until it is gone."""
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming

    if now and wait_s:
        raise CommandError("--now and --wait exclude each other", code=ExitCode.USAGE)
    rest_s = 0 if now else wait_s
    started_at = time.monotonic()
    with connect(context) as client, naming(client, name):
        info = client.info(name)
        if (
            not yes
            and sys.stdin.isatty()
            and not click.confirm(f"Kill {name} ({info.topology_id})?", err=True)
        ):
            raise CommandError(f"{name} was not killed")
        if no_wait:
            client.kill(name, rest_s)
        else:
            if rest_s != 0 and not as_json:
                output.note(_what_comes_first(rest_s))
            kill_and_wait(client, name, rest_s, timeout_s=timeout_s)
    if as_json:
        output.print_json({"name": name, "topology_id": info.topology_id, "is_gone": not no_wait})
    elif no_wait:
        click.echo(f"{name} is being killed")
    else:
        click.echo(f"{name} is gone, after {time.monotonic() - started_at:.1f} s")


def _what_comes_first(rest_s: int | None) -> str:
    if rest_s is not None:
        return f"Its spouts rest for {rest_s} s first"
    timeout = f"its message timeout ({_MESSAGE_TIMEOUT_S} s, unless it sets another)"
    return f"Its spouts rest for {timeout} first; --now skips that"


def kill_and_wait(client: NimbusClient, name: str, wait_s: int | None, *, timeout_s: float) -> None:
    """Kill a topology and return when its name is free again.

    Args:
        wait_s: how long its spouts rest first; None: for its message timeout.
        timeout_s: how long the end may take after that.

    Raises:
        CommandError: TIMED_OUT.
    """
    from storm_compat.cli.connect import wait_until

    client.kill(name, wait_s)
    rest_s = _MESSAGE_TIMEOUT_S if wait_s is None else wait_s

    def is_gone() -> bool | None:
        return True if all(t.name != name for t in client.cluster().topologies) else None

    wait_until(is_gone, timeout_s=rest_s + timeout_s, what=f"{name} is killed but not gone")


@click.command()
@click.argument("name", shell_complete=complete_topology)
@nimbus_option
@json_option
@click.pass_context
def activate(context: click.Context, *, name: str, nimbus: str | None, as_json: bool) -> None:
    """Let the spouts of a topology emit again."""
    _switch(context, name, active=True, as_json=as_json)


@click.command()
@click.argument("name", shell_complete=complete_topology)
@nimbus_option
@json_option
@click.pass_context
def deactivate(context: click.Context, *, name: str, nimbus: str | None, as_json: bool) -> None:
    """Make the spouts of a topology rest; its bolts finish what is on its way."""
    _switch(context, name, active=False, as_json=as_json)


def _switch(context: click.Context, name: str, *, active: bool, as_json: bool) -> None:
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming

    with connect(context) as client, naming(client, name):
        if active:
            client.activate(name)
        else:
            client.deactivate(name)
        status = client.info(name).status
    if as_json:
        output.print_json({"name": name, "status": status})
    else:
        click.echo(f"{name} is {output.status_text(status)}")
