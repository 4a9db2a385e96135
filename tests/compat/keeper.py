"""Starts the programs of a list and, when its stdin ends, ends them and all that lives in the same folder.

Usage: python keeper.py FOLDER < a line of JSON: a list of commands

The one who started it may die any death: its end of the pipe closes with it, so no daemon is ever left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


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
    children = []
    for number, command in enumerate(json.loads(sys.stdin.readline())):
        with (folder / f"daemon{number}.out").open("wb") as output:
            daemon = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder
            )
            children.append(daemon)
    sys.stdin.read()
    while left := residents(folder):  # again and again: a supervisor may be starting a worker just now
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for child in children:
            child.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
