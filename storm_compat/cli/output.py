"""What a person or a program reads: tables, ages, one JSON document; notes go to stderr.

Tables are plain aligned columns that are never cut or wrapped, so that `grep` and `awk` work on them. Colours
only on a terminal, and not when NO_COLOR is set (https://no-color.org).
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import click

STATUS_COLOURS = {"ACTIVE": "green", "INACTIVE": "yellow", "REBALANCING": "yellow", "KILLED": "red"}


def has_colour(stream: TextIO) -> bool:
    """Return whether ``stream`` should get colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, *, bold: bool = False, colour: str | None = None, dim: bool = False) -> str:
    """Return ``text`` in a style where stdout shows styles, else as it is."""
    if not has_colour(sys.stdout):
        return text
    return click.style(text, fg=colour, bold=bold or None, dim=dim or None)


def status_text(status: str) -> str:
    """Return a topology's status in its colour."""
    return styled(status, colour=STATUS_COLOURS.get(status))


def print_json(document: object) -> None:
    """Print the one JSON document of a command; dataclasses become objects."""
    click.echo(json.dumps(document, indent=2, default=_as_plain, ensure_ascii=False))


def _as_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def note(text: str) -> None:
    """Say something to the person at the terminal, on stderr."""
    click.echo(text, err=True)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Return rows as aligned columns below a header; the columns in ``right`` are aligned to the right."""
    lines = [[*header], *([("-" if cell is None else str(cell)) for cell in row] for row in rows)]
    widths = [max(len(click.unstyle(line[column])) for line in lines) for column in range(len(header))]
    text = []
    for number, line in enumerate(lines):
        cells = []
        for column, cell in enumerate(line):
            padding = " " * (widths[column] - len(click.unstyle(cell)))
            cells.append(padding + cell if column in right else cell + padding)
        joined = "  ".join(cells).rstrip()
        text.append(styled(joined, dim=True) if number == 0 else joined)
    return "\n".join(text)


def duration(seconds: float) -> str:
    """Return a length of time as people say it: 8s, 3m20s, 2h05m, 4d03h."""
    total = max(int(seconds), 0)
    if total < 60:
        return f"{total}s"
    if total < 3600:
        return f"{total // 60}m{total % 60:02}s"
    if total < 86400:
        return f"{total // 3600}h{total % 3600 // 60:02}m"
    return f"{total // 86400}d{total % 86400 // 3600:02}h"


def size(byte_count: int) -> str:
    """Return a number of bytes as people say it."""
    if byte_count < 1024:
        return f"{byte_count} B"
    if byte_count < 1024 * 1024:
        return f"{byte_count / 1024:.1f} KiB"
    return f"{byte_count / 1024 / 1024:.1f} MiB"


def plural(count: int, word: str) -> str:
    """Return ``1 task``, ``2 tasks``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
