"""What the components of a container measure, and the metrics file if the topology wants one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scheduler.control.messages import TaskReport
from scheduler.run.logs import RotatingLog
from scheduler.run.metrics_log import MetricsConfig, counted, lines
from scheduler.stream.shell_metrics import MAX_NAMES, ShellMetrics


class Measures:
    """Takes the components' metrics; writes them, and the tasks' counts, when it is time."""

    def __init__(self, conf: Mapping[str, Any], worker_log: Path, port: int) -> None:
        self._config = MetricsConfig.from_conf(conf)
        self._port = port
        self._metrics: dict[int, ShellMetrics] = {}
        self._before: dict[int, TaskReport] = {}
        self._next_s = 0.0
        path = worker_log.with_name(f"{worker_log.name}.metrics")
        self._log = RotatingLog(path) if self._config.is_wanted else None

    def note(self, task: int, name: str, params: bytes) -> str:
        """Take what a component said; return what is wrong with it, empty if nothing is."""
        if not name:
            return "sent a metric without a name; it was passed over"
        metrics = self._metrics.setdefault(task, ShellMetrics(self._config.gauges))
        try:
            is_kept = metrics.note(name, params)
        except (ValueError, RecursionError) as exc:
            return f"sent a metric {name!r} that cannot be read: {exc}"
        return "" if is_kept else f"has more than {MAX_NAMES} metrics; {name!r} is not kept"

    def write(self, reports: Iterable[TaskReport], spouts: frozenset[int], now: float) -> None:
        """Write what there is to write, if it is time; call it often."""
        if self._log is None:
            return
        if not self._next_s:
            self._next_s = now + self._config.interval_s
        if now < self._next_s:
            return
        self._next_s += self._config.interval_s
        at_s, host = time.time(), socket.gethostname()
        for report in reports:
            task = report.task
            found = list(counted(report, self._before.get(task), is_spout=task in spouts))
            self._before[task] = report
            if task in self._metrics:
                found += self._metrics[task].take().items()
            shown = [(name, value) for name, value in found if self._config.shows(name)]
            for line in lines(
                shown, at_s=at_s, host=host, port=self._port, task=task, component=report.component
            ):
                self._log.write(line, at_s)
