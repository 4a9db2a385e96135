"""A cluster as a user has it: the `heronry` command as a process, told what to do by the `heronry` command.

    start -> submit -> wait_for -> ... -> kill -> stop

Knows nothing of what is measured; says how long each step took.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import machine
from storm_compat.client import NimbusAddress

HERE = Path(__file__).resolve().parent
_POLL_S = 0.002
_STOP_WITHIN_S = 30.0
_LIBRARIES = ("blocking", "scripted", "stormpy")
_ROLES = ("spout", "split", "count")


class BenchError(Exception):
    """Something did not run, so there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A topology that was accepted; times are CLOCK_REALTIME seconds."""

    name: str
    folder: Path
    """Where its components write what they measure."""

    called_at: float
    returned_at: float


def make_project(folder: Path, storm_py: Path | None) -> Path:
    """Return a copy of the project in which each component that is a plain command has a file of its own."""
    project = folder / "project"
    shutil.copytree(HERE / "project", project, ignore=shutil.ignore_patterns("__pycache__"))
    sources = project / "src"
    shutil.copy(HERE.parent / "tests" / "children" / "blocking_child.py", sources)
    if storm_py is not None:
        shutil.copy(storm_py, sources / "storm.py")
    for library in _LIBRARIES:
        for role in _ROLES:
            shutil.copy(sources / f"{library}.py", sources / f"{library}_{role}.py")
    return project


def wait_until(is_true: Callable[[], object], within_s: float, what: str) -> None:
    """Return as soon as ``is_true`` says so.

    Raises:
        BenchError: it never did; names ``what``.
    """
    limit = time.monotonic() + within_s
    while not is_true():
        if time.monotonic() > limit:
            raise BenchError(f"{what}: not within {within_s:g} s")
        time.sleep(_POLL_S)


class Cluster:
    """One `heronry dev` on a folder of its own."""

    start_within_s = 30.0
    kill_within_s = 10.0
    has_ui = False

    def __init__(self, folder: Path, project: Path) -> None:
        self.folder = folder
        self._project = project
        self._root = folder / "root"
        self._output = folder / "dev.out"
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("HERONRY_")}
        # Components inherit it, and would write every message in pieces.
        self._environment.pop("PYTHONUNBUFFERED", None)
        self._environment["HERONRY_ROOT"] = str(self._root)
        self._nimbus: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start the cluster and return how many seconds it took until calls were accepted."""
        self.folder.mkdir(parents=True)
        command = [_heronry(), "dev", "--root", str(self._root), "--nimbus", "127.0.0.1:0"]
        command += ["--ui", "127.0.0.1:0"] if self.has_ui else ["--no-ui"]
        ready = self._root / "ready.json"
        began = time.monotonic()
        with self._output.open("wb") as output:
            # A session of its own: Ctrl-C reaches only the benchmark, which ends the cluster in order.
            self._nimbus = nimbus = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        wait_until(
            lambda: ready.exists() or nimbus.poll() is not None, self.start_within_s, "heronry dev is ready"
        )
        if nimbus.poll() is not None:
            raise BenchError(f"heronry dev ended with code {nimbus.returncode}:\n{self._output.read_text()}")
        return time.monotonic() - began

    @property
    def address(self) -> NimbusAddress:
        """Where nimbus takes calls, once it does."""
        host, _, port = json.loads((self._root / "ready.json").read_bytes())["nimbus"].rpartition(":")
        return NimbusAddress(host, int(port))

    def submit(
        self,
        file: str,
        *,
        environment: str = "narrow",
        containers: int = 1,
        is_accelerated: bool = False,
        **options: object,
    ) -> Submitted:
        """Submit a topology of the project; with ``options`` for its components, without ``bench.``."""
        folder = self.folder / f"{file}-{time.monotonic_ns()}"
        folder.mkdir()
        conf = {
            "topology.workers": containers,
            "topology.acker.executors": containers,
            "topology.max.spout.pending": 500,
            "bench.folder": json.dumps(str(folder)),
        }
        conf |= {f"bench.{key}": value for key, value in options.items()}
        words = [word for key, value in conf.items() for word in ("-o", f"{key}={value}")]
        words += ["--accelerate"] if is_accelerated else []
        called_at = time.time()
        self.heronry(
            "submit", self._project, "-t", file, "-n", folder.name, "-e", environment, "--no-wait", *words
        )
        return Submitted(folder.name, folder, called_at, time.time())

    def wait_for(self, submitted: Submitted, file: str) -> None:
        """Return when the topology's components have written ``file``.

        Raises:
            BenchError: they have not; says what Nimbus knows of the reason.
        """
        path = submitted.folder / file
        try:
            wait_until(
                lambda: path.exists() and path.stat().st_size,
                self.start_within_s,
                f"{submitted.name} wrote {file}",
            )
        except BenchError as exc:
            raise BenchError(f"{exc}\n{self.heronry('status', submitted.name)}") from exc

    def kill(self, submitted: Submitted) -> float:
        """Kill a topology and return the seconds until none of its processes is left."""
        pids = [p.pid for p in self.processes() if p.role not in machine.DAEMONS]
        began = time.monotonic()
        self.heronry("kill", submitted.name, "--now", "--yes")
        wait_until(
            lambda: not any(map(machine.is_alive, pids)),
            self.kill_within_s,
            "the processes of a killed topology end",
        )
        return time.monotonic() - began

    def kill_all(self) -> None:
        """Kill whatever runs, so that the next case has the machine for itself."""
        listed = json.loads(self.heronry("list", "--json"))
        for topology in listed["topologies"]:
            self.heronry("kill", topology["name"], "--now", "--yes")

    def gauge(self, name: str, submitted: Submitted, component: str) -> float:
        """Return a component's gauge from the page for Prometheus.

        Raises:
            BenchError: there is none.
        """
        page = json.loads((self._root / "ready.json").read_text())["ui"]  # with `has_ui`
        with urllib.request.urlopen(f"http://{page}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        head = f'{name}{{component="{component}",topology="{submitted.name}"}} '
        for line in text.splitlines():
            if line.startswith(head):
                return float(line.removeprefix(head))
        raise BenchError(f"{page}/metrics has no {head}")

    def processes(self) -> list[machine.Process]:
        """Return the processes of the cluster."""
        assert self._nimbus is not None
        return machine.family(self._nimbus.pid)

    def heronry(self, *arguments: object) -> str:
        """Run the command and return what it printed.

        Raises:
            BenchError: it failed.
        """
        command = [_heronry(), *map(str, arguments)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(
                f"heronry {arguments[0]} ended with code {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def stop(self) -> float:
        """End the cluster and return how many seconds it took.

        Raises:
            BenchError: it did not end, or left processes behind; they are killed then.
        """
        if self._nimbus is None or self._nimbus.poll() is not None:
            return 0.0
        pids = [process.pid for process in self.processes()]
        began = time.monotonic()
        self._nimbus.send_signal(signal.SIGINT)
        try:
            self._nimbus.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass
        took_s = time.monotonic() - began
        left = [pid for pid in pids if machine.is_alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self._nimbus.wait()
        if left:
            raise BenchError(f"{len(left)} processes were left over by the cluster, and are killed now")
        return took_s


def _heronry() -> str:
    beside = Path(sys.executable).with_name("heronry")
    found = str(beside) if beside.exists() else shutil.which("heronry")
    if found is None:
        raise BenchError("there is no heronry command. Run this as: make bench")
    return found
