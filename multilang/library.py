"""What the library behind a component is known to do, beyond what the protocol asks. Reads source files.

Two habits let a host spare a component most of its waiting, and cannot be
seen from outside before it is too late:

* a list of task ids that comes before the emit it belongs to is kept for it;
* a command is begun only when the one before has been answered.

Storm's own `storm.py` has both, and pystorm, which streamparse is, and our own client; Storm's
`storm.js` has neither: it throws on a list that nobody asked for, and begins
a second ``next`` while the first waits for a callback.  So a component is
taken at its word only where its source shows on which library it stands.
Source: storm:storm-multilang/python/src/main/resources/resources/storm.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_STREAMPARSE = "streamparse_run"
_PYSTORMS = re.compile(r"^\s*(?:from|import)\s+(?:pystorm|streamparse|multilang\.client)\b", re.MULTILINE)
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(\w+)", re.MULTILINE)
_STORM_PY = ("pending_taskids.append(", "def readTaskIds(", "def readCommand(")
_MOST_BYTES = 1 << 20
_MOST_FILES = 50


@dataclass(frozen=True, slots=True)
class Library:
    """The habits of a component's library."""

    keeps_task_ids: bool = False
    """Lists of task ids may come before they are asked for."""

    takes_turns: bool = False
    """Several commands may wait in its input; it does one after the other."""


UNKNOWN = Library()
CAREFUL = Library(keeps_task_ids=True, takes_turns=True)


def recognize(command: Sequence[str], folder: Path) -> Library:
    """Return what is known of the library of a component that is started as ``command`` in ``folder``."""
    if _is_streamparse(command) or any(map(_is_careful, _sources(command, folder))):
        return CAREFUL
    return UNKNOWN


def _is_streamparse(command: Sequence[str]) -> bool:
    return bool(command) and Path(command[0]).name == _STREAMPARSE


def _is_careful(text: str) -> bool:
    """Return whether a source imports pystorm, or ours of its names, or is storm.py itself."""
    return _PYSTORMS.search(text) is not None or all(mark in text for mark in _STORM_PY)


def _sources(command: Sequence[str], folder: Path) -> Iterator[str]:
    """Yield the Python script that a command names, and what it imports from the script's folder."""
    todo = [folder / word for word in command if word.endswith(".py")][:1]
    seen = set(todo)
    while todo and len(seen) < _MOST_FILES:
        path = todo.pop()
        try:
            if path.stat().st_size > _MOST_BYTES:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):  # not there, not readable, or no name of a file
            continue
        yield text
        found = {path.with_name(f"{name}.py") for name in _IMPORT.findall(text)} - seen
        seen |= found
        todo += sorted(found)
