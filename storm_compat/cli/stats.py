"""`heronry stats` and `heronry errors`: what was counted, by Storm's windows of time, and what went wrong."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, nimbus_option

if TYPE_CHECKING:
    from storm_compat.client import NimbusClient
    from storm_compat.page_values import ComponentPage

_WINDOWS = {"10m": "600", "3h": "10800", "1d": "86400", "all": ":all-time"}


@click.command()
@click.argument("name", required=False, shell_complete=complete_topology)
@click.option("-c", "--component", metavar="COMPONENT", help="Only this one, by stream and executor.")
@click.option(
    "--window",
    type=click.Choice([*_WINDOWS]),
    default="all",
    show_default=True,
    help="What the counts of components, streams and executors are about.",
)
@click.option("--sys", "is_include_sys", is_flag=True, help="Also components and streams of the system.")
@nimbus_option
@json_option
@click.pass_context
def stats(
    context: click.Context,
    *,
    name: str | None,
    component: str | None,
    window: str,
    is_include_sys: bool,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Show counts and latencies of all topologies, of NAME, or of one of its components."""
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming

    if component is not None and name is None:
        raise CommandError("--component needs the NAME of a topology", code=ExitCode.USAGE)
    with connect(context) as client:
        if name is None:
            document, text = _of_cluster(client, _WINDOWS[window], is_include_sys=is_include_sys)
        else:
            with naming(client, name):
                of = _of_topology if component is None else partial(_of_component, component=component)
                document, text = of(client, name, _WINDOWS[window], is_include_sys=is_include_sys)
    if as_json:
        output.print_json(document)
    else:
        click.echo(text)


@click.command()
@click.argument("name", shell_complete=complete_topology)
@click.option("-c", "--component", metavar="COMPONENT", help="Only those of this one.")
@click.option("--all", "is_each", is_flag=True, help="Each on its own, also when the same came again.")
@nimbus_option
@json_option
@click.pass_context
def errors(
    context: click.Context,
    *,
    name: str,
    component: str | None,
    is_each: bool,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Show the errors of the topology NAME, newest first."""
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming
    from storm_compat.cli.pages import by_kind, error_text

    with connect(context) as client, naming(client, name):
        if component is None:
            found = client.info(name).errors
        else:
            found = _component_page(client, name, component, _WINDOWS["all"], is_include_sys=True).errors
    if as_json:
        output.print_json({"errors": found})
    elif not found:
        click.echo("No errors.")
    else:
        groups = [(error, 1) for error in found] if is_each else by_kind(found)
        now_s = time.time()
        click.echo("\n".join(error_text(error, count, now_s=now_s) for error, count in groups))


def _of_cluster(client: NimbusClient, window: str, *, is_include_sys: bool) -> tuple[object, str]:
    from storm_compat.cli.stats_pages import cluster_stats
    from storm_compat.client import TopologyNotAlive

    pages = []
    for topology in client.cluster().topologies:
        with suppress(TopologyNotAlive):  # gone since the list
            pages.append(client.topology_page(topology.name, window, is_include_sys=is_include_sys))
    text = "No topologies running. Submit one with: heronry submit PATH"
    return {"topologies": pages}, cluster_stats(pages, window) if pages else text


def _of_topology(client: NimbusClient, name: str, window: str, *, is_include_sys: bool) -> tuple[object, str]:
    from storm_compat.cli.stats_pages import topology_stats

    page = client.topology_page(name, window, is_include_sys=is_include_sys)
    return {"topology": page}, topology_stats(page)


def _of_component(
    client: NimbusClient, name: str, window: str, *, component: str, is_include_sys: bool
) -> tuple[object, str]:
    from storm_compat.cli.stats_pages import component_stats

    page = _component_page(client, name, component, window, is_include_sys=is_include_sys)
    return {"component": page}, component_stats(page)


def _component_page(
    client: NimbusClient, name: str, component: str, window: str, *, is_include_sys: bool
) -> ComponentPage:
    """Return the page of a component; an unknown one is met with the nearest names."""
    from storm_compat.cli.connect import nearest
    from storm_compat.client import NimbusFailed

    try:
        return client.component_page(name, component, window, is_include_sys=is_include_sys)
    except NimbusFailed:
        known = [row.component for row in client.topology_page(name, window, is_include_sys=True).components]
        if component in known:
            raise
        advice = nearest(component, known) or f"It has: {', '.join(known)}"
        raise CommandError(
            f"topology {name!r} has no component named {component!r}", code=ExitCode.NOT_FOUND, advice=advice
        ) from None
