"""What the kernel knows of processes: when one was born, whose it is, when it ends.

Every process of a topology carries a mark in its environment, which all its
descendants inherit, whatever session or parent they get:

    HERONRY_CONTAINER=<root>/<topology id>/<container id>

Reads /proc where there is one, else asks psutil.  Signals go through a
pidfd, which cannot hit a process that took over the pid; without pidfd
(Linux before 5.3) that gap is microseconds wide.  Knows no topologies: a
mark is a text here.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from scheduler.errors import LaunchError

MARKER: Final = "HERONRY_CONTAINER"
POLL_S: Final = 0.2
SWEEP_ROUNDS: Final = 200
UNSURE_ROUNDS: Final = 30
DYING_MS: Final = 500
GLANCE_S: Final = 0.001
INIT: Final = 1  # never one of ours, and some hide their environment
KILLED_AT_ONCE: Final = 256  # each takes a file descriptor

_PROC: Final = Path("/proc")
_ASSIGNMENT: Final = os.fsencode(f"{MARKER}=")
_NEVER_RUNS_PROGRAMS: Final = 0x00200000 | 0x00000004  # PF_KTHREAD, PF_EXITING of linux/sched.h


def birth(pid: int) -> float | None:
    """Return when a process was started, None if there is none.

    On Linux seconds since the machine's start, which no change of the clock
    moves; else seconds since the epoch.  Exact: equal for the same process.
    """
    if not (_PROC / "self" / "stat").exists():
        import psutil

        with suppress(psutil.Error):
            return float(psutil.Process(pid).create_time())
        return None
    fields = _stat(pid)
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else None


def has_ended(pid: int) -> bool:
    """Return whether there is no such process, or only what its parent has not yet collected."""
    if not (_PROC / "self" / "stat").exists():
        import psutil

        with suppress(psutil.Error):
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return True
    fields = _stat(pid)
    return not fields or fields[0] in {b"Z", b"X"}


def _stat(pid: int) -> list[bytes]:
    """Return what stands in /proc/PID/stat from the state on; empty if there is no such process."""
    try:
        data = (_PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The name before it may hold spaces and parentheses.
    return data.rpartition(b")")[2].split()


def mark_of(pid: int) -> str | None:
    """Return the mark of a process; empty if it has none, None if its environment cannot be seen.

    It cannot while a process is between two programs, after its end, and
    for processes of other users.
    """
    try:
        data = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return None
    if not data:
        return None
    for entry in data.split(b"\0") if _ASSIGNMENT in data else ():
        if entry.startswith(_ASSIGNMENT):
            return os.fsdecode(entry[len(_ASSIGNMENT) :])
    return ""


def marks() -> tuple[dict[int, str], bool]:
    """Return pid -> mark of every marked process of this user, and whether all could be seen.

    One cannot while it is between two programs, or when it ended during the
    look: it may have had children meanwhile.
    """
    if not (_PROC / "self" / "environ").exists():
        return marks_from_psutil()
    user = os.geteuid()
    found, is_sure = {}, True
    # The youngest first: those are the ones that may be gone in a moment.
    for pid in sorted((int(name) for name in os.listdir(_PROC) if name.isdecimal()), reverse=True):  # noqa: PTH208  names are enough
        try:
            if (_PROC / str(pid)).stat().st_uid != user:
                continue
        except FileNotFoundError:
            is_sure = False
            continue
        mark = mark_of(pid)
        if mark:
            found[pid] = mark
        elif mark is None and pid != INIT and _may_get_environment(pid):
            is_sure = False
    return found, is_sure


def _may_get_environment(pid: int) -> bool:
    """Return whether a process without an environment is on the way to its next program."""
    fields = _stat(pid)
    if not fields:
        return True
    if fields[0] in {b"Z", b"X"} or int(fields[6]) & _NEVER_RUNS_PROGRAMS:
        return False
    return int(fields[47]) == 0  # where the environment starts: not set yet


def marks_from_psutil() -> tuple[dict[int, str], bool]:
    """Return the same as `marks`, on systems without /proc; some times slower, and never unsure."""
    import psutil

    user = os.geteuid()
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.uids().effective == user and (mark := process.environ().get(MARKER)):
                found[process.pid] = mark
    return found, True


def send(pid: int, number: signal.Signals, *, is_meant: Callable[[], bool]) -> bool:
    """Send a signal to the process that is meant; return whether it was still there.

    Args:
        is_meant: asked once the pid cannot change hands any more.

    Raises:
        LaunchError: the process belongs to somebody else.
    """
    with _pidfd(pid) as descriptor:
        if not is_meant():
            return False
        try:
            if descriptor is None:
                os.kill(pid, number)
            else:
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        except PermissionError as exc:
            raise LaunchError(f"process {pid} belongs to another user: {number.name} was refused") from exc
        return True


def kill_group(pid: int) -> None:
    """Kill the group that a process leads, or at least itself; the process must not be collected yet."""
    with suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


async def ended(pid: int, *, is_over: Callable[[], bool], use_pidfd: bool = True) -> None:
    """Return when the process has ended, in the kernel's moment or, without pidfd, 0.2 s later.

    Args:
        is_over: whether it has ended already; for the caller's child this may collect it.
    """
    if use_pidfd:
        with _pidfd(pid) as descriptor:
            # Asked after opening: from here on the pid cannot stand for another process.
            if is_over():
                return
            if descriptor is not None:
                loop = asyncio.get_running_loop()
                end = asyncio.Event()
                loop.add_reader(descriptor, end.set)
                try:
                    await end.wait()
                finally:
                    loop.remove_reader(descriptor)
                return
    while not is_over():  # noqa: ASYNC110  nothing tells us here
        await asyncio.sleep(POLL_S)


def sweep(is_meant: Callable[[str], bool]) -> int:
    """Kill every process whose mark is meant, with its group; return how many there were.

    Returns when two looks in a row found none and saw everybody; where there
    is always somebody who cannot be seen, after thirty.  Never touches the
    caller, its group, or a group in which somebody carries another mark.

    A program that hops from process to process faster than /proc can be
    read, within a few milliseconds, may get away: only a cgroup holds that.

    Raises:
        LaunchError: they came back faster than they could be killed.
    """
    found: set[int] = set()
    quiet = unsure = 0
    for _ in range(SWEEP_ROUNDS):
        all_marks, is_sure = marks()
        doomed = {pid for pid, mark in all_marks.items() if is_meant(mark) and pid != os.getpid()}
        if not doomed:
            quiet, unsure = (quiet + 1, unsure) if is_sure else (0, unsure + 1)
            if quiet == 2 or unsure == UNSURE_ROUNDS:
                return len(found)
            time.sleep(0 if is_sure else GLANCE_S)
            continue
        quiet = unsure = 0
        found |= doomed
        spared = {os.getpgrp()} | {_group(pid) for pid in all_marks.keys() - doomed}
        ordered = sorted(doomed)
        for start in range(0, len(ordered), KILLED_AT_ONCE):
            _kill(ordered[start : start + KILLED_AT_ONCE], is_meant, spared)
    raise LaunchError(
        f"processes {sorted(found)[-5:]} start new ones faster than they can be killed; "
        "stop them by hand, for instance with a limit on the user's processes (ulimit -u)"
    )


def _kill(doomed: Sequence[int], is_meant: Callable[[str], bool], spared: set[int]) -> None:
    """Kill processes and their groups, and wait a little until they are gone."""
    poll = select.poll()
    pidfds = []
    try:
        for pid in doomed:
            pidfd = _open_pidfd(pid)
            if pidfd is not None:
                pidfds.append(pidfd)
                poll.register(pidfd, select.POLLIN)
            if not is_meant(mark_of(pid) or "") and (_PROC / "self" / "environ").exists():
                continue
            group = _group(pid)
            with suppress(ProcessLookupError, PermissionError):
                if group not in spared:
                    os.killpg(group, signal.SIGKILL)
                if pidfd is None:
                    os.kill(pid, signal.SIGKILL)
                else:
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        left = len(pidfds)
        while left and (over := poll.poll(DYING_MS)):
            for pidfd, _ in over:
                poll.unregister(pidfd)
            left -= len(over)
    finally:
        for pidfd in pidfds:
            os.close(pidfd)


def _group(pid: int) -> int:
    """Return the group of a process; its own, hence harmless, if it is gone."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return pid


def _open_pidfd(pid: int) -> int | None:
    if hasattr(os, "pidfd_open"):
        with suppress(OSError):  # gone, or an old kernel
            return os.pidfd_open(pid)
    return None


@contextmanager
def _pidfd(pid: int) -> Iterator[int | None]:
    descriptor = _open_pidfd(pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)
