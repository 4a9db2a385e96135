"""`heronry logs`: what a topology writes, from the files on this machine.

The folder is the cluster's `storm.log.dir`; when no Nimbus answers, the one below the default root. Logs
outlive their topology: of one that is gone, the latest submission is shown.
"""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, nimbus_option

if TYPE_CHECKING:
    from storm_compat.cli.tail import Line

_POLL_S = 0.25
_MANY = 1_000_000
_HEAD_OF_TASK = r"\S+ \S+ \S+ {component}:\d+ "
"""How a line about a task begins in worker.log: date, time, label, component:task."""

_HEAD_OF_ANY_TASK = re.compile(_HEAD_OF_TASK.format(component=r"(\S+)"))


@click.command()
@click.argument("name", shell_complete=complete_topology)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option("-c", "--component", metavar="COMPONENT", help="Only lines about tasks of this component.")
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    metavar="N",
    help="How many lines to begin with.",
)
@nimbus_option
@json_option
@click.pass_context
def logs(
    context: click.Context,
    *,
    name: str,
    follow: bool,
    component: str | None,
    count: int,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Show what a topology logs on this machine."""
    from storm_compat.cli.output import print_json
    from storm_compat.cli.tail import LogFolder

    if follow and as_json:
        raise CommandError("--follow and --json exclude each other", code=ExitCode.USAGE)
    is_wanted = _filter(component)
    found, components = _find_folder(context, name, asks_components=component is not None)
    if component is not None and components:
        _check(component, f"topology {name!r} has no component named {component!r}", components)
    with LogFolder(found) as folder:
        # Lines of other components do not count, so all are read when one is asked for.
        everything = folder.last(count if component is None else _MANY)
        lines = list(filter(is_wanted, everything))
        if component is not None and not components and not lines:
            heads = [_HEAD_OF_ANY_TASK.match(line.text) for line in everything]
            named = sorted({head[1] for head in heads if head})
            _check(component, f"{found} has no line about a component named {component!r}", named)
        lines = lines[-count:] if count else []
        if as_json:
            print_json({"lines": [{"source": line.source, "text": line.text} for line in lines]})
            return
        _print(lines, is_prefixed=len(folder.sources) > 1)
        while follow and _is_still_read(_POLL_S):
            _print(filter(is_wanted, folder.new()), is_prefixed=len(folder.sources) > 1)


def _is_still_read(wait_s: float) -> bool:
    """Wait, and return whether somebody reads our stdout; `| grep -m1` stops when it has found its line."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # asks for nothing, so only a closed other end is told
    return not poll.poll(wait_s * 1000)


def _filter(component: str | None) -> Callable[[Line], bool]:
    """Return whether a line is about the component; one without a time goes with the line before it."""
    if component is None:
        return lambda _: True
    head = re.compile(_HEAD_OF_TASK.format(component=re.escape(component)))
    belongs: dict[str, bool] = {}

    def is_wanted(line: Line) -> bool:
        if line.time and line.text.startswith(line.time):
            belongs[line.source] = head.match(line.text) is not None
        return belongs.get(line.source, False)

    return is_wanted


def _print(lines: Iterable[Line], *, is_prefixed: bool) -> None:
    for line in lines:
        click.echo(f"{line.source}  {line.text}" if is_prefixed else line.text)


def _find_folder(context: click.Context, name: str, *, asks_components: bool) -> tuple[Path, list[str]]:
    """Return the folder with the logs of the topology, alive or the last one of that name.

    With it come, if asked for, the components of a topology that is alive; none if it is not.

    Raises:
        CommandError: NOT_FOUND; says where it was looked for.
    """
    from storm_compat.cli.connect import connect, nearest
    from storm_compat.cli.output import note
    from storm_compat.cli.settings import default_root

    log_dir = default_root() / "logs"
    alive = {}
    components: list[str] = []
    try:
        with connect(context, call_timeout_s=5.0) as client:
            log_dir = Path(str(client.conf().get("storm.log.dir") or log_dir))
            alive = {t.name: t.topology_id for t in client.cluster().topologies}
            if asks_components and name in alive:
                components = sorted(client.info(name).components())
    except CommandError as exc:
        note(f"{exc.message}; looking into {log_dir}")
    artifacts = log_dir / "workers-artifacts"
    if name in alive:
        if (folder := artifacts / alive[name]).is_dir():
            return folder, components
        raise CommandError(
            f"{name} has no logs in {artifacts}",
            code=ExitCode.NOT_FOUND,
            advice="Its containers run on other machines, or have not been started yet.",
        )
    if past := past_folders(artifacts).get(name):
        note(f"{name} is not alive; these are the logs of {past.name}")
        return past, []
    known = sorted({*alive, *past_folders(artifacts)})
    raise CommandError(
        f"no topology named {name!r} is alive or has left logs in {artifacts}",
        code=ExitCode.NOT_FOUND,
        advice=nearest(name, known),
    )


def _check(component: str, complaint: str, known: list[str]) -> None:
    """Raise CommandError, NOT_FOUND, if the component is not among those that are known."""
    from storm_compat.cli.connect import nearest

    if component not in known:
        advice = nearest(component, known) or f"It has: {', '.join(known) or 'none'}"
        raise CommandError(complaint, code=ExitCode.NOT_FOUND, advice=advice)


def past_folders(artifacts: Path) -> dict[str, Path]:
    """Return name -> folder of the latest topology of that name; folders are called NAME-COUNTER-EPOCH."""
    found: dict[str, tuple[int, int, Path]] = {}
    for folder in artifacts.glob("*-*-*"):
        name, counter, epoch = folder.name.rsplit("-", 2)
        if counter.isdigit() and epoch.isdigit():
            candidate = (int(epoch), int(counter), folder)
            found[name] = max(found.get(name, candidate), candidate)
    return {name: folder for name, (_, _, folder) in found.items()}
