"""What the library behind a component is known to do, beyond what the protocol asks. Reads source files.

Two habits let a host spare a component most of its waiting, and cannot be
seen from outside before it is too late:

* a list of task ids that comes before the emit it belongs to is kept for it;
* a command is begun only when the one before has been answered.

Storm's own `storm.py` has both, and pystorm, which streamparse is, and our own client; Storm's
`storm.js` has neither: it throws on a list that nobody asked for, and begins
a second ``next`` while the first waits for a callback.  So a component is
taken at its word only where its source shows on which library it stands.
Our own client has a third, which lets a host say many ``next`` at once:

* after a ``next`` that blocked, those that came with it bring nothing, so that
  what the host says next waits for one block only.
Source: storm:storm-multilang/python/src/main/resources/resources/storm.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_STREAMPARSE = "streamparse_run"
_PYSTORMS = re.compile(r"^\s*(?:from|import)\s+(?:pystorm|streamparse)\b", re.MULTILINE)
_OURS = re.compile(r"^\s*(?:from|import)\s+multilang\.client\b", re.MULTILINE)
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

    blocks_once: bool = False
    """Of the ``next`` that wait in its input it does no more after one that took long."""


UNKNOWN = Library()
CAREFUL = Library(keeps_task_ids=True, takes_turns=True)
OURS = Library(keeps_task_ids=True, takes_turns=True, blocks_once=True)


def recognize(command: Sequence[str], folder: Path, *, is_stood_in: bool = False) -> Library:
    """Return what is known of the library of a component that is started as ``command`` in ``folder``.

    Args:
        is_stood_in: what the component imports as pystorm is our own client (`multilang.standin`).
    """
    pystorm = OURS if is_stood_in else CAREFUL
    if _is_streamparse(command):
        return pystorm
    known = UNKNOWN
    for text in _sources(command, folder):
        found = _library_of(text, pystorm)
        if found is CAREFUL:
            return CAREFUL  # whatever else is there: nobody knows which one the component stands on
        known = found or known
    return known


def _library_of(text: str, pystorm: Library) -> Library | None:
    """Return on which library a source stands: storm.py itself, pystorm or our own client."""
    is_pystorms = _PYSTORMS.search(text) is not None
    if all(mark in text for mark in _STORM_PY) or (is_pystorms and pystorm is CAREFUL):
        return CAREFUL
    return OURS if is_pystorms or _OURS.search(text) is not None else None


def _is_streamparse(command: Sequence[str]) -> bool:
    return bool(command) and Path(command[0]).name == _STREAMPARSE


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
