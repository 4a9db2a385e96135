"""How far something large is, on a terminal: a bar on stderr that goes away at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SMALL_BYTES = 1024 * 1024
"""What is over before a bar could be read."""


@contextmanager
def bytes_bar(what: str, total_bytes: int | None) -> Iterator[Callable[[int], object]]:
    """Give a function to call with the bytes done so far; it does nothing where nobody would see it.

    Args:
        what: "Uploading" or the like.
        total_bytes: None if nobody knows.
    """
    if not sys.stderr.isatty() or (total_bytes is not None and total_bytes < SMALL_BYTES):
        yield lambda done_bytes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=total_bytes)
        yield lambda done_bytes: progress.update(bar, completed=done_bytes)
