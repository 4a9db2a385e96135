"""`heronry list`: one line per topology."""

from __future__ import annotations

import click

from storm_compat.cli.settings import json_option, nimbus_option


@click.command("list")
@nimbus_option
@json_option
@click.pass_context
def list_topologies(context: click.Context, *, nimbus: str | None, as_json: bool) -> None:
    """List the topologies of the cluster."""
    from storm_compat.cli.connect import connect
    from storm_compat.cli.output import print_json
    from storm_compat.cli.pages import topology_table

    with connect(context) as client:
        topologies = client.cluster().topologies
    if as_json:
        print_json({"topologies": topologies})
    elif not topologies:
        click.echo("No topologies running. Submit one with: heronry submit PATH")
    else:
        click.echo(topology_table(topologies))
