"""The part of a submission that needs no cluster: which topology, its conf, its jar.

PATH is a folder    config.json and topologies/NAME.py say which; src is packed into a jar
PATH is a jar       --topology-file says which; modules are also looked for in the jar's resources/
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.interpreter import Candidate, LoadedTopology, candidates, load
from storm_compat.cli.jar import build_jar
from storm_compat.cli.project import Project, open_project

_FORBIDDEN_IN_NAMES = "/.:\\"
_THRIFT_FILE = Candidate("", "a Thrift file")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user said on the command line; None where nothing was said."""

    path: Path
    topology: str | None = None
    name: str | None = None
    environment: str | None = None
    topology_file: Path | None = None
    python: str | None = None
    is_local_cluster: bool = True
    """Components may be started with the streamparse_run beside the Python that loaded the topology."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission but for its options and for what the cluster must say."""

    name: str
    original_name: str
    topology: LoadedTopology
    environment: Mapping[str, Any]
    jar: Path
    file_count: int
    """Packed into the jar; 0 if the jar was there already."""


def prepare(choice: Choice, scratch: Path) -> Prepared:
    """Return what can be submitted; a jar that has to be built goes into the folder ``scratch``.

    Raises:
        CommandError: there is nothing to submit there, or it cannot be loaded.
    """
    if choice.path.is_dir():
        return _from_project(choice, open_project(choice.path.absolute()), scratch)
    if choice.topology_file is None:
        raise CommandError(
            "a jar alone does not say which topology it holds",
            code=ExitCode.USAGE,
            advice="Add --topology-file FILE, the Python file with the topology class.",
        )
    if not zipfile.is_zipfile(choice.path):
        raise CommandError(f"{choice.path} is neither a folder nor a jar", code=ExitCode.USAGE)
    jar = choice.path.absolute()
    name = checked_name(choice.name or choice.topology_file.stem)
    topology = _load(choice, choice.topology_file, name, sources=f"{jar}/resources")
    return Prepared(name, choice.topology_file.stem, topology, {}, jar, 0)


def checked_name(name: str) -> str:
    """Return the name if Nimbus takes it as the name of a topology.

    Raises:
        CommandError: it holds a character that Nimbus refuses.
    """
    if not name or any(character in _FORBIDDEN_IN_NAMES for character in name):
        raise CommandError(
            f"{name!r} cannot be the name of a topology", code=ExitCode.USAGE, advice="Leave out / . : and \\"
        )
    return name


def _from_project(choice: Choice, project: Project, scratch: Path) -> Prepared:
    file = choice.topology_file or project.topology_file(choice.topology)
    name = checked_name(choice.name or file.stem)
    environment_name, environment = project.environment(choice.environment)
    if not project.sources.is_dir():
        raise CommandError(f"{project.root} has no src folder, so there is nothing to run")
    topology = _load(
        choice,
        file,
        name,
        sources=str(project.sources),
        environment_name=environment_name,
        environment=environment,
        serializer=environment.get("serializer", project.config.get("serializer")),
    )
    jar = scratch / f"{name}.jar"
    return Prepared(name, file.stem, topology, environment, jar, build_jar(project.sources, jar))


def _load(
    choice: Choice,
    file: Path,
    name: str,
    *,
    sources: str,
    environment_name: str | None = None,
    environment: Mapping[str, Any] = MappingProxyType({}),
    serializer: str | None = None,
) -> LoadedTopology:
    if file.suffix != ".py":
        return _read_binary(file)
    virtualenv = _virtualenv(name, environment)
    own = virtualenv if virtualenv is not None and virtualenv.is_dir() else None
    runner = None
    if virtualenv is not None and not choice.is_local_cluster:
        runner = str(virtualenv / "bin" / "streamparse_run")
    request = {
        "file": str(file.absolute()),
        "paths": [sources, str(file.absolute().parent)],
        "environment": environment_name,
        "serializer": serializer,
        "runner": runner,
        "own_runner": choice.is_local_cluster,
    }
    return load(candidates(choice.python, own), request, shown_file=str(file))


def _virtualenv(name: str, environment: Mapping[str, Any]) -> Path | None:
    """Return where sparse would keep the topology's Python environment, on the hosts of the cluster."""
    root = environment.get("virtualenv_root") or environment.get("virtualenv_path")
    if not root or not environment.get("use_virtualenv", True):
        return None
    return Path(str(root), str(environment.get("virtualenv_name") or name))


def _read_binary(file: Path) -> LoadedTopology:
    from storm_compat.client import decode_topology

    binary = file.read_bytes()
    try:
        decode_topology(binary)
    except ValueError as exc:
        raise CommandError(
            f"{file}: {exc}",
            advice="It must be a Python file (.py), or what streamparse's Topology.write makes.",
        ) from exc
    return LoadedTopology(binary, {}, file.stem, (), None, _THRIFT_FILE)
