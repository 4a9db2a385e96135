"""A real cluster for tests: `heronry dev` as a process, real Thrift clients, topologies of shell components.

    with Cluster(root) as cluster:                      # Ctrl-C at the end; then no process may be left
        draft = Draft()
        draft.spout("numbers", "numbers.py", count=10)
        draft.bolt("sink", "sink.py", {"numbers": "shuffle"})
        with cluster.running(draft, folder=tmp_path) as running:
            until(lambda: running.counts("numbers").acked == 10)

Components are the children in tests/compat/children; what they note, one JSON object a line, lies in
``folder``.  Looks at processes as a person would, through /proc.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self, TypeVar

from thriftpy2.protocol import TBinaryProtocolFactory
from thriftpy2.rpc import make_client
from thriftpy2.transport import TFramedTransportFactory

from storm_compat.thrift import idl

CHILDREN = Path(__file__).parent / "compat" / "children"
BIN = Path(sys.executable).parent
DEADLINE_S = 40.0
STOP_S = 30.0
_MARKER = "HERONRY_CONTAINER"

T = TypeVar("T")


def until(check: Callable[[], T], what: str = "", *, timeout_s: float | None = None) -> T:
    """Return what ``check`` returns as soon as it is true."""
    timeout_s = timeout_s or DEADLINE_S
    deadline = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what or check} (last: {found!r})"
        time.sleep(0.02)
    return found


# -- topologies -----------------------------------------------------------------


class Draft:
    """A topology in the making, independent of the IDL it will be sent with.

    Keyword arguments of components are their own configuration, each with ``test.`` put before its name.
    """

    def __init__(self) -> None:
        self.spouts: dict[str, dict[str, Any]] = {}
        self.bolts: dict[str, dict[str, Any]] = {}

    def spout(self, component: str, script: str, **options: Any) -> None:
        self.spouts[component] = _part(script, {}, options)

    def bolt(self, component: str, script: str, inputs: Mapping[str, Any], **options: Any) -> None:
        """Args: inputs: "component" or "component:stream" -> "shuffle", "all", ..., fields, a Java object."""
        self.bolts[component] = _part(script, inputs, options)

    def build(self, storm: ModuleType) -> Any:
        """Return the StormTopology of an IDL."""
        return storm.StormTopology(
            spouts={c: storm.SpoutSpec(*_wire(storm, part)) for c, part in self.spouts.items()},
            bolts={c: storm.Bolt(*_wire(storm, part)) for c, part in self.bolts.items()},
            state_spouts={},
        )


def _part(script: str, inputs: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    named = {
        key: options.pop(key, default)
        for key, default in {
            "command": sys.executable,
            "streams": {"default": ["value"]},
            "direct": (),
            "par": 1,
            "conf": {},
            "java": None,
        }.items()
    }
    named["conf"] = {**named["conf"], **{f"test.{key}": value for key, value in options.items()}}
    return {"script": script, "inputs": inputs, **named}


def _wire(storm: ModuleType, part: Mapping[str, Any]) -> tuple[Any, Any]:
    component = storm.ComponentObject(shell=storm.ShellComponent(part["command"], part["script"]))
    if part["java"] is not None:
        component = storm.ComponentObject(serialized_java=part["java"])
    inputs = {}
    for source, how in part["inputs"].items():
        name, _, stream = source.partition(":")
        fields = how if isinstance(how, list) else None
        if isinstance(how, bytes):
            arm, value = "custom_serialized", how
        else:
            arm = "fields" if fields is not None or how == "global" else how
            value = (fields or []) if arm == "fields" else storm.NullStruct()
        inputs[storm.GlobalStreamId(name, stream or "default")] = storm.Grouping(**{arm: value})
    streams = {s: storm.StreamInfo(list(f), s in part["direct"]) for s, f in part["streams"].items()}
    return component, storm.ComponentCommon(inputs, streams, part["par"], json.dumps(part["conf"]))


def jar_of(folder: Path) -> bytes:
    """Return a jar that has a folder's Python files as its resources."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path in sorted(folder.rglob("*.py")):
            archive.write(path, f"resources/{path.relative_to(folder)}")
    return data.getvalue()


# -- the cluster ----------------------------------------------------------------


class AnyCluster:
    """A cluster as its clients see it, whoever made it; its topologies log below ``root``/logs."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.host, self.port = "", 0
        self._client: Any = None
        self._clients: list[Any] = []
        self._jar = ""
        self._count = 0

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def forget(self) -> None:
        """Take nothing from the time before a restart."""
        self._client, self._jar = None, ""

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def processes_of(self, topology_id: str) -> dict[int, str]:
        """Return pid -> command line of everything that runs for a topology."""
        raise NotImplementedError

    def connect(self, service: Any = None, *, timeout_s: float = 30.0) -> Any:
        """Return a new connection of thriftpy2's own client; ``service`` is Nimbus of any IDL."""
        client = make_client(
            service or idl.load().Nimbus,
            self.host,
            self.port,
            proto_factory=TBinaryProtocolFactory(),
            trans_factory=TFramedTransportFactory(),
            timeout=int(timeout_s * 1000),
        )
        self._clients.append(client)
        return client

    @property
    def nimbus(self) -> Any:
        """Return a connection that is kept, with our IDL."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    def upload(self, data: bytes) -> str:
        location: str = self.nimbus.beginFileUpload()
        self.nimbus.uploadChunk(location, data)
        self.nimbus.finishFileUpload(location)
        return location

    def submit(
        self, name: str, draft: Draft, conf: Mapping[str, Any] | None = None, *, is_active: bool = True
    ) -> str:
        """Submit a topology whose jar holds the children; return its id."""
        storm = idl.load()
        self._jar = self._jar or self.upload(jar_of(CHILDREN))
        status = storm.TopologyInitialStatus.ACTIVE if is_active else storm.TopologyInitialStatus.INACTIVE
        conf = {"topology.workers": 1, **(conf or {})}
        options = storm.SubmitOptions(initial_status=status)
        self.nimbus.submitTopologyWithOpts(name, self._jar, json.dumps(conf), draft.build(storm), options)
        topology_id: str = self.nimbus.getTopologySummaryByName(name).id
        return topology_id

    def kill_later(self, name: str, wait_s: int) -> None:
        """Kill a topology after a while."""
        self.nimbus.killTopologyWithOpts(name, idl.load().KillOptions(wait_secs=wait_s))

    def kill(self, name: str) -> None:
        """Kill a topology and return when it is gone; fine if it is gone already."""
        with suppress(idl.load().NotAliveException):
            self.kill_later(name, 0)
        until(lambda: name not in self.names(), f"{name} is gone")

    def names(self) -> list[str]:
        return [summary.name for summary in self.nimbus.getTopologySummaries()]

    @contextmanager
    def running(
        self,
        draft: Draft,
        conf: Mapping[str, Any] | None = None,
        *,
        folder: Path | None = None,
        is_active: bool = True,
    ) -> Iterator[Running]:
        """Submit under a new name, and kill at the end; what it logged is printed for failed tests."""
        self._count += 1
        name = f"t{self._count}"
        conf = {"test.folder": str(folder), **(conf or {})} if folder else conf
        running = Running(self, name, self.submit(name, draft, conf, is_active=is_active), folder)
        try:
            yield running
        finally:
            running.show()
            self.kill(name)


class Cluster(AnyCluster):
    """One `heronry dev` on a root of its own; leaving the context ends it and looks for what is left.

    ``options`` are more words for its command line.
    """

    def __init__(self, root: Path, *options: str) -> None:
        super().__init__(root)
        self.ui = ""
        self._options = options
        self._dev: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        try:
            if self._dev is not None:
                self.interrupt()
                left = self._leftovers()
                assert not left, f"still running after Ctrl-C: {left}"
        finally:
            self._kill_leftovers()

    @property
    def pid(self) -> int:
        assert self._dev is not None
        return self._dev.pid

    def start(self) -> None:
        """Start nimbus and return when it accepts calls."""
        with (self.root.parent / f"{self.root.name}.out").open("ab") as output:
            # A group of its own: Ctrl-C in a terminal goes to the whole group.
            self._dev = subprocess.Popen(
                [
                    *(BIN / "heronry", "dev", "--root", self.root),
                    *("--nimbus", "127.0.0.1:0", "--ui", "127.0.0.1:0"),
                    *self._options,
                ],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.forget()
        until(self._is_ready, "ready.json")

    def _is_ready(self) -> bool:
        assert self._dev is not None
        assert self._dev.poll() is None, f"heronry dev ended:\n{self.output()}"
        try:
            ready = json.loads((self.root / "ready.json").read_bytes())
        except FileNotFoundError:
            return False
        if ready["pid"] != self._dev.pid:  # of the one before, which was killed
            return False
        self.host, _, port = ready["nimbus"].rpartition(":")
        self.port = int(port)
        self.ui = ready["ui"]
        return True

    def output(self) -> str:
        """Return what `heronry dev` wrote to the terminal."""
        return (self.root.parent / f"{self.root.name}.out").read_text()

    def interrupt(self) -> None:
        """Press Ctrl-C and wait for the end."""
        assert self._dev is not None
        if self._dev.poll() is None:
            os.killpg(self._dev.pid, signal.SIGINT)
        code = self._dev.wait(STOP_S)
        self._dev = None
        assert code == 0, self.output()

    def kill_nimbus(self) -> None:
        """End nimbus as a crash would; `start` starts the next one."""
        assert self._dev is not None
        self._dev.kill()
        self._dev.wait(STOP_S)
        self._dev = None

    def _leftovers(self) -> dict[int, str]:
        return {pid: line for pid, line in processes().items() if self._is_ours(pid, line)}

    def _is_ours(self, pid: int, line: str) -> bool:
        return pid != os.getpid() and (str(self.root) in line or mark_of(pid).startswith(self.mark))

    def _kill_leftovers(self) -> None:
        for _ in range(10):
            for pid in self._leftovers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._dev is not None:
                self._dev.wait(STOP_S)

    def processes_of(self, topology_id: str) -> dict[int, str]:
        mark = f"{self.mark}{topology_id}/"
        return {pid: line for pid, line in processes().items() if mark_of(pid).startswith(mark)}

    @property
    def mark(self) -> str:
        """Return how the marks of all processes of this root begin."""
        return hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16] + "/"


@dataclass(frozen=True)
class Counts:
    emitted: int = 0
    acked: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Running:
    """A topology on a cluster, seen from outside."""

    cluster: AnyCluster
    name: str
    topology_id: str
    folder: Path | None = None

    def info(self) -> Any:
        return self.cluster.nimbus.getTopologyInfo(self.topology_id)

    def counts(self, component: str) -> Counts:
        """Return the sums over the tasks of a component and its streams, since the start."""
        found: Counter[str] = Counter()
        for executor in self.info().executors:
            if executor.component_id == component and executor.stats:
                own = executor.stats.specific.spout or executor.stats.specific.bolt
                found["emitted"] += _sum(executor.stats.emitted)
                found["acked"] += _sum(own.acked)
                found["failed"] += _sum(own.failed)
        return Counts(**found)

    def errors(self, component: str) -> list[str]:
        """Return the errors of a component, newest first."""
        return [error.error for error in self.info().errors[component]]

    def notes(self, component: str, **wanted: Any) -> list[dict[str, Any]]:
        """Return what the tasks of a component noted so far, if it has the wanted values."""
        assert self.folder is not None
        found = []
        for path in sorted(self.folder.glob(f"{component}-*.jsonl")):
            lines = path.read_text().split("\n")
            found += [json.loads(line) for line in lines[:-1]]
        return [note for note in found if all(note.get(key) == value for key, value in wanted.items())]

    def log(self, name: str = "worker.log") -> str:
        """Return the logs of all containers."""
        folder = self.cluster.root / "logs" / "workers-artifacts" / self.topology_id
        return "".join(path.read_text(errors="replace") for path in sorted(folder.glob(f"*/{name}")))

    def processes(self) -> dict[int, str]:
        """Return pid -> command line of everything that runs for it."""
        return self.cluster.processes_of(self.topology_id)

    def pids(self, words: str) -> list[int]:
        """Return the pids of its processes with these words in their command line."""
        return sorted(pid for pid, line in self.processes().items() if words in line)

    def show(self) -> None:
        folder = self.cluster.root / "logs" / "workers-artifacts" / self.topology_id
        for path in sorted(folder.rglob("*.log")):
            text = path.read_text(errors="replace")
            sys.stdout.write(f"---- {path.relative_to(folder)} of {self.name}\n{text[-6000:]}\n")


def _sum(counters: Mapping[str, Mapping[Any, int]]) -> int:
    """Return the count of all streams but Storm's own, since the start."""
    return sum(n for stream, n in counters.get(":all-time", {}).items() if not str(stream).startswith("__"))


# -- processes ------------------------------------------------------------------


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a user who has set nothing of ours."""
    ours = ("HERONRY_", "STREAMPARSE_", "PYTHONUNBUFFERED", "PYTEST_")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**mine, "PATH": f"{BIN}{os.pathsep}{mine.get('PATH', '')}", **more}


def processes() -> dict[int, str]:
    """Return pid -> command line of every process; those that are only waiting to be collected have none."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                if words:
                    found[int(entry.name)] = os.fsdecode(words.rstrip(b"\0").replace(b"\0", b" "))
    return found


def environment_of(pid: int) -> dict[str, str]:
    """Return what a process was started with; nothing if it is gone."""
    with suppress(OSError):
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        pairs = [os.fsdecode(entry).partition("=") for entry in entries if entry]
        return {name: value for name, _, value in pairs}
    return {}


def mark_of(pid: int) -> str:
    """Return the mark that the processes of a container inherit, empty if there is none."""
    return environment_of(pid).get(_MARKER, "")


def run(*command: str | Path, cwd: Path, timeout_s: float = 45.0, **more: str) -> tuple[int, str]:
    """Run a command as a user would; return its exit code and all it wrote."""
    words: Sequence[str | Path] = command
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")
