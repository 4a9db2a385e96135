"""The file ``events.log`` of a container: the emits that are shown, as Storm's event logger writes them.

Only where the topology has event loggers (``topology.eventlogger.executors``).  A line is the time, then
``component,task,message id,values``; id and values are JSON.
Source: storm:storm-client/src/jvm/org/apache/storm/metric/FileBasedEventLogger.java
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scheduler.run.logs import RotatingLog

_MIB = 1024 * 1024
_ROTATION_MIB = 100
_FILE_COUNT = 5


class EventLog:
    """Writes events; opens its file with the first one, and never where nobody wants it."""

    def __init__(self, conf: Mapping[str, Any], worker_log: Path) -> None:
        self._is_wanted = conf.get("topology.eventlogger.executors", 0) != 0  # null: one a worker
        self._path = worker_log.with_name("events.log")
        self._max_bytes = int(conf.get("topology.eventlogger.rotation.size.mb") or _ROTATION_MIB) * _MIB
        self._file_count = int(conf.get("topology.eventlogger.max.retained.files") or _FILE_COUNT)
        self._log: RotatingLog | None = None

    def write(self, component: str, task: int, message_id: bytes, values: bytes, at_s: float) -> None:
        """Write one event; ``at_s`` in seconds since the epoch."""
        if not self._is_wanted:
            return
        if self._log is None:
            self._log = RotatingLog(self._path, max_bytes=self._max_bytes, file_count=self._file_count)
        self._log.write(f"{component},{task},".encode() + message_id + b"," + values, at_s)
