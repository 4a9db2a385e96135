"""Reads one streamparse topology and answers with it as JSON; a script for any Python that has streamparse.

    python load_topology.py REQUEST        REQUEST and the answer on stdout are JSON objects

Request: file; paths, which are appended to sys.path and tell which code is the user's; environment;
serializer; runner, the streamparse_run to use; own_runner: without one, use that of this Python.
Answer: {"topology": base64 of the Thrift binary, "config", "class", "others", "runner"} or
{"error": kind, "message", "traceback", "module"}, where kind is one of

    no_streamparse    this Python has no streamparse, or a broken one
    import            a module that the topology wants could not be found
    topology          whatever else the user's file raised, streamparse's own checks included
    no_class          the file defines no subclass of Topology

Nothing of heronry is imported, and nothing newer than Python 3.7 is run: this is not heronry's interpreter.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

RUNNER = "streamparse_run"


def main() -> None:
    """Answer the request in ``sys.argv``; what the user's modules print goes to stderr."""
    request = json.loads(sys.argv[1])
    del sys.path[0]  # this file's folder, whose modules would hide the user's
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    answer = load(request)
    sys.stdout.flush()
    with os.fdopen(answer_fd, "w") as stream:
        json.dump(answer, stream)


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request; see the module's docstring."""
    try:
        from streamparse.dsl.topology import Topology, TopologyType
    except ImportError as exc:
        return failure("no_streamparse", exc, [])
    sys.path.extend(request["paths"])
    try:
        module = import_file(request["file"])
    except ModuleNotFoundError as exc:
        return failure("import", exc, request["paths"])
    except (Exception, SystemExit) as exc:  # noqa: BLE001  user code raises anything
        return failure("topology", exc, request["paths"])
    classes = [c for c in vars(module).values() if isinstance(c, TopologyType) and c is not Topology]
    own = [c for c in classes if c.__module__ == module.__name__] or classes
    if not own:
        return {"error": "no_class", "message": "", "traceback": "", "module": None}
    chosen = own[0]
    runner = prepare(chosen, request)
    try:
        config = json.loads(json.dumps(chosen.config))
        binary = io.BytesIO()
        chosen.write(binary)
    except Exception as exc:  # noqa: BLE001  user objects raise anything
        return failure("topology", exc, request["paths"])
    return {
        "topology": base64.b64encode(binary.getvalue()).decode("ascii"),
        "config": config,
        "class": chosen.__name__,
        "others": [c.__name__ for c in own[1:]],
        "runner": runner,
    }


def import_file(path: str) -> Any:
    """Return the module that a file makes, imported under the file's name as streamparse does it."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def prepare(topology: Any, request: dict[str, Any]) -> str | None:
    """Change the topology as `sparse submit` does; return the streamparse_run it uses, None if it uses none.

    Unlike there, only streamparse_run is told the serializer: other commands would take it for a script.
    """
    runner = request["runner"]
    if runner is None and request["own_runner"]:
        beside = Path(sys.executable).with_name(RUNNER)
        runner = str(beside) if beside.exists() else None
    used = None
    for component in [*topology.thrift_spouts.values(), *topology.thrift_bolts.values()]:
        if isinstance(component.common.parallelism_hint, dict):
            component.common.parallelism_hint = component.common.parallelism_hint.get(request["environment"])
        holder = component.bolt_object if hasattr(component, "bolt_object") else component.spout_object
        shell = holder.shell
        if shell is not None and RUNNER in shell.execution_command:
            shell.execution_command = used = runner or shell.execution_command
            if request["serializer"]:
                shell.script = "-s {} {}".format(request["serializer"], shell.script)
    return used


def failure(kind: str, exc: BaseException, paths: list[str]) -> dict[str, Any]:
    """Return the answer that tells of an exception, its traceback cut down to the user's files."""
    report = traceback.TracebackException(type(exc), exc, exc.__traceback__)
    trim(report, [os.path.realpath(path) + os.sep for path in paths])
    return {
        "error": kind,
        "message": "".join(report.format_exception_only()).strip(),
        "traceback": "".join(report.format()),
        "module": getattr(exc, "name", None),
    }


def trim(report: Any, folders: list[str]) -> None:
    """Keep only frames of files below ``folders``, in the whole chain of exceptions."""
    while report is not None:
        own = [f for f in report.stack if os.path.realpath(f.filename).startswith(tuple(folders))]
        report.stack = traceback.StackSummary.from_list(own)
        report = report.__cause__ or report.__context__


if __name__ == "__main__":
    main()
