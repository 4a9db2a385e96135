"""Shows a topology in the foreground: on a terminal a table that stays below the log, else plain lines.

14:03:12 count:3 INFO saw 1000 words          lines of log, tracebacks below their first line
sentence_spout   1 task   emitted 48,120 ...  counts, each few seconds or in place
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

from storm_compat.cli.output import duration, plural, table

if TYPE_CHECKING:
    from storm_compat.cli.foreground import Foreground, Row, Said, Shown

_HEADER = ("component", "tasks", "emitted", "executed", "acked", "failed", "per second")
_BAD = ("WARN", "WARNING", "ERROR", "CRITICAL")


def view(*, every_s: float, has_log: bool, is_silent: bool) -> Shown:
    """Return what suits stdout."""
    if is_silent:
        return Silent()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return OnTerminal(has_log=has_log)
    return Plain(every_s=every_s, has_log=has_log)


class Silent:
    """Shows nothing: the document in the end is everything."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, foreground: Foreground) -> None:
        """Show nothing."""


class Plain(Silent):
    """Lines of text, for files and pipes."""

    def __init__(self, *, every_s: float, has_log: bool) -> None:
        self._every_s = every_s
        self._has_log = has_log
        self._shown_at = time.monotonic()
        self._log_is_on = False

    def show(self, foreground: Foreground) -> None:
        """Print new lines, and the counts if it is time for them."""
        for said in foreground.lines:
            self._log_is_on = is_wanted(said, has_log=self._has_log, was_wanted=self._log_is_on)
            if self._log_is_on:
                click.echo(as_text(said))
        now = time.monotonic()
        if now - self._shown_at >= self._every_s and foreground.rows:
            self._shown_at = now
            click.echo("\n".join(counts_line(row) for row in foreground.rows))
        sys.stdout.flush()


class OnTerminal(Silent):
    """The log goes up, the table stays below it."""

    def __init__(self, *, has_log: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._has_log = has_log
        self._log_is_on = False
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, foreground: Foreground) -> None:
        """Print new lines above the table, and draw that anew."""
        from rich.text import Text

        for said in foreground.lines:
            self._log_is_on = is_wanted(said, has_log=self._has_log, was_wanted=self._log_is_on)
            if self._log_is_on:
                self._console.print(Text(as_text(said), style="red" if said.level in _BAD else ""))
        self._live.update(self._table(foreground), refresh=True)

    def _table(self, foreground: Foreground) -> Any:
        from rich.table import Table

        drawn = Table(title=title(foreground), caption="Ctrl-C ends it", title_justify="left", box=None)
        for index, heading in enumerate(_HEADER):
            drawn.add_column(heading, justify="right" if index else "left")
        for row in foreground.rows:
            drawn.add_row(*cells(row))
        return drawn


def is_wanted(said: Said, *, has_log: bool, was_wanted: bool) -> bool:
    """Return whether a line is shown; without the log those are the bad ones, with what follows them."""
    if not said.has_head:
        return was_wanted
    return has_log or said.level in _BAD


def as_text(said: Said) -> str:
    """Return a line of log as people read it."""
    return f"{said.time} {said.who} {said.level} {said.text}" if said.has_head else said.text


def title(foreground: Foreground) -> str:
    """Return what runs, for how long, and how it is."""
    if not foreground.run_s:
        return f"{foreground.name} starts"
    errors = f", {plural(len(foreground.errors), 'error')}" if foreground.errors else ""
    return f"{foreground.name}, {duration(foreground.run_s)}{errors}"


def cells(row: Row) -> tuple[str, ...]:
    """Return a component's line of the table."""
    tasks = str(row.task_count)
    if row.running_count < row.task_count:
        tasks = f"{row.running_count} of {row.task_count}"
    counts = row.counts
    numbers = (counts.emitted, counts.executed, counts.acked, counts.failed)
    return (row.component, tasks, *("" if n is None else f"{n:,}" for n in numbers), f"{row.per_s:,.0f}")


def counts_line(row: Row) -> str:
    """Return what a component has counted, in a line that `grep` finds by its name."""
    counts = row.counts
    executed = "" if counts.executed is None else f"  executed {counts.executed:,}"
    tasks = f"{row.running_count} of {plural(row.task_count, 'task')}"
    return (
        f"{row.component}  {tasks}  emitted {counts.emitted:,}"
        f"{executed}  acked {counts.acked or 0:,}  failed {counts.failed or 0:,}  {row.per_s:,.0f}/s"
    )


def summary(foreground: Foreground) -> str:
    """Return what people read in the end: the counts, and each kind of error once."""
    lines = ["", table(_HEADER[:-1], [cells(row)[:-1] for row in foreground.rows], right=range(1, 6)), ""]
    if not foreground.has_run:
        lines.append(f"{foreground.name} did not come to run as a whole.")
    errors = foreground.errors
    if not errors:
        lines.append("No errors.")
        return "\n".join(lines)
    lines.append(f"{plural(len(errors), 'error')}:")
    known: dict[tuple[str, str], int] = {}
    for error in errors:
        known[error.component, last_words(error.text)] = (
            known.get((error.component, last_words(error.text)), 0) + 1
        )
    lines += [
        f"  {component}: {text}{f' ({n} times)' if n > 1 else ''}" for (component, text), n in known.items()
    ]
    return "\n".join(lines)


def last_words(text: str) -> str:
    """Return the line of an error that says most: what its last traceback ends with, else the first."""
    lines = text.strip().splitlines() or [""]
    # Of a long traceback the tail of stderr has the end alone.
    starts = [index for index, line in enumerate(lines) if line.startswith(("Traceback", '  File "'))]
    after = lines[starts[-1] + 1 :] if starts else []
    return next((line for line in after if line[:1].strip()), lines[0])
