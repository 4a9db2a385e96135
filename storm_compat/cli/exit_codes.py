"""What the exit code of `heronry` says, in one table.

Scripts rely on these numbers: a code is never given another meaning.
"""

from __future__ import annotations

import enum

import click


class ExitCode(enum.IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    EXISTS = 4
    REFUSED = 5
    UNREACHABLE = 6
    TIMED_OUT = 124
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; the message says why",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.NOT_FOUND: "no such topology, component or blob, or it is not alive",
    ExitCode.EXISTS: "a topology, blob or file of that name, or a cluster on that root, exists already",
    ExitCode.REFUSED: "Nimbus refused: not authorized, an invalid topology, or a blob that is in use",
    ExitCode.UNREACHABLE: "no Nimbus answers that can be talked to and trusted",
    ExitCode.TIMED_OUT: "the time to wait was over; what was asked for may still happen",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
}


def table() -> str:
    """Return the codes and their meanings as lines of text, for `--help`."""
    return "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())


class CommandError(click.ClickException):
    """A command cannot go on: what happened, and the line that tells the user what to do next."""

    def __init__(self, message: str, *, code: ExitCode = ExitCode.FAILED, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.advice = advice

    def format_message(self) -> str:
        """Return the message, with the advice in a paragraph of its own."""
        return f"{self.message}\n{self.advice}" if self.advice else self.message
