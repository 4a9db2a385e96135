"""A streamparse project as `sparse` reads it: its topologies, its environments, the conf of a submission.

    config.json                     envs, serializer, topology_specs
    topologies/NAME.py              one topology each
    src/                            becomes resources/ in the jar

Source: streamparse:streamparse/util.py
Source: streamparse:streamparse/cli/common.py (resolve_options)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storm_compat.cli.exit_codes import CommandError, ExitCode

_ENVIRONMENT_KEYS = (
    "install_virtualenv",
    "use_virtualenv",
    "virtualenv_flags",
    "virtualenv_root",
    "virtualenv_name",
)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a config.json."""

    root: Path
    config: Mapping[str, Any]

    @property
    def sources(self) -> Path:
        return self.root / "src"

    def topology_files(self) -> dict[str, Path]:
        """Return name -> file of all topologies, by name."""
        folder = self.root / str(self.config.get("topology_specs", "topologies/"))
        return {file.stem: file for file in sorted(folder.glob("*.py")) if file.stem != "__init__"}

    def topology_file(self, name: str | None) -> Path:
        """Return the file of the named topology, or of the only one.

        Raises:
            CommandError: there is none of that name, or several to choose from.
        """
        files = self.topology_files()
        if name is not None and name in files:
            return files[name]
        if not files:
            raise CommandError(
                f"{self.root} defines no topology", advice="They belong into topologies/NAME.py."
            )
        listed = "It has: " + ", ".join(files)
        if name is not None:
            raise CommandError(
                f"{self.root} has no topology {name!r}", code=ExitCode.NOT_FOUND, advice=f"{listed}"
            )
        if len(files) > 1:
            raise CommandError(
                f"{self.root} has several topologies",
                code=ExitCode.USAGE,
                advice=f"{listed}\nName one with --topology.",
            )
        return next(iter(files.values()))

    def environment(self, name: str | None) -> tuple[str | None, Mapping[str, Any]]:
        """Return name and settings of the named environment, or of the only one; nothing if there are none.

        Raises:
            CommandError: there is none of that name, or several to choose from, or it is no JSON object.
        """
        environments = _object("envs", self.config.get("envs"))
        listed = "config.json has: " + (", ".join(environments) or "no envs")
        if name is not None and name not in environments:
            raise CommandError(f"no environment {name!r}", code=ExitCode.USAGE, advice=listed)
        if name is None and len(environments) > 1:
            raise CommandError(
                "config.json has several environments",
                code=ExitCode.USAGE,
                advice=f"{listed}\nName one with -e.",
            )
        name = name or next(iter(environments), None)
        if name is None:
            return None, {}
        environment = _object(f"envs.{name}", environments[name])
        for key in ("options", "log"):
            _object(f"envs.{name}.{key}", environment.get(key))
        return name, environment


def _object(place: str, value: Any) -> Mapping[str, Any]:
    """Return the JSON object at ``place`` of config.json; empty if nothing is said there.

    Raises:
        CommandError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CommandError(f"config.json: {place} must be an object, and is {json.dumps(value)}")
    return value


def open_project(root: Path) -> Project:
    """Return the project in a folder.

    Raises:
        CommandError: it has no config.json, or one that cannot be read.
    """
    file = root / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise CommandError(
            f"{root} is not a streamparse project: it has no config.json",
            code=ExitCode.USAGE,
            advice="Make one with: heronry new NAME",
        ) from exc
    except (OSError, ValueError) as exc:
        raise CommandError(f"{file} cannot be read: {exc}") from exc
    if not isinstance(config, dict):
        raise CommandError(f"{file} must hold a JSON object")
    return Project(root, config)


def submission_conf(
    environment: Mapping[str, Any],
    topology: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    name: str,
    original_name: str,
    hosts: Sequence[str],
) -> dict[str, Any]:
    """Return the conf that `sparse submit` would send: the environment's < the topology's < ``options``.

    Two numbers differ.  sparse starts as many workers and ackers as the cluster has hosts; here one container
    is the default, and null lets Nimbus choose the ackers.

    Args:
        environment: one of the ``envs`` of config.json.
        topology: ``config`` of the topology class.
        options: given on the command line.
        hosts: those of the cluster.
    """
    conf: dict[str, Any] = dict(environment.get("options") or {})
    root = environment.get("virtualenv_root")
    if environment.get("use_virtualenv", True) and root:
        conf["topology.python.path"] = f"{root}/{name}/bin/python"
    log = environment.get("log") or {}
    if path := log.get("path") or environment.get("log_path"):
        conf["pystorm.log.path"] = path
    if file := log.get("file") or environment.get("log_file"):
        conf["pystorm.log.file"] = file
    for key in ("max_bytes", "backup_count"):
        if isinstance(log.get(key), int):
            conf[f"pystorm.log.{key}"] = log[key]
    if isinstance(log.get("level"), str):
        conf["pystorm.log.level"] = log["level"].lower()
    conf.update({key: environment[key] for key in _ENVIRONMENT_KEYS if key in environment})
    conf["sudo_user"] = environment.get("user")
    conf.update(topology)
    conf.update(options)
    if conf.get("topology.debug"):
        conf["pystorm.log.level"] = "debug"
    workers = conf.get("storm.workers.list") or environment.get("workers") or list(hosts)
    conf["storm.workers.list"] = workers.split(",") if isinstance(workers, str) else workers
    if conf.get("topology.workers") is None:
        conf["topology.workers"] = 1
    conf.setdefault("topology.acker.executors", None)
    conf["topology.original_name"] = original_name
    return conf


def option_value(text: str) -> object:
    """Return what stands behind ``key=``: JSON if it is JSON or YAML's words for it, else the text itself."""
    words: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        pass
    if text[0] in "[{":
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            pass
    return text
