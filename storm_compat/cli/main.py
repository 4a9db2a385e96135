"""Entry point of `heronry`: the table of its commands, and the last word on errors.

A command's module is imported when the command is used, not for the list of commands: `heronry --help` costs
Python, click and this file.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import TextIO

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode, table
from storm_compat.cli.settings import group_options

COMMANDS: dict[str, tuple[str, str]] = {
    "dev": ("dev:dev", "Run a cluster on this machine, in the foreground."),
    "new": ("new:new", "Make a streamparse project that works."),
    "run": ("run:run", "Run a project's topology in the foreground, on a cluster of its own."),
    "submit": ("submit:submit", "Submit a streamparse project or a jar."),
    "list": ("listing:list_topologies", "List the topologies of the cluster."),
    "status": ("status:status", "Show the cluster, or one topology with counts and errors."),
    "stats": ("stats:stats", "Show counts and latencies by component, stream and window of time."),
    "errors": ("stats:errors", "Show the errors of a topology, newest first."),
    "logs": ("logs:logs", "Show what a topology logs on this machine."),
    "activate": ("lifecycle:activate", "Let the spouts of a topology emit again."),
    "deactivate": ("lifecycle:deactivate", "Make the spouts of a topology rest."),
    "kill": ("lifecycle:kill", "Kill a topology and wait until it is gone."),
    "rebalance": ("rebalance:rebalance", "Place the tasks of a topology anew, or show what would move."),
    "log-level": ("tuning:log_level", "Show or set the log levels of a topology."),
    "credentials": ("tuning:credentials", "Upload credentials for a topology."),
    "blobs": ("blobs:blobs", "Keep files in the cluster: list, put, get, cat, rm, acl."),
    "config": ("config:config", "Show which values hold, and who set them."),
    "conformance": ("conformance:conformance", "Play the host to a component and tell what it does wrong."),
    "version": ("version:version", "Show the versions of heronry and of the cluster."),
    "completion": ("completion:completion", "Print the completion script for a shell."),
}
"""Name -> where it is in this package, and its line in the list of commands; in the order of use."""

EPILOG = f"""\b
Examples:
  heronry dev                            a cluster in this terminal; Ctrl-C ends it
  heronry submit examples/word_count     in another terminal
  heronry status word_count
  heronry kill word_count

\b
Exit codes:
{table()}
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"storm_compat.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command to run; an unknown one is met with the nearest names."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        import difflib

        known = difflib.get_close_matches(name, COMMANDS, n=2)
        proposal = f" Did you mean {' or '.join(known)}?" if known else ""
        raise click.UsageError(f"no command named {name!r}.{proposal}", ctx)


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@group_options
@click.option("-v", "--verbose", count=True, help="Log to stderr; twice for every detail.")
def cli(nimbus: str | None, verbose: int) -> None:
    """Run Apache Storm topologies without Storm."""
    if verbose:
        level = logging.DEBUG if verbose > 1 else logging.INFO
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def main() -> None:
    """Run the command line of this process and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; errors are said on stderr."""
    stdout = sys.stdout
    try:
        result = cli.main(arguments, prog_name="heronry", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.UsageError as exc:
        exc.show()
        return ExitCode.USAGE
    except click.ClickException as exc:
        click.echo(f"heronry: {exc.format_message()}", err=True)
        return exc.code if isinstance(exc, CommandError) else exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # click exits by itself after shell completion, and when whoever read us has seen enough: then it has
        # muted stdout before.
        if sys.stdout is stdout and not isinstance(sys.exception(), BrokenPipeError):
            raise
        _mute(stdout)
        return ExitCode.OK
    except OSError as exc:
        # A full disk, a folder of somebody else's: no command can do anything about these.
        _mute(stdout)
        click.echo(f"heronry: {exc}", err=True)
        return ExitCode.FAILED
    return result if isinstance(result, int) else ExitCode.OK


def _mute(stdout: TextIO) -> None:
    """Keep Python from complaining once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
