"""`heronry log-level` and `heronry credentials`: what is changed while a topology runs, and moves nothing."""

from __future__ import annotations

import time
from pathlib import Path

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, key_value, nimbus_option

_LEVELS = ("ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF")


@click.command("log-level")
@click.argument("name", shell_complete=complete_topology)
@click.option(
    "-l",
    "--level",
    "levels",
    multiple=True,
    metavar="LOGGER=LEVEL[:S]",
    help="Set a level, for S seconds or for good; repeatable.",
)
@click.option("-r", "--remove", "removed", multiple=True, metavar="LOGGER", help="Take a level back.")
@nimbus_option
@json_option
@click.pass_context
def log_level(
    context: click.Context,
    *,
    name: str,
    levels: tuple[str, ...],
    removed: tuple[str, ...],
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Show or set the log levels of a topology.

    LOGGER is ROOT, the id of a component, or a logger of Heronry's such as scheduler.stream. ROOT and a
    component's id decide which lines of components are written; who starts later is told the level as well.
    """
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming

    wanted = dict(_parse_level(text) for text in levels)
    if both := wanted.keys() & {*removed}:
        raise CommandError(f"-l and -r exclude each other: {', '.join(sorted(both))}", code=ExitCode.USAGE)
    with connect(context) as client, naming(client, name):
        if wanted or removed:
            client.running.change_log_levels(name, wanted, removed)
        found = client.running.log_levels(name)
    if as_json:
        output.print_json(found)
    elif not found:
        click.echo(f"No log level of {name} was set")
    else:
        now = time.time()
        rows = [
            (logger, level.level, None if level.until_s is None else f"{max(level.until_s - now, 0):.0f} s")
            for logger, level in found.items()
        ]
        click.echo(output.table(("LOGGER", "LEVEL", "STILL"), rows))


@click.command()
@click.argument("name", shell_complete=complete_topology)
@click.argument("pairs", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read KEY=VALUE lines from a file; what is not to be seen in a list of processes belongs there.",
)
@nimbus_option
@json_option
@click.pass_context
def credentials(
    context: click.Context,
    *,
    name: str,
    pairs: tuple[str, ...],
    file: Path | None,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Upload credentials for a topology, over those that it has; they are never shown again."""
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming

    lines = _lines(file) if file else []
    found = dict(key_value("credentials", text, is_secret=True) for text in (*lines, *pairs))
    if not found:
        raise CommandError("no credentials: name some as KEY=VALUE, or a file with -f", code=ExitCode.USAGE)
    with connect(context) as client, naming(client, name):
        client.running.add_credentials(name, found)
    if as_json:
        output.print_json({"name": name, "keys": sorted(found)})
    else:
        click.echo(f"{name} has new credentials: {', '.join(sorted(found))}")


def _lines(file: Path) -> list[str]:
    """Return the lines of a file but for empty ones and comments.

    Raises:
        CommandError: one has no "="; its text is not shown, as it may be a secret.
    """
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if "=" not in text:
            raise CommandError(f"{file}, line {number}: it must be KEY=VALUE", code=ExitCode.USAGE)
        found.append(text)
    return found


def _parse_level(text: str) -> tuple[str, tuple[str, int]]:
    logger, equals, rest = text.partition("=")
    level, _, timeout = rest.partition(":")
    if not equals or not logger or level.upper() not in _LEVELS or not (timeout or "0").isdecimal():
        raise CommandError(
            f"-l {text}: it must be LOGGER=LEVEL or LOGGER=LEVEL:SECONDS",
            code=ExitCode.USAGE,
            advice=f"Levels are {', '.join(_LEVELS)}; the logger of everything is ROOT.",
        )
    return logger, (level.upper(), int(timeout or 0))
