r"""The file ``worker.log.metrics``: what Storm's LoggingMetricsConsumer writes, without the consumer.

A topology asks for it by that class in ``topology.metrics.consumer.register``.
Each container writes of its own tasks, every
``topology.builtin.metrics.bucket.size.secs``, what they counted since the
last time and what their components measured; a line each, in Storm's columns:

    1700000000\t      host-1:6700\t  3:split      \t__emit-count-default   \t20

Source: storm:storm-client/src/jvm/org/apache/storm/metric/LoggingMetricsConsumer.java
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scheduler.control.messages import TaskReport
from scheduler.stream.shell_metrics import Value

GAUGES: Final = "heronry.multilang.metrics.gauges"
_CONSUMER: Final = "LoggingMetricsConsumer"
_COUNTS: Final = {
    "__emit-count": "emitted",
    "__transfer-count": "transferred",
    "__execute-count": "executed",
    "__ack-count": "acked",
    "__fail-count": "failed",
}
_NAME_CHARS: Final = 23  # where Storm also cuts them, and so makes many alike; here they are whole


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """Whether, how often and of what the file is written."""

    is_wanted: bool = False
    interval_s: float = 60.0
    """``topology.builtin.metrics.bucket.size.secs``"""

    gauges: tuple[str, ...] = ()
    """`GAUGES`: names of components' metrics whose numbers are levels."""

    allowed: re.Pattern[str] | None = None
    """``whitelist`` of the consumer; None: all."""

    denied: re.Pattern[str] | None = None
    """``blacklist`` of the consumer; None: none."""

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> MetricsConfig:
        """Return the settings of a topology's conf; a pattern that Python cannot read lets all pass."""
        gauges = conf.get(GAUGES)
        names = tuple(str(name) for name in gauges) if isinstance(gauges, list) else ()
        interval = conf.get("topology.builtin.metrics.bucket.size.secs")
        interval_s = float(interval) if isinstance(interval, int | float) and interval > 0 else 60.0
        for entry in conf.get("topology.metrics.consumer.register") or ():
            if isinstance(entry, Mapping) and str(entry.get("class")).rpartition(".")[2] == _CONSUMER:
                allowed, denied = _pattern(entry.get("whitelist")), _pattern(entry.get("blacklist"))
                return cls(True, interval_s, names, allowed, denied)
        return cls(False, interval_s, names)

    def shows(self, name: str) -> bool:
        """Return whether the consumer wants a metric of that name."""
        if self.allowed is not None and not self.allowed.search(name):
            return False
        return self.denied is None or not self.denied.search(name)


def _pattern(texts: Any) -> re.Pattern[str] | None:
    if not isinstance(texts, list) or not texts:
        return None
    try:
        return re.compile("|".join(f"(?:{text})" for text in texts))
    except re.error:
        return None


def counted(report: TaskReport, before: TaskReport | None, *, is_spout: bool) -> Iterator[tuple[str, Value]]:
    """Yield name and value of what Storm measures of a task, since ``before``."""
    for name, attribute in _COUNTS.items():
        old: Mapping[str, int] = getattr(before, attribute) if before is not None else {}
        for key, count in getattr(report, attribute).items():
            if (grown := count - old.get(key, 0)) > 0:
                yield f"{name}-{key}", grown
    latency = "__complete-latency" if is_spout else "__process-latency"
    for key, count in report.latency_count.items():
        old_count = before.latency_count.get(key, 0) if before is not None else 0
        old_ms = before.latency_ms_sum.get(key, 0.0) if before is not None else 0.0
        if count > old_count:
            yield f"{latency}-{key}", (report.latency_ms_sum[key] - old_ms) / (count - old_count)


def lines(
    metrics: Iterable[tuple[str, Value]], *, at_s: float, host: str, port: int, task: int, component: str
) -> Iterator[bytes]:
    """Yield the lines of one task's metrics, without a line end."""
    head = f"{int(at_s)}\t{host:>15}:{port:<4}\t{task:>3}:{component:<11}\t"
    for name, value in metrics:
        line = f"{head}{name:<{_NAME_CHARS}}\t{_shown(value)}"
        yield line.replace("\n", " ").encode("utf-8", "replace")


def _shown(value: Value) -> str:
    """Return a value as Java prints it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(part)}" for key, part in value.items()) + "}"
    return str(value)
