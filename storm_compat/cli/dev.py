"""`heronry dev`: a cluster on this machine, as long as the terminal stays open.

    ready -- Ctrl-C --> stopping: topologies end in order --> stopped
                            |
                            +-- Ctrl-C --> every process is killed

Nimbus runs in this process (`storm_compat.daemon`) and logs to ROOT/logs/nimbus.log; what needs a person's
eye is also shown here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import (
    NIMBUS_VARIABLE,
    ROOT_VARIABLE,
    default_root,
    json_option,
    read_ready,
    split_address,
)

if TYPE_CHECKING:
    from scheduler.layout import Layout
    from storm_compat.daemon import Ready
    from storm_compat.errors import CompatError
    from storm_compat.web import HttpSettings

_MAX_LOG_BYTES = 10 * 1024 * 1024
_LOG_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s"


@click.command(
    epilog="""\b
The root is --root, else HERONRY_ROOT, else $XDG_STATE_HOME/heronry, else ~/.local/state/heronry.
Other commands find the cluster on the default root by themselves; any other needs --nimbus or HERONRY_NIMBUS.
"""
)
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder for everything.  [env: {ROOT_VARIABLE}]",
)
@click.option(
    "--nimbus",
    metavar="HOST:PORT",
    default="127.0.0.1:6627",
    show_default=True,
    help="Where Nimbus listens; port 0 is any free one.",
)
@click.option(
    "--conf",
    "conf_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A storm.yaml with keys of the cluster; docs/security.md has those for users, SASL and TLS.",
)
@click.option(
    "--trust-network",
    is_flag=True,
    help="Let anybody who reaches the address of --nimbus run programs here as this user.",
)
@click.option(
    "--ui",
    metavar="HOST:PORT",
    help="Where the REST API, /metrics and the logs are.  [default: 127.0.0.1:8080, or any free port]",
)
@click.option(
    "--logviewer",
    metavar="HOST:PORT",
    help="Where the logs are besides.  [default: 127.0.0.1:8000, if that is free and --ui is not given]",
)
@click.option("--no-ui", is_flag=True, help="Serve nothing over HTTP.")
@click.option("--rest-writes", is_flag=True, help="Let the REST API take orders such as kill and rebalance.")
@json_option
@click.pass_context
def dev(
    context: click.Context,
    *,
    root: Path | None,
    nimbus: str,
    conf_file: Path | None,
    trust_network: bool,
    ui: str | None,
    logviewer: str | None,
    no_ui: bool,
    rest_writes: bool,
    as_json: bool,
) -> int:
    """Run a cluster on this machine, in the foreground.

    Ctrl-C stops it in order, a second Ctrl-C at once. Its topologies start again with the next `heronry dev`
    on the same root.
    """
    import asyncio

    from scheduler.errors import SchedulerError
    from scheduler.layout import Layout
    from storm_compat import daemon
    from storm_compat.access.ways_in import TRUST_KEY
    from storm_compat.cli.output import note
    from storm_compat.errors import CompatError, Exposed, PortInUse, RootInUse

    host, port = _address("--nimbus", nimbus, 6627)
    if no_ui and (ui or logviewer or rest_writes):
        raise CommandError("--no-ui excludes --ui, --logviewer and --rest-writes", code=ExitCode.USAGE)
    layout = Layout((root or default_root()).absolute())
    context.call_on_close(
        _set_up_logging(layout, verbosity=int(context.find_root().params.get("verbose") or 0))
    )

    def on_ready(ready: daemon.Ready) -> None:
        _take_signals(layout)
        _announce(ready, layout, as_json=as_json)

    try:
        overrides = _overrides(conf_file) | ({TRUST_KEY: True} if trust_network else {})
        http = None if no_ui else _http_settings(overrides, ui, logviewer, may_write=rest_writes)
        code = asyncio.run(daemon.run(layout, host, port, on_ready=on_ready, overrides=overrides, http=http))
    except Exposed as exc:
        raise CommandError(str(exc), advice="with --trust-network.") from exc
    except (RootInUse, PortInUse) as exc:
        raise _in_use(exc, layout) from exc
    except (CompatError, SchedulerError) as exc:
        raise CommandError(str(exc)) from exc
    except OSError as exc:
        raise CommandError(f"{layout.root} cannot be used as a root: {exc}") from exc
    note("Stopped.")
    return code


def _overrides(conf_file: Path | None) -> dict[str, Any]:
    from storm_compat import storm_yaml

    return {} if conf_file is None else storm_yaml.read(conf_file)


def _http_settings(
    overrides: Mapping[str, Any], ui: str | None, logviewer: str | None, *, may_write: bool
) -> HttpSettings:
    """Return where to serve HTTP: what the options say counts before what the file says."""
    from storm_compat.web import LOGVIEWER_PORT, UI_PORT, HttpSettings

    said = HttpSettings.from_conf(overrides)
    return HttpSettings(
        ui=said.ui if ui is None else _address("--ui", ui, UI_PORT),
        logviewer=said.logviewer if logviewer is None else _address("--logviewer", logviewer, LOGVIEWER_PORT),
        may_write=said.may_write or may_write,
    )


def _address(option: str, text: str, default_port: int) -> tuple[str, int]:
    try:
        return split_address(text, default_port)
    except ValueError as exc:
        raise CommandError(f"{option}: {exc}", code=ExitCode.USAGE) from exc


def _set_up_logging(layout: Layout, *, verbosity: int) -> Callable[[], None]:
    """Log to ROOT/logs/nimbus.log; warnings, or with -v everything, also to stderr. Return what ends it."""
    import logging
    from logging.handlers import RotatingFileHandler

    try:
        layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        layout.logs.mkdir(mode=0o700, exist_ok=True)
        to_file = RotatingFileHandler(layout.nimbus_log, maxBytes=_MAX_LOG_BYTES, backupCount=2, delay=True)
    except OSError as exc:
        raise CommandError(f"{layout.root} cannot be used as a root: {exc}") from exc
    to_file.setFormatter(logging.Formatter(_LOG_FORMAT, "%Y-%m-%d %H:%M:%S"))
    to_file.setLevel(logging.DEBUG if verbosity > 1 else logging.INFO)
    to_stderr = logging.StreamHandler()
    to_stderr.setLevel((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbosity, 2)])
    to_stderr.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [to_file, to_stderr]
    root.setLevel(min(to_file.level, to_stderr.level))

    def end() -> None:
        root.removeHandler(to_file)
        to_file.close()

    return end


def _take_signals(layout: Layout) -> None:
    """Make the first Ctrl-C stop nimbus in order, and the second one kill everything."""
    import asyncio
    import os
    import signal
    from contextlib import suppress

    loop = asyncio.get_running_loop()
    is_stopping = False

    def interrupted() -> None:
        nonlocal is_stopping
        if is_stopping:
            _kill_everything(layout)
        is_stopping = True
        os.kill(os.getpid(), signal.SIGTERM)
        with suppress(OSError):  # nobody may be there to read it
            click.echo("\nStopping all topologies. Ctrl-C again kills them.", err=True)

    loop.add_signal_handler(signal.SIGINT, interrupted)


def _kill_everything(layout: Layout) -> NoReturn:
    """End this process and every process of every topology, now. The next nimbus on the root cleans up."""
    import os

    from scheduler.launch.local import LocalLauncher
    from scheduler.state.files import FileStore
    from scheduler.state.records import TOPOLOGIES

    launcher = LocalLauncher(layout)
    for topology_id in FileStore(layout.state).children(TOPOLOGIES):
        launcher.sweep(topology_id)
    layout.ready_file.unlink(missing_ok=True)
    os._exit(ExitCode.INTERRUPTED)


def _announce(ready: Ready, layout: Layout, *, as_json: bool) -> None:
    """Tell a person, or with --json a program, where the cluster is."""
    import os

    from storm_compat.cli.output import note, print_json

    if as_json:
        print_json(
            {
                "nimbus": ready.address,
                "others": ready.other_addresses,
                "ui": ready.ui,
                "logviewer": ready.logviewer,
                "root": layout.root,
                "log": layout.nimbus_log,
                "pid": os.getpid(),
            }
        )
    else:
        is_found = layout.root == default_root()
        lines = [
            f"Nimbus listens on {ready.address}. Ctrl-C stops it and all topologies.",
            *(f"  {transport:<10}  {where}" for transport, where in ready.other_addresses.items()),
            f"  root  {layout.root}",
            f"  log   {layout.nimbus_log}",
            *([] if ready.ui is None else [f"  rest  http://{ready.ui}/api/v1/cluster/summary"]),
            "",
            "Next, in another terminal:",
            *([] if is_found else [f"  export {NIMBUS_VARIABLE}={ready.address}"]),
            "  heronry submit PATH        a streamparse project, such as examples/word_count",
            "  heronry status",
        ]
        click.echo("\n".join(lines))
    for warning in ready.warnings:
        note(f"Warning: {warning}")
    sys.stdout.flush()


def _in_use(error: CompatError, layout: Layout) -> CommandError:
    """Return what to say when nimbus cannot start because somebody was first."""
    if first := read_ready(layout.root):
        return CommandError(
            f"a cluster runs on {layout.root} already: pid {first.pid}, at {first.host}:{first.port}",
            code=ExitCode.EXISTS,
            advice=f"Use it, end it with: kill {first.pid}\nor take another --root, and another --nimbus.",
        )
    from storm_compat.errors import HttpPortInUse, PortInUse

    if isinstance(error, HttpPortInUse):
        return CommandError(str(error), advice="For any free port: --ui 127.0.0.1:0; for none: --no-ui")
    if isinstance(error, PortInUse):
        return CommandError(str(error), advice="For any free port: --nimbus 127.0.0.1:0")
    return CommandError(str(error), code=ExitCode.EXISTS)
