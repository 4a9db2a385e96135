"""Errors of the multilang room.

MultilangError
    LocalProtocolError     we tried to say something illegal in this state
    RemoteProtocolError    the component said something that cannot be passed over
    JavaStreamError        what a client sent as a Java object cannot be read
    NotAShellComponent     it can, but only a JVM can run it
    UnknownSerializer      a topology wants its components spoken to in a form that we have not
    ShellProcessError      the component's process failed
        CommandNotFound    there is no such program
        LaunchFailed       the system would not start it
        ProcessExited      it ended, which a component never should
        HeartbeatTimeout   it has been silent for longer than allowed
"""

from __future__ import annotations

import signal
from collections.abc import Sequence


class MultilangError(Exception):
    """Base of everything this room raises on purpose."""


class LocalProtocolError(MultilangError):
    """We tried to say something that the protocol does not allow now."""


class RemoteProtocolError(MultilangError):
    """The component said something that cannot be passed over."""


class JavaStreamError(MultilangError):
    """A client sent bytes as a Java object that are none, or none that can be read without a JVM."""


class NotAShellComponent(MultilangError):
    """A Java object is no shell component; only a JVM can run it."""

    def __init__(self, class_name: str | None) -> None:
        super().__init__(f"Java class {class_name}" if class_name else "a Java value that is no object")
        self.class_name = class_name


class UnknownSerializer(MultilangError):
    """A topology names a serializer that is Java code."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"topology.multilang.serializer names {name}, which is Java code. Known are "
            "org.apache.storm.multilang.JsonSerializer and com.yelp.pyleus.serializer.MessagePackSerializer"
        )
        self.name = name


class ShellProcessError(MultilangError):
    """The component's process failed."""


class CommandNotFound(ShellProcessError):
    """No program of that name can be run."""

    def __init__(self, command: Sequence[str], *, cwd: str, path: str, reason: str) -> None:
        super().__init__(
            f"cannot run {show_command(command)}: {reason}. cwd: {cwd}. PATH: {path}. "
            "Install it where the containers run, or name its full path in the topology"
        )
        self.command = tuple(command)
        self.cwd = cwd


class LaunchFailed(ShellProcessError):
    """The operating system would not start the program."""

    def __init__(self, command: Sequence[str], *, cwd: str, reason: str) -> None:
        super().__init__(f"cannot start {show_command(command)} in {cwd}: {reason}")
        self.command = tuple(command)
        self.cwd = cwd


class ProcessExited(ShellProcessError):
    """A component's process ended; with what it said last.

    Args:
        reason: why we ended it ourselves, if we did.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: str,
        exit_code: int | None,
        uptime_s: float,
        stderr_tail: str,
        reason: str = "",
    ) -> None:
        text = f"{reason}\n" if reason else ""
        text += f"{show_command(command)} {show_exit(exit_code)} after {uptime_s:.1f} s. cwd: {cwd}"
        text += f". Last lines of stderr:\n{stderr_tail}" if stderr_tail else ". It wrote nothing to stderr"
        super().__init__(text)
        self.exit_code = exit_code


class HeartbeatTimeout(ShellProcessError):
    """Nothing came from a component for longer than allowed."""

    def __init__(self, *, idle_s: float, limit_s: float) -> None:
        super().__init__(
            f"no message for {idle_s:.1f} s, limit {limit_s:.1f} s (topology.subprocess.timeout.secs); "
            "the component hangs or one tuple takes longer than that"
        )
        self.idle_s = idle_s
        self.limit_s = limit_s


def show_command(command: Sequence[str]) -> str:
    """Return an argument vector as a person would type it."""
    return " ".join(f"'{word}'" if not word or " " in word else word for word in command)


def show_exit(exit_code: int | None) -> str:
    """Return what happened to a process, in words."""
    if exit_code is None:
        return "ended"
    if exit_code < 0:
        try:
            return f"was ended by signal {-exit_code} ({signal.Signals(-exit_code).name})"
        except ValueError:
            return f"was ended by signal {-exit_code}"
    return f"ended with exit code {exit_code}"
