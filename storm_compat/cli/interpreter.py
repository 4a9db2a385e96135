"""Loads a topology with a Python that has streamparse: which one, and what to tell when none can.

heronry need not be installed where the user's project is, so the project is read by another process
(`storm_compat.cli.load_topology`).  Interpreters are tried in this order; the first with streamparse counts:

    --python    the environment named in config.json    $VIRTUAL_ENV    heronry's own    python3 on the PATH
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storm_compat.cli.exit_codes import CommandError, ExitCode

LOAD_TIMEOUT_S = 60.0
_LOADER = Path(__file__).with_name("load_topology.py")
_WARNINGS_OF_STREAMPARSE = ("pkg_resources is deprecated", "Deprecated call to `pkg_resources")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A Python that may have streamparse, and who proposes it."""

    path: str
    source: str


@dataclass(frozen=True, slots=True)
class LoadedTopology:
    """What `load_topology` answered."""

    binary: bytes
    """The StormTopology in Thrift's binary form."""

    config: Mapping[str, Any]
    class_name: str
    other_classes: tuple[str, ...]
    runner: str | None
    """The streamparse_run of its Python components; None if there are none."""

    interpreter: Candidate


def candidates(named: str | None, environment_root: Path | None) -> list[Candidate]:
    """Return the interpreters to try, best first; only the named one if one is named.

    Raises:
        CommandError: USAGE if the named one does not exist.
    """
    if named is not None:
        found = shutil.which(str(Path(named).expanduser()))
        if found is None:
            raise CommandError(f"--python {named}: there is no such program", code=ExitCode.USAGE)
        return [Candidate(found, "--python")]
    proposals = []
    if environment_root is not None:
        proposals.append(
            Candidate(str(environment_root / "bin" / "python"), "virtualenv_root in config.json")
        )
    if active := os.environ.get("VIRTUAL_ENV"):
        proposals.append(Candidate(str(Path(active, "bin", "python")), "VIRTUAL_ENV"))
    proposals.append(Candidate(sys.executable, "heronry's own"))
    if on_path := shutil.which("python3"):
        proposals.append(Candidate(on_path, "PATH"))
    return list({p.path: p for p in reversed(proposals) if os.access(p.path, os.X_OK)}.values())[::-1]


def load(pythons: list[Candidate], request: Mapping[str, Any], *, shown_file: str) -> LoadedTopology:
    """Return the topology, read by the first of ``pythons`` that has streamparse.

    Raises:
        CommandError: none has it, or the topology cannot be loaded; says where in the user's files.
    """
    reasons = []
    for python in pythons:
        answer = _ask(python, request)
        if answer.get("error") == "no_streamparse":
            reasons.append(f"  {python.path} ({python.source}): {answer['message']}")
            continue
        if "error" in answer:
            raise _explain(answer, python, shown_file)
        return LoadedTopology(
            binary=base64.b64decode(answer["topology"]),
            config=answer["config"],
            class_name=answer["class"],
            other_classes=tuple(answer["others"]),
            runner=answer["runner"],
            interpreter=python,
        )
    advice = "Install it there (pip install streamparse), or name a Python that has it with --python."
    if any("pkg_resources" in reason for reason in reasons):
        advice += "\nstreamparse needs pkg_resources: pip install 'setuptools<81'"
    raise CommandError("no Python with streamparse was found:\n" + "\n".join(reasons), advice=advice)


def _ask(python: Candidate, request: Mapping[str, Any]) -> dict[str, Any]:
    command = [python.path, "-B"]
    for text in _WARNINGS_OF_STREAMPARSE:
        command += ["-W", f"ignore:{text}"]
    command += [str(_LOADER), json.dumps(request)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=LOAD_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as exc:
        raise CommandError(
            f"{request['file']} was not imported within {LOAD_TIMEOUT_S:g} s",
            code=ExitCode.TIMED_OUT,
            advice="What it and its modules do when they are imported must end by itself.",
        ) from exc
    except OSError as exc:
        return {"error": "no_streamparse", "message": f"cannot be run: {exc.strerror}"}
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return {"error": "no_streamparse", "message": f"ended with code {done.returncode} and no answer"}
    assert isinstance(answer, dict)
    return answer


def _explain(answer: Mapping[str, Any], python: Candidate, shown_file: str) -> CommandError:
    if answer["error"] == "no_class":
        return CommandError(
            f"{shown_file} defines no topology",
            advice="It must hold a class derived from streamparse.Topology.",
        )
    text = f"{shown_file} could not be loaded\n\n{str(answer['traceback']).rstrip()}\n"
    if answer["error"] == "import":
        return CommandError(
            text,
            advice=f"{python.path} ({python.source}) has no module {answer['module']!r}, and neither has the "
            "project's src folder.\nInstall it there, or name another Python with --python.",
        )
    if str(answer["message"]).startswith("KeyError"):
        return CommandError(
            text,
            advice="If it is raised for the topology class: one of its inputs names a component or stream "
            "that it does not have.",
        )
    return CommandError(text)
