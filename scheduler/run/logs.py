"""Logs: the set-up for our own processes, and a bounded file for what components say.

A line is ``2026-01-31 12:00:00.123 INFO scheduler.run.topology container started container=2 pid=4711``,
in local time as Storm's.  Our processes log to stderr, which the launcher has led into their file.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
FILE_COUNT = 3
MAX_LINE_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


def setup(process_name: str, level: int = logging.INFO) -> None:
    """Send all records of this process to stderr, beginning with one that says which process it is."""
    # Nobody reads these, and each record would pay for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if hasattr(logging, "logAsyncioTasks"):
        logging.logAsyncioTasks = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(name)s %(message)s", "%Y-%m-%d %H:%M:%S")
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    log.info("process started name=%s pid=%s", process_name, os.getpid())


class RotatingLog:
    """``file_count`` files of about ``max_bytes``: ``path``, the older ``path.1``, the oldest ``path.2``.

    Where this process's stdout or stderr lead into the same file, they move
    on with it.  A line loses what is beyond 1 MiB.  A write never fails: what
    a full disk refuses is counted, and the count is written as soon as there
    is room.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, file_count: int = FILE_COUNT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._older = [path, *(path.with_name(f"{path.name}.{n}") for n in range(1, file_count))]
        self._lost_count = 0
        self._second = -1
        self._stamp = b""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()
        self._byte_count = os.fstat(self._descriptor).st_size

    def write(self, line: bytes, now: float) -> None:
        """Add one line, with the time ``now`` (seconds since the epoch) before it."""
        try:
            if self._byte_count >= self._max_bytes:
                self._rotate()
            if self._lost_count:
                self._append(b"%d lines were lost: they could not be written" % self._lost_count, now)
                self._lost_count = 0
            self._append(line, now)
        except OSError:
            self._lost_count += 1

    def close(self) -> None:
        """Close the file; nothing may be written any more."""
        os.close(self._descriptor)

    def _append(self, line: bytes, now: float) -> None:
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second)).encode()
        milliseconds = int((now - second) * 1000)
        if len(line) > MAX_LINE_BYTES:
            line = b"%b ... %d bytes left out" % (line[:MAX_LINE_BYTES], len(line) - MAX_LINE_BYTES)
        data = b"%s.%03d %s\n" % (self._stamp, milliseconds, line.rstrip(b"\r\n"))
        self._byte_count += os.write(self._descriptor, data)

    def _rotate(self) -> None:
        for newer, older in reversed(list(zip(self._older, self._older[1:], strict=False))):
            if newer.exists():
                newer.replace(older)
        if len(self._older) == 1:
            self._path.unlink(missing_ok=True)
        new = self._open()
        for standard in (1, 2):
            if os.path.sameopenfile(standard, self._descriptor):
                os.dup2(new, standard)
        os.close(self._descriptor)
        self._descriptor = new
        self._byte_count = os.fstat(new).st_size

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
