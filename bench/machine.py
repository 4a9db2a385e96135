"""What /proc says: the processes of a cluster, their CPU time and memory, and what else the machine does.

Linux only.  CPU times of other processes come from the clock that the kernel
keeps for each, in nanoseconds; those of the whole machine from /proc/stat,
in hundredths of a second.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from scheduler.stream import is_compiled

PROC = Path("/proc")
DAEMONS = ("nimbus", "supervisor", "zookeeper")
"""What a cluster has even without a topology; ours has but one."""
ENGINE = (*DAEMONS, "topology", "container")
_MODULES = {
    "scheduler.run.topology": "topology",
    "scheduler.run.container": "container",
    # Of a real Storm:
    "org.apache.storm.command.DevZookeeper": "zookeeper",
    "org.apache.storm.daemon.nimbus.Nimbus": "nimbus",
    "org.apache.storm.daemon.supervisor.Supervisor": "supervisor",
    "org.apache.storm.LogWriter": "container",
    "org.apache.storm.daemon.worker.Worker": "container",
}
_PROCESS_CLOCK = 2
_IDLE_COLUMNS = (3, 4)  # idle, iowait
_STEAL_COLUMN = 7
_COLUMNS = 8  # what comes behind, guest time, is in user time already


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a cluster."""

    pid: int
    role: str
    """One of `ENGINE`, or component."""

    label: str
    """The role, for a component the last word of its command."""


def family(nimbus_pid: int) -> list[Process]:
    """Return nimbus and everything it started, directly or not, parents first."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, todo = [_process(nimbus_pid, is_nimbus=True)], [nimbus_pid]
    while todo:
        for pid in sorted(children.get(todo.pop(0), ())):
            found.append(_process(pid))
            todo.append(pid)
    return found


def _process(pid: int, *, is_nimbus: bool = False) -> Process:
    words = (PROC / str(pid) / "cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    if is_nimbus:
        return Process(pid, "nimbus", "nimbus")
    for word in words:
        if word in _MODULES:
            return Process(pid, _MODULES[word], _MODULES[word])
    return Process(pid, "component", words[-1].split()[-1] if words[-1] else "?")


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU times at one moment, all in seconds."""

    at: float
    """CLOCK_MONOTONIC."""

    cpu_s: dict[Process, float]
    own_s: float
    """This process, and those it started and has seen end."""

    busy_s: float
    """All processors of the machine together."""

    steal_s: float
    """What the host of a virtual machine took away."""


def sample(processes: list[Process]) -> Sample:
    """Return the CPU times now."""
    ticks = [int(word) for word in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]][:_COLUMNS]
    hertz = os.sysconf("SC_CLK_TCK")
    busy = sum(ticks) - sum(ticks[column] for column in _IDLE_COLUMNS) - ticks[_STEAL_COLUMN]
    return Sample(
        at=time.monotonic(),
        cpu_s={p: time.clock_gettime_ns((~p.pid << 3) | _PROCESS_CLOCK) / 1e9 for p in processes},
        own_s=sum(os.times()[:4]),
        busy_s=busy / hertz,
        steal_s=ticks[_STEAL_COLUMN] / hertz,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between two samples of the same processes."""

    before: Sample
    after: Sample

    @property
    def seconds(self) -> float:
        return self.after.at - self.before.at

    def cpu_s(self, *roles: str) -> float:
        """Return the CPU seconds of all processes of these roles."""
        return sum(self._used(p) for p in self.before.cpu_s if p.role in roles)

    def cpu_s_by_label(self) -> dict[str, float]:
        """Return the CPU seconds by label, rounded for people."""
        used: dict[str, float] = {}
        for process in self.before.cpu_s:
            used[process.label] = used.get(process.label, 0.0) + self._used(process)
        return {label: round(seconds, 3) for label, seconds in used.items()}

    @property
    def foreign_cores(self) -> float:
        """Return how many cores were busy with what is not ours, and what the host took away."""
        busy_s = self.after.busy_s - self.before.busy_s + self.after.steal_s - self.before.steal_s
        own_s = sum(map(self._used, self.before.cpu_s)) + self.after.own_s - self.before.own_s
        return max(0.0, (busy_s - own_s) / self.seconds)

    def _used(self, process: Process) -> float:
        return self.after.cpu_s[process] - self.before.cpu_s[process]


def memory_mib(processes: list[Process]) -> dict[str, dict[str, float]]:
    """Return label -> {"rss", "pss"} in MiB; several processes of a label are added up."""
    found: dict[str, dict[str, float]] = {}
    for process in processes:
        total = found.setdefault(process.label, {"rss": 0.0, "pss": 0.0})
        for line in (PROC / str(process.pid) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Rss", "Pss"):
                total[name.lower()] += int(rest.split()[0]) / 1024
    return found


def core_count() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def describe(checkout: Path) -> dict[str, object]:
    """Return what a reader must know of the machine and of what was measured."""
    models = [line for line in (PROC / "cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": core_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "is_compiled": is_compiled(),
        "versions": {name: _version(name) for name in ("msgspec", "thriftpy2", "streamparse", "pystorm")},
        "commit": _git(checkout, "describe", "--always", "--dirty", "--abbrev=12"),
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def _git(checkout: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def require_linux() -> None:
    """Exit with a plain message where there is no /proc to read."""
    if not sys.platform.startswith("linux"):
        sys.exit("bench: the figures are read from /proc, so this runs on Linux only")
