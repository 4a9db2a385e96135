"""`heronry submit`: from a streamparse project, or a jar, to a running topology.

    prepare (no cluster) --> is the name free? --> upload --> submit --> wait until all tasks run

What the cluster can refuse cheaply, such as a name that is taken, is asked before anything is uploaded. With
--force the running topology is killed only after the upload, so that the gap is short.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, key_value, nimbus_option

if TYPE_CHECKING:
    from storm_compat.cli.prepare import Prepared
    from storm_compat.client import NimbusClient

_LOOPBACK = ("127.", "localhost", "::1")
_EPILOG = """\b
Examples:
  heronry submit examples/word_count
  heronry submit . -t word_count -n test -o topology.workers=2 -o word_count.sentences=100
  heronry submit built.jar --topology-file topologies/word_count.py
"""


@click.command(epilog=_EPILOG)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("-t", "--topology", metavar="NAME", help="Which topology, if the project has several.")
@click.option("-n", "--name", metavar="NAME", help="Name to run under.  [default: the topology's]")
@click.option("-e", "--environment", metavar="NAME", help="Which of config.json's envs, if it has several.")
@click.option(
    "-o", "--option", "options", multiple=True, metavar="KEY=VALUE", help="Topology option; repeatable."
)
@click.option(
    "--topology-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python file with the topology class, or its Thrift binary; needed with a jar.",
)
@click.option("--python", metavar="PROGRAM", help="Python with streamparse, to load the topology with.")
@click.option("--accelerate", is_flag=True, help="Run pystorm's components on Heronry's faster library.")
@click.option("-i", "--inactive", is_flag=True, help="Start nothing until it is activated.")
@click.option("-f", "--force", is_flag=True, help="Kill a running topology of that name first.")
@click.option(
    "--kill-wait",
    "kill_wait_s",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="S",
    help="With --force: how long its spouts rest before it ends.",
)
@click.option("--wait/--no-wait", "should_wait", default=True, help="Wait until it runs.  [default: wait]")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="How long to wait.",
)
@nimbus_option
@json_option
@click.pass_context
def submit(
    context: click.Context,
    *,
    path: Path,
    topology: str | None,
    name: str | None,
    environment: str | None,
    options: tuple[str, ...],
    topology_file: Path | None,
    python: str | None,
    accelerate: bool,
    inactive: bool,
    force: bool,
    kill_wait_s: int,
    should_wait: bool,
    timeout_s: float,
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Submit a topology: PATH is a streamparse project, or a jar together with --topology-file.

    The jar is built here from the project's src folder, without Java, Leiningen or ssh. The topology is
    loaded by the first Python that has streamparse: --python, the environment in config.json, VIRTUAL_ENV,
    heronry's own, python3. Options given with -o win over the topology's config, which wins over config.json.
    """
    import tempfile

    from multilang import standin
    from storm_compat.cli import output, unknown_keys
    from storm_compat.cli.connect import connect
    from storm_compat.cli.lifecycle import kill_and_wait
    from storm_compat.cli.prepare import Choice, prepare
    from storm_compat.cli.project import submission_conf
    from storm_compat.cli.running import as_document, next_steps, wait_until_running
    from storm_compat.cli.settings import target

    overrides = dict(parse_option(option) for option in options)
    if accelerate:
        overrides[standin.KEY] = True
    choice = Choice(path, topology, name, environment, topology_file, python, _is_local(target(context).host))
    with tempfile.TemporaryDirectory(prefix="heronry-") as scratch:
        prepared = prepare(choice, Path(scratch))
        tell(prepared)
        with connect(context) as client:
            cluster = client.cluster()
            is_taken = any(t.name == prepared.name for t in cluster.topologies)
            _check_name(client, prepared.name, is_taken=is_taken, force=force)
            location = _upload(client, prepared.jar)
            if is_taken:
                output.note(f"Killing the running {prepared.name}")
                kill_and_wait(client, prepared.name, kill_wait_s, timeout_s=kill_wait_s + 60.0)
            conf = submission_conf(
                prepared.environment,
                prepared.topology.config,
                overrides,
                name=prepared.name,
                original_name=prepared.original_name,
                hosts=cluster.hosts,
            )
            for warning in unknown_keys.warnings(conf, prepared.topology.binary):
                output.note(warning)
            client.submit(prepared.name, location, conf, prepared.topology.binary, is_active=not inactive)
            info = client.info(prepared.name)
            should_wait = should_wait and not inactive  # it starts when it is activated
            if should_wait:
                info = wait_until_running(client, info, timeout_s)
    if as_json:
        output.print_json(as_document(info, is_known_running=should_wait))
    else:
        click.echo(next_steps(info, is_known_running=should_wait))


def parse_option(text: str) -> tuple[str, object]:
    """Return key and value of what follows ``-o``.

    Raises:
        CommandError: it is not KEY=VALUE.
    """
    from storm_compat.cli.project import option_value

    key, value = key_value("-o", text)
    return key, option_value(value.strip())


def _is_local(host: str) -> bool:
    return host.startswith(_LOOPBACK)


def tell(prepared: Prepared) -> None:
    """Say on stderr what is going to be submitted, and what may surprise."""
    from storm_compat.cli.output import note, plural, size

    topology = prepared.topology
    source = f"{plural(prepared.file_count, 'file')} of src" if prepared.file_count else prepared.jar.name
    note(f"Topology {topology.class_name}, jar of {size(prepared.jar.stat().st_size)} ({source})")
    if topology.runner is not None:
        note(f"Python components are started with {topology.runner}")
    if topology.other_classes:
        note(f"Warning: the file also defines {', '.join(topology.other_classes)}; the first class is taken")


def _check_name(client: NimbusClient, name: str, *, is_taken: bool, force: bool) -> None:
    if is_taken and not force:
        raise CommandError(
            f"a topology named {name!r} exists already",
            code=ExitCode.EXISTS,
            advice=f"End it with: heronry kill {name}\nor replace it with --force, or take another name: -n.",
        )
    if not is_taken and not client.is_name_allowed(name):
        raise CommandError(f"Nimbus does not allow the name {name!r}", code=ExitCode.REFUSED)


def _upload(client: NimbusClient, jar: Path) -> str:
    """Return where Nimbus keeps the jar now; on a terminal show how far it is."""
    from storm_compat.cli.progress import bytes_bar

    with bytes_bar("Uploading", jar.stat().st_size) as show:
        return client.upload(jar, show)
