"""Run one component's process: start it, and end it with all it started.

Three pipes, all non-blocking on our side; who polls them is the caller's
business.  The process leads a session of its own, so that one signal to its
group also reaches its children, and on Linux the kernel ends it when its
container dies, however that happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from multilang.command import Launch
from multilang.errors import LaunchFailed

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ShellProcess:
    """A started component; file descriptors are closed by `close`, the process by `kill`."""

    __slots__ = ("_process", "launch", "pid", "stderr", "stdin", "stdout")

    def __init__(self, launch: Launch) -> None:
        """Start the process.

        Raises:
            LaunchFailed: the system refused; says why.
        """
        self.launch = launch
        try:
            self._process = subprocess.Popen(
                launch.command,
                cwd=launch.cwd,
                env=launch.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                # Unsafe with threads only; the signal also goes by threads: start from the main one.
                preexec_fn=_die_with_parent if _libc else None,  # noqa: PLW1509
            )
        except (OSError, ValueError, subprocess.SubprocessError) as exc:
            raise LaunchFailed(launch.command, cwd=str(launch.cwd), reason=_why(exc, launch)) from exc
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid = process.pid
        self.stdin = process.stdin.fileno()
        self.stdout = process.stdout.fileno()
        self.stderr = process.stderr.fileno()
        for fd in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(fd, False)

    def poll(self) -> int | None:
        """Return the exit code once the process has ended (negative: signal), else None."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask the group to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the group at once; also reaches children that outlived the process."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def close_stdin(self) -> None:
        """Let the component see the end of its input."""
        _close(self._process.stdin)

    def close(self) -> None:
        """Close our ends of the pipes."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            _close(pipe)


def _why(exc: Exception, launch: Launch) -> str:
    if isinstance(exc, FileNotFoundError) and launch.cwd.is_dir() and Path(launch.command[0]).exists():
        return f"{exc}. The file is there, but not the interpreter that its first line names"
    return str(exc)


def _close(pipe: object) -> None:
    with contextlib.suppress(OSError):
        pipe.close()  # type: ignore[attr-defined]  # one of Popen's three pipes


def _die_with_parent() -> None:
    assert _libc is not None
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
