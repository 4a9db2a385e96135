"""`heronry status`: the cluster, or one topology with its components, containers and errors.

With --watch the page is shown again every few seconds, on a terminal in place.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, nimbus_option

if TYPE_CHECKING:
    from storm_compat.client import NimbusClient

_CLEAR = "\x1b[H\x1b[J"


class _Seconds(click.FloatRange):
    """What may follow --watch; its value is optional, so it also gets a name that was written behind it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; the error says where the name belongs."""
        try:
            return float(super().convert(value, param, ctx))
        except click.BadParameter:
            self.fail(f"{value!r} is no number of seconds; a name goes before --watch", param, ctx)


@click.command()
@click.argument("name", required=False, shell_complete=complete_topology)
@click.option(
    "-w",
    "--watch",
    "watch_s",
    type=_Seconds(min=0.1),
    is_flag=False,
    flag_value=2.0,
    metavar="[S]",
    help="Show it again every S seconds (2 if not said), until Ctrl-C.",
)
@click.option("--executors", is_flag=True, help="Also show where each executor runs.")
@nimbus_option
@json_option
@click.pass_context
def status(
    context: click.Context,
    *,
    name: str | None,
    watch_s: float | None,
    executors: bool,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Show the cluster, or the topology NAME with counts and errors."""
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect

    if watch_s is not None and as_json:
        raise CommandError("--watch and --json exclude each other", code=ExitCode.USAGE)
    with connect(context) as client:
        if as_json:
            output.print_json(_document(client, name))
            return
        while True:
            page = _page(client, name, has_executors=executors)
            if watch_s is None:
                click.echo(page)
                return
            click.echo(f"{_CLEAR if sys.stdout.isatty() else ''}{page}\n")
            time.sleep(watch_s)


def _page(client: NimbusClient, name: str | None, *, has_executors: bool) -> str:
    from storm_compat.cli.connect import naming
    from storm_compat.cli.pages import cluster_page, topology_page

    if name is None:
        return cluster_page(str(client.address), client.cluster())
    with naming(client, name):
        return topology_page(client.info(name), now_s=time.time(), has_executors=has_executors)


def _document(client: NimbusClient, name: str | None) -> object:
    from storm_compat.cli.connect import naming

    if name is None:
        return {"nimbus": str(client.address), "cluster": client.cluster()}
    with naming(client, name):
        return {"topology": client.info(name)}
