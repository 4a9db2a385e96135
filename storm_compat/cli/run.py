"""`heronry run`: a project's topology in the foreground, on a cluster of its own that ends with it.

    prepare --> embedded cluster --> submit --> show counts and logs until -t, Ctrl-C or a signal --> all ends

Nothing is left: no process, and no file but below a --root that was given.  A second Ctrl-C gives the
terminal back at once; what still runs ends behind it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option

if TYPE_CHECKING:
    from storm_compat.cli.foreground import Foreground, Shown
    from storm_compat.cli.prepare import Prepared

_EPILOG = """\b
Examples:
  heronry run examples/word_count
  heronry run . -t 10 -o word_count.sentences=100

\b
The exit code is 0 if there were no errors, and 1 if there were, or if not all of it was started.
"""


@click.command(epilog=_EPILOG)
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option(
    "-t",
    "--time",
    "time_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="S",
    help="End after so many seconds; 0 waits for Ctrl-C.  [default: 0]",
)
@click.option("--topology", metavar="NAME", help="Which topology, if the project has several.")
@click.option("-n", "--name", metavar="NAME", help="Name to run under.  [default: the topology's]")
@click.option("-e", "--environment", metavar="NAME", help="Which of config.json's envs, if it has several.")
@click.option(
    "-o", "--option", "options", multiple=True, metavar="KEY=VALUE", help="Topology option; repeatable."
)
@click.option("--python", metavar="PROGRAM", help="Python with streamparse, to load the topology with.")
@click.option("--accelerate", is_flag=True, help="Run pystorm's components on Heronry's faster library.")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the cluster, kept in the end.  [default: a temporary one]",
)
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    metavar="S",
    help="How often to print counts where stdout is no terminal.",
)
@click.option("--no-log", is_flag=True, help="Show counts and errors alone.")
@json_option
def run(
    *,
    path: Path,
    time_s: float,
    topology: str | None,
    name: str | None,
    environment: str | None,
    options: tuple[str, ...],
    python: str | None,
    accelerate: bool,
    root: Path | None,
    every_s: float,
    no_log: bool,
    as_json: bool,
) -> int:
    """Run the topology of the streamparse project PATH in the foreground, until Ctrl-C.

    Starts a cluster of its own, shows what each component counts and logs, and errors with their tracebacks
    as they happen. In the end everything is gone, also after a kill.
    """
    import tempfile

    from multilang import standin
    from scheduler.errors import SchedulerError
    from storm_compat.cli import output
    from storm_compat.cli.foreground import Foreground, as_document
    from storm_compat.cli.foreground_view import summary, view
    from storm_compat.cli.prepare import Choice, prepare
    from storm_compat.cli.submit import parse_option, tell
    from storm_compat.client import ClientError
    from storm_compat.embedded import ClusterFailed, EmbeddedCluster

    overrides = dict(parse_option(option) for option in options)
    if accelerate:
        overrides[standin.KEY] = True
    choice = Choice(path, topology, name, environment, None, python)
    with (scratch := tempfile.TemporaryDirectory(prefix="heronry-")) as folder:
        prepared = prepare(choice, Path(folder))
        tell(prepared)
        try:
            with _ending() as ends, EmbeddedCluster(root) as cluster, Foreground(cluster) as foreground:
                _submit(foreground, prepared, overrides)
                scratch.cleanup()  # now, so that even a kill leaves nothing
                shown = view(every_s=every_s, has_log=not no_log, is_silent=as_json)
                _watch(foreground, shown, ends, time_s)
        except (ClusterFailed, SchedulerError) as exc:
            raise CommandError(str(exc)) from exc
        except ClientError as exc:
            from storm_compat.cli.connect import code_of

            raise CommandError(str(exc), code=code_of(exc)) from exc
        except BrokenPipeError:
            raise  # whoever reads this has seen enough
        except OSError as exc:
            raise CommandError(f"the cluster cannot be run: {exc}") from exc
    if as_json:
        output.print_json(as_document(foreground))
    else:
        click.echo(summary(foreground))
    return ExitCode.OK if foreground.is_well else ExitCode.FAILED


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Give an event that is set by the first Ctrl-C, or another wish to end; a second one raises."""
    ends = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, _: Any) -> None:
        ends.set()
        for each in numbers:
            signal.signal(each, signal.default_int_handler)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield ends
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _submit(foreground: Foreground, prepared: Prepared, overrides: dict[str, Any]) -> None:
    from storm_compat.cli import output, unknown_keys
    from storm_compat.cli.project import submission_conf

    client = foreground.client
    conf = submission_conf(
        prepared.environment,
        prepared.topology.config,
        overrides,
        name=prepared.name,
        original_name=prepared.original_name,
        hosts=client.cluster().hosts,
    )
    for warning in unknown_keys.warnings(conf, prepared.topology.binary):
        output.note(warning)
    conf.setdefault("pystorm.log.format", "%(message)s")  # the log has time and component already
    client.submit(prepared.name, client.upload(prepared.jar), conf, prepared.topology.binary)
    foreground.begin(prepared.name)


def _watch(foreground: Foreground, shown: Shown, ends: threading.Event, time_s: float) -> None:
    """Show what happens until it is to end or ``time_s`` is over, counted from when all runs, or fails."""
    from storm_compat.cli.foreground import POLL_S

    with shown:
        while not ends.wait(POLL_S):
            foreground.look()
            shown.show(foreground)
            if time_s and foreground.run_s >= time_s:
                break
        foreground.look()
        shown.show(foreground)
