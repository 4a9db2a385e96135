"""A topology in the foreground: what it has counted, logged and got wrong since one looked last.

The counts come from Nimbus, the lines from the logs of its containers, which are on this machine.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from storm_compat.cli.running import is_running
from storm_compat.cli.tail import Line, LogFolder
from storm_compat.client import NimbusClient
from storm_compat.client_values import Counts, ErrorSummary, TopologyInfo
from storm_compat.embedded import EmbeddedCluster

POLL_S: Final = 0.25
_ASK_EVERY_S: Final = 0.9
_OF_COMPONENT: Final = re.compile(r"\S+ (\S+)\.\d+ (\w+) ([^\s:]+:\d+) (?:pid=\d+ )?(.*)", re.DOTALL)
_OF_OURS: Final = re.compile(r"\S+ (\S+)\.\d+ (WARNING|ERROR|CRITICAL) (\S+) (.*)", re.DOTALL)
_BY_THE_WAY: Final = ("pystorm StormHandler logging enabled", "logging to the host from level")


@dataclass(frozen=True, slots=True)
class Said:
    """One line of log; a traceback is several, of which only the first has a head."""

    time: str
    level: str
    who: str
    """component:task, or which part of the engine."""

    text: str
    has_head: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """What one component has counted, over all its tasks."""

    component: str
    task_count: int
    running_count: int
    counts: Counts
    per_s: float
    """Spouts: emitted, bolts: executed, each second since the last look but a few."""


class Shown(Protocol):
    """Shows a foreground on some kind of output, as long as the context lasts."""

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, foreground: Foreground) -> None:
        """Show what is new."""


class Foreground:
    """One topology on a cluster of its own."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self.name = ""
        self.client = NimbusClient(cluster.address)
        self.info: TopologyInfo | None = None
        self.lines: list[Said] = []
        """New since the look before the last one."""

        self.rows: list[Row] = []
        self.has_run = False
        """Whether all its tasks ran at some time."""

        self._cluster = cluster
        self._folder: LogFolder | None = None
        self._began = 0.0
        self._runs_since: float | None = None
        self._asked_at = 0.0
        self._seen: dict[str, list[tuple[float, int]]] = {}
        self._is_shown = False

    def __enter__(self) -> Self:
        """Connect to the cluster."""
        self.client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.close()
        self.client.__exit__(None, None, None)

    def begin(self, name: str) -> None:
        """Watch the topology of that name from now on."""
        self.name = name
        self._began = time.monotonic()
        self.info = self.client.info(name)
        folder = self._cluster.root / "logs" / "workers-artifacts" / self.info.topology_id
        self._folder = LogFolder(folder)

    @property
    def run_s(self) -> float:
        """Seconds since all its tasks run, or since its first error if that came before; else 0."""
        return 0.0 if self._runs_since is None else time.monotonic() - self._runs_since

    @property
    def errors(self) -> list[ErrorSummary]:
        """The errors so far, newest first."""
        return list(self.info.errors) if self.info else []

    @property
    def is_well(self) -> bool:
        """Whether all of it ran, without errors."""
        return self.has_run and not self.errors

    def look(self) -> None:
        """Take what is new.

        Raises:
            ClusterFailed: the cluster has ended.
            ClientError: Nimbus does not answer.
        """
        self._cluster.check()
        assert self._folder is not None
        self.lines = [said for line in self._folder.new() if (said := self._said(line))]
        now = time.monotonic()
        if now - self._asked_at < _ASK_EVERY_S:
            return
        self._asked_at = now
        self.info = info = self.client.info(self.name)
        own = info.own_executors()
        if own and all(map(is_running, own)):
            self.has_run = True
        if self._runs_since is None and (self.has_run or info.errors):
            self._runs_since = now
        self.rows = [
            self._row(component, executors, now)
            for component, executors in info.components().items()
            if not component.startswith("__")
        ]
        self.rows.sort(key=lambda row: not row.counts.is_spout)

    def _row(self, component: str, executors: tuple[Any, ...], now: float) -> Row:
        reported = [e.counts for e in executors if e.counts is not None]
        is_spout = any(counts.is_spout for counts in reported)
        counts = Counts(
            emitted=sum(c.emitted for c in reported),
            transferred=sum(c.transferred for c in reported),
            executed=None if is_spout else sum(c.executed or 0 for c in reported),
            acked=sum(c.acked or 0 for c in reported),
            failed=sum(c.failed or 0 for c in reported),
            is_spout=is_spout,
        )
        seen = self._seen.setdefault(component, [])
        seen.append((now, (counts.emitted if is_spout else counts.executed) or 0))
        del seen[:-4]
        took_s = seen[-1][0] - seen[0][0]
        per_s = (seen[-1][1] - seen[0][1]) / took_s if took_s else 0.0
        tasks = sum(e.task_count for e in executors)
        return Row(component, tasks, sum(e.task_count for e in executors if is_running(e)), counts, per_s)

    def _said(self, line: Line) -> Said | None:
        """Return a line if it is a component's, or a warning of the engine's."""
        if not (line.time and line.text.startswith(line.time)):
            return Said("", "", "", line.text, has_head=False) if self._is_shown else None
        found = _OF_COMPONENT.match(line.text) or _OF_OURS.match(line.text)
        self._is_shown = found is not None and not found[4].startswith(_BY_THE_WAY)
        if found is None or not self._is_shown:
            return None
        return Said(time=found[1], level=found[2], who=found[3], text=found[4])


def as_document(foreground: Foreground) -> dict[str, Any]:
    """Return what `--json` prints in the end."""
    return {
        "name": foreground.name,
        "has_run": foreground.has_run,
        "seconds": round(foreground.run_s, 3),
        "components": {row.component: row.counts for row in foreground.rows},
        "errors": foreground.errors,
    }
