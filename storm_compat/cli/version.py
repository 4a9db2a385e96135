"""`heronry version`: what is installed here, and what the cluster says it is."""

from __future__ import annotations

import click

from storm_compat.cli.settings import json_option, nimbus_option


@click.command()
@nimbus_option
@json_option
@click.pass_context
def version(context: click.Context, *, nimbus: str | None, as_json: bool) -> None:
    """Show the versions of heronry and of the cluster.

    Nimbus names the version of Storm that it behaves like. A cluster that does not answer is no failure.
    """
    import platform
    from importlib import metadata

    from scheduler.stream import is_compiled
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect
    from storm_compat.cli.exit_codes import CommandError

    try:
        own = metadata.version("heronry")
    except metadata.PackageNotFoundError:
        own = "unknown: not installed"
    try:
        with connect(context, call_timeout_s=3.0) as client:
            cluster = {"address": str(client.address), "storm_version": client.cluster().version}
    except CommandError as exc:
        cluster, silence = None, exc.message
    else:
        silence = ""
    if as_json:
        about = {"heronry": own, "python": platform.python_version(), "is_compiled": is_compiled()}
        output.print_json({**about, "nimbus": cluster})
        return
    engine = "compiled" if is_compiled() else "interpreted"
    click.echo(f"heronry {own} (Python {platform.python_version()}, engine {engine})")
    if cluster is None:
        click.echo(silence)
    else:
        click.echo(f"Nimbus at {cluster['address']} behaves like Storm {cluster['storm_version']}")
