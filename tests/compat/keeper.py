"""Keeps the programs of a list running until its stdin ends; then ends them and all that lives in a folder.

Usage: python keeper.py FOLDER < a line of JSON: a list of commands

The one who started it may die any death: its end of the pipe closes with it, so no daemon is ever left.
A daemon that ends is started again, as Storm wants it: its supervisor halts when a topology is killed while
its jar is being fetched.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LOOK_S = 0.5


def residents(folder: Path) -> list[int]:
    """Return the processes that name the folder in their command line, or work in it; not this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                at = (entry / "cwd").readlink()
                if words and (os.fsencode(folder) in words or at.is_relative_to(folder)):
                    found.append(int(entry.name))
    return found


def main(folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the tests, which close the pipe
    commands = json.loads(sys.stdin.readline())
    daemons = [start(command, folder, number) for number, command in enumerate(commands)]
    while not select.select([sys.stdin], [], [], LOOK_S)[0]:
        for number, daemon in enumerate(daemons):
            if daemon.poll() is not None:
                daemons[number] = start(commands[number], folder, number)
    while left := residents(folder):  # again and again: a supervisor may be starting a worker just now
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for daemon in daemons:
            daemon.wait()


def start(command: Sequence[str], folder: Path, number: int) -> subprocess.Popen[bytes]:
    with (folder / f"daemon{number}.out").open("ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
