"""`heronry rebalance`: place the tasks of a running topology anew, or show what that would move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from storm_compat.cli.completion import complete_topology
from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, key_value, nimbus_option

if TYPE_CHECKING:
    from storm_compat.client import NimbusClient
    from storm_compat.client_running import RebalanceOrder

_MESSAGE_TIMEOUT_S = 30


@click.command()
@click.argument("name", shell_complete=complete_topology)
@click.option("-n", "--workers", type=click.IntRange(min=1), metavar="N", help="How many containers.")
@click.option(
    "-e",
    "--executors",
    multiple=True,
    metavar="COMPONENT=N",
    help="How many executors a component is shown with, at most its tasks; repeatable.",
)
@click.option(
    "-w",
    "--wait",
    "wait_s",
    type=click.IntRange(min=0),
    metavar="S",
    help="How long its spouts rest before.  [default: its message timeout]",
)
@click.option("--conf", "confs", multiple=True, metavar="KEY=VALUE", help="Topology option; repeatable.")
@click.option("--dry-run", is_flag=True, help="Only show what would move; nothing is changed.")
@click.option("--no-wait", is_flag=True, help="Return at once, not when it is carried out.")
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
def rebalance(
    context: click.Context,
    *,
    name: str,
    workers: int | None,
    executors: tuple[str, ...],
    wait_s: int | None,
    confs: tuple[str, ...],
    dry_run: bool,
    no_wait: bool,
    timeout_s: float,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Place the tasks of a topology anew; only those that move are started again.

    A new value of --conf starts every component again that is told of it.
    """
    from storm_compat.cli import output
    from storm_compat.cli.connect import connect, naming, wait_until
    from storm_compat.cli.project import option_value
    from storm_compat.client_running import RebalanceOrder

    conf = {key: option_value(value) for key, value in (key_value("--conf", text) for text in confs)}
    order = RebalanceOrder(wait_s, workers, dict(map(_executors, executors)), conf)
    with connect(context) as client, naming(client, name):
        if dry_run:
            plan = _plan(client, name, order)
            if as_json:
                output.print_json(plan)
            else:
                click.echo(page(name, plan))
            return
        client.running.rebalance(name, order)
        if not no_wait:
            rest_s = _MESSAGE_TIMEOUT_S if wait_s is None else wait_s
            if rest_s and not as_json:
                output.note(f"Its spouts rest for {wait_s} s first" if wait_s else "Its spouts rest first")
            wait_until(
                lambda: None if client.info(name).status == "REBALANCING" else True,
                timeout_s=rest_s + timeout_s,
                what=f"{name} is being rebalanced",
            )
        status = client.info(name).status
    if as_json:
        output.print_json({"name": name, "status": status})
    else:
        click.echo(f"{name} is {output.status_text(status)}")


def page(name: str, plan: Mapping[str, Any]) -> str:
    """Return what a rebalance would do, for a person."""
    from storm_compat.cli.output import table

    blocks = []
    rows: list[tuple[object, ...]]
    if plan["moves"]:
        rows = [(m["task"], m["component"], m["from"], m["to"]) for m in plan["moves"]]
        blocks.append(table(("TASK", "COMPONENT", "FROM", "TO"), rows, right=(0, 2, 3)))
    sizes = sorted((int(number), count) for number, count in plan["containers"].items())
    containers = [
        (number, count, "starts" if number in plan["started"] else "stays") for number, count in sizes
    ] + [(number, 0, "stops") for number in plan["stopped"]]
    if plan["moves"] or plan["started"] or plan["stopped"]:
        blocks.append(table(("CONTAINER", "TASKS", ""), sorted(containers), right=(0, 1)))
    if plan["executors"]:
        rows = [(component, before, after) for component, (before, after) in plan["executors"].items()]
        blocks.append(table(("COMPONENT", "EXECUTORS", "THEN"), rows, right=(1, 2)))
    if plan["restarted"]:
        blocks.append(f"Started again where they are, with another conf: {', '.join(plan['restarted'])}")
    return "\n\n".join(blocks) if blocks else f"Nothing of {name} would change"


def _plan(client: NimbusClient, name: str, order: RebalanceOrder) -> dict[str, Any]:
    from storm_compat.client import NimbusFailed

    try:
        return client.running.rebalance_plan(name, order)
    except NimbusFailed as exc:
        raise CommandError(
            f"{client.address} cannot say what a rebalance would do; only a Nimbus of Heronry can: {exc}"
        ) from exc


def _executors(text: str) -> tuple[str, int]:
    component, _, count = text.rpartition("=")  # the id may hold one, too
    if not component or not count.isdecimal() or int(count) < 1:
        raise CommandError(f"-e {text}: it must be COMPONENT=N, N from 1 on", code=ExitCode.USAGE)
    return component, int(count)
