"""Which program a component is, where it runs, and with what environment.

A component that came over Thrift is exactly two arguments, ``[command,
script]``, with no shell and no splitting of words: Storm does the same.  One
that came as a Java object has as many as it says, and an environment.
The program is looked for on the PATH of the container and then beside
Heronry's own interpreter, where a streamparse installed into the same
environment puts ``streamparse_run``.
Source: storm:storm-client/src/jvm/org/apache/storm/utils/ShellProcess.java
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multilang.errors import CommandNotFound


@dataclass(frozen=True, slots=True)
class Launch:
    """All that is needed to start one component's process."""

    command: tuple[str, ...]
    """With the program's path resolved."""

    cwd: Path
    environment: Mapping[str, str]


def prepare(
    command: Sequence[str],
    *,
    cwd: Path,
    inherited: Mapping[str, str],
    extra: Mapping[str, str],
    own: Mapping[str, str],
    own_bin: Path,
) -> Launch:
    """Return how to start ``command``.

    Args:
        inherited: the container's environment.
        extra: the topology's ``topology.environment``; its PATH is put before the inherited one.
        own: the component's, from ShellBolt.setEnv; its PATH is put behind the others, as Storm does.
        own_bin: folder of Heronry's interpreter, searched last.

    Raises:
        CommandNotFound: no such program; says where it was looked for.
    """
    environment = {k: v for k, v in inherited.items() if k != "PYTHONUNBUFFERED"}
    environment.update(extra)
    environment.update(own)
    paths = [extra.get("PATH"), inherited.get("PATH", os.defpath), own.get("PATH"), str(own_bin)]
    path = os.pathsep.join(folders for folders in paths if folders)
    environment["PATH"] = path
    program = command[0] if command else ""
    if not program:
        raise CommandNotFound(command, cwd=str(cwd), path=path, reason="the component names no command")
    return Launch((_find(program, command, cwd, path), *command[1:]), cwd, environment)


def _find(program: str, command: Sequence[str], cwd: Path, path: str) -> str:
    if "/" in program:
        # Relative to the component's own folder, as for execvp after chdir.
        place = cwd / program
        try:
            is_file = place.is_file()
        except OSError as exc:  # a folder on the way is closed to us, or the name is no name
            reason = f"{place} cannot be looked at: {exc.strerror}"
            raise CommandNotFound(command, cwd=str(cwd), path=path, reason=reason) from exc
        if not is_file:
            raise CommandNotFound(command, cwd=str(cwd), path=path, reason=f"there is no file {place}")
        if not os.access(place, os.X_OK):
            raise CommandNotFound(command, cwd=str(cwd), path=path, reason=f"{place} is not executable")
        return str(place.absolute())
    found = shutil.which(program, path=path)
    if found is None:
        raise CommandNotFound(command, cwd=str(cwd), path=path, reason=f"no program {program!r} on PATH")
    # The process changes to its own folder before it looks, so a relative entry of PATH must not stay one.
    return str(Path(found).absolute())
