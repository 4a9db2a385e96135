"""How Storm's pages write times, numbers, ids and links; and what they say of the servers themselves.

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/UIHelpers.java
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus

ALL_TIME: Final = ":all-time"
ERROR_CHARS: Final = 200
"""Of a component's last error on a topology's page."""

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_NOT_GENERIC: Final = frozenset(
    {
        "memory.mb",
        "onheap.memory.mb",
        "offheap.memory.mb",
        "cpu.pcore.percent",
        "supervisor.memory.capacity.mb",
        "supervisor.cpu.capacity",
    }
)


@dataclass(frozen=True, slots=True)
class Site:
    """What pages say that no struct says."""

    conf: Mapping[str, Any]
    """The cluster's."""

    log_address: str
    """HOST:PORT where the logs of all workers are served: they are all on this machine."""

    def log_link(self, topology_id: str, port: int) -> str:
        """Return where a worker's log is read."""
        return f"http://{self.log_address}/api/v1/log?file={encoded(f'{topology_id}/{port}/worker.log')}"

    def daemon_log_link(self) -> str:
        """Return where nimbus' own log is read; it does a supervisor's work, too."""
        return f"http://{self.log_address}/api/v1/daemonlog?file=nimbus.log"

    def dump_link(self, topology_id: str, host: str, port: int) -> str:
        """Return where dumps of a worker are listed."""
        return f"http://{self.log_address}/api/v1/dumps/{encoded(topology_id)}/{encoded(f'{host}:{port}')}"

    @property
    def scheduler_display_resource(self) -> bool:
        return bool(self.conf.get("scheduler.display.resource", False))

    @property
    def log_port(self) -> int:
        return int(self.log_address.rpartition(":")[2])

    def outside_links(self) -> dict[str, Any]:
        """Return the two links that an operator may set for all pages."""
        return {
            "bugtracker-url": self.conf.get("ui.project.bugtracker.url"),
            "central-log-url": self.conf.get("ui.central.logging.url"),
        }

    def log_viewer(self) -> dict[str, Any]:
        """Return where logs are, for pages that leave it to the client to put links together."""
        return {"logviewerPort": self.log_port, "logviewerScheme": "http"}


def duration(seconds: int | None) -> str:
    """Return a time as Storm writes it: "1d 2h 3m 4s" from the largest unit that is not zero; "" for 0."""
    left = max(int(seconds or 0), 0)
    words: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or words:
            words.append(f"{count}{unit}")
    return " ".join(words)


def decimal(value: float | None) -> str:
    """Return a number with three decimals; "0" for none, as Storm."""
    return "0" if value is None else f"{value:.3f}"


def window_name(window: str) -> str:
    """Return a window's name for people."""
    return "All time" if window == ALL_TIME else duration(int(window))


def is_window(text: str) -> bool:
    """Return whether a client may ask for that window."""
    return text == ALL_TIME or (text.isascii() and text.isdecimal() and len(text) < 10)


def by_window(windows: Mapping[str, Any]) -> list[str]:
    """Return the windows from the shortest on; all time is the last, where streamparse looks for it."""
    return sorted(windows, key=lambda window: (window == ALL_TIME, len(window), window))


def encoded(text: str) -> str:
    """Return text as Java's URLEncoder writes it."""
    return quote_plus(text, safe="*")


def generics(resources: Mapping[str, float] | None) -> str | None:
    """Return resources other than memory and CPU as "gpu.count=1.0 ..."; None for none known."""
    if resources is None:
        return None
    return " ".join(f"{name}={resources[name]}" for name in sorted(resources) if name not in _NOT_GENERIC)


def executor_name(info: Any) -> str:
    """Return "[1-2]" of an ExecutorInfo."""
    return f"[{info.task_start}-{info.task_end}]"


def last_error(error: Any, topology_id: str, site: Site, now: float) -> dict[str, Any]:
    """Return what a topology's page shows of a component's last ErrorInfo, or of there being none."""
    if error is None:
        return {
            "lastError": "",
            "errorHost": "",
            "errorPort": None,
            "errorWorkerLogLink": "",
            "errorTime": None,
            "errorLapsedSecs": None,
        }
    return {
        "lastError": error.error[:ERROR_CHARS],
        **_where_and_when(error, topology_id, site, now),
    }


def component_error(error: Any, topology_id: str, site: Site, now: float) -> dict[str, Any]:
    """Return what a component's page shows of an ErrorInfo."""
    return {"error": error.error, **_where_and_when(error, topology_id, site, now)}


def _where_and_when(error: Any, topology_id: str, site: Site, now: float) -> dict[str, Any]:
    return {
        "errorTime": error.error_time_secs,
        "errorHost": error.host,
        "errorPort": error.port,
        "errorWorkerLogLink": site.log_link(topology_id, error.port or 0),
        "errorLapsedSecs": max(int(now) - error.error_time_secs, 0),
    }
