"""`heronry config show`: the values that hold, and who set them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, nimbus_option

if TYPE_CHECKING:
    from storm_compat.client import NimbusClient
    from storm_compat.conf_sources import Setting


@click.group()
def config() -> None:
    """Show configurations."""


@config.command()
@click.argument("name", required=False, shell_complete=complete_topology)
@click.option("-c", "--component", metavar="COMPONENT", help="What holds for this component of NAME.")
@click.option("--changed", is_flag=True, help="Leave out what is Storm's default.")
@nimbus_option
@json_option
@click.pass_context
def show(
    context: click.Context,
    *,
    name: str | None,
    component: str | None,
    changed: bool,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Show the configuration of the cluster, or the one that holds for the topology NAME.

    SOURCE says who set a value: default (Storm's), cluster (nimbus or its storm.yaml), topology (the
    submission), nimbus (at the submission) or component.
    """
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming
    from storm_compat.conf_sources import Source, of_cluster

    if component is not None and name is None:
        raise CommandError("--component needs the NAME of a topology", code=ExitCode.USAGE)
    with connect(context) as client:
        if name is None:
            settings = of_cluster(client.conf())
        else:
            with naming(client, name):
                settings = _of_topology(client, name, component)
    if changed:
        settings = [setting for setting in settings if setting.source is not Source.DEFAULT]
    if as_json:
        output.print_json({"settings": settings})
    else:
        rows = [(setting.key, _shown(setting.value), setting.source) for setting in settings]
        click.echo(output.table(("KEY", "VALUE", "SOURCE"), rows))


def _of_topology(client: NimbusClient, name: str, component: str | None) -> list[Setting]:
    from storm_compat.cli.connect import nearest
    from storm_compat.cli.output import note
    from storm_compat.conf_sources import ignored, of_topology

    cluster, stored = client.conf(), client.topology_conf(name)
    if component is None:
        return of_topology(cluster, stored)
    components = client.component_confs(name)
    if component not in components:
        raise CommandError(
            f"{name} has no component {component!r}",
            code=ExitCode.NOT_FOUND,
            advice=nearest(component, [*components]) or f"It has: {', '.join(sorted(components))}",
        )
    own = components[component]
    if in_vain := ignored(own):
        note(f"{component} sets these for itself, but they count only for a topology: {', '.join(in_vain)}")
    return of_topology(cluster, stored, own)


def _shown(value: Any) -> str:
    """Return a value on one line, text as it is unless there is nothing of it."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
