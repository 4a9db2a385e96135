"""`heronry new`: a streamparse project that works, with tests that pass."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode

_TAKEN = (
    *("bolts", "spouts", "conftest", "streamparse", "pystorm", "heronry", "multilang", "scheduler"),
    "storm_compat",
)


@click.command(
    epilog="""\b
Example:
  heronry new lake
  heronry run lake
"""
)
@click.argument("name", type=click.Path(path_type=Path))
def new(*, name: Path) -> None:
    """Make a streamparse project in the new folder NAME: a word count, to be changed into your own.

    It is laid out as `sparse quickstart` does it, so `sparse` understands it as well.
    """
    from storm_compat.cli.skeleton import files

    if name.exists():
        raise CommandError(f"{name} exists already", code=ExitCode.EXISTS, advice="Nothing was changed.")
    word = checked(name.name)
    try:
        for path, text in files(word).items():
            (name / path).parent.mkdir(parents=True, exist_ok=True)
            (name / path).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise CommandError(f"{name} cannot be made: {exc.strerror} at {exc.filename}") from exc
    lines = [
        f"Made the project {name}. Next:",
        f"  heronry run {name}           in the foreground, with a cluster of its own; Ctrl-C ends it",
        f"  heronry submit {name}        to a cluster, such as that of heronry dev",
        f"  cd {name} && python -m pytest",
    ]
    click.echo("\n".join(lines))


def checked(name: str) -> str:
    """Return the name if a topology's Python file can have it.

    Raises:
        CommandError: it cannot; says why, and which could.
    """
    proposal = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    if not proposal or proposal[0].isdigit():
        proposal = f"topology_{proposal}".rstrip("_")
    if not (name.isascii() and name.isidentifier()) or name.startswith("_"):
        reason = (
            "it names a Python module, topologies/NAME.py, so it may have letters, digits and _ alone,"
            " and begins with a letter"
        )
    elif keyword.iskeyword(name):
        reason = "it is a word of the language Python"
    elif _is_module(name):
        reason = "a Python module of that name is there already, and would be hidden"
    else:
        return name
    if keyword.iskeyword(proposal) or _is_module(proposal):
        proposal += "_topology"
    raise CommandError(
        f"{name!r} cannot be the name of a project: {reason}",
        code=ExitCode.USAGE,
        advice=f"How about: heronry new {proposal}",
    )


def _is_module(name: str) -> bool:
    """Return whether something can be imported by that name, a folder without code apart."""
    if name in sys.stdlib_module_names or name in _TAKEN:
        return True
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None
