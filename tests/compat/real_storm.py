"""A real Storm 2.8.2 on this machine, from Maven Central: ZooKeeper, nimbus and one supervisor, on loopback.

    with RealStorm(root) as cluster:                    # at the end no process is left, whatever happens
        cluster.submit("wc", draft)

``root`` is its storm.home.  Unless told otherwise it is `HURRIED`, which is for tests: it looks at everything
every second instead of every ten, counts every tuple and starts workers quickly; else it is as it comes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from thriftpy2.thrift import TException

from tests.cluster import AnyCluster, environment, processes, until
from tests.compat import jvm, keeper

VERSION = "2.8.2"
START_S = 120.0
_FOLDERS = ("conf", "log4j2", "extlib", "extlib-daemon", "external", "bin", "logs", "local", "lib-worker")
_NOT_FOR_WORKERS = ("storm-server-", "storm-core-", "jetty-")
_DAEMONS = {
    "zookeeper": "org.apache.storm.command.DevZookeeper",
    "nimbus": "org.apache.storm.daemon.nimbus.Nimbus",
    "supervisor": "org.apache.storm.daemon.supervisor.Supervisor",
}
_LOG4J = """<configuration>
  <appenders><File name="f" fileName="${sys:storm.log.dir}/${sys:logfile.name}">
    <PatternLayout pattern="%d{yyyy-MM-dd HH:mm:ss.SSS} %c{1.} %t [%p] %msg%n"/>
  </File></appenders>
  <loggers><root level="info"><appender-ref ref="f"/></root></loggers>
</configuration>"""
# The worker of a topology takes its folder from other properties.
_WORKER_LOG4J = _LOG4J.replace(
    "${sys:storm.log.dir}", "${sys:workers.artifacts}/${sys:storm.id}/${sys:worker.port}"
)

HURRIED = {
    "topology.stats.sample.rate": 1.0,
    "nimbus.monitor.freq.secs": 1,
    "supervisor.monitor.frequency.secs": 1,
    "supervisor.localizer.update.blob.interval.secs": 1,
    "task.heartbeat.frequency.secs": 1,
    "executor.metrics.frequency.secs": 1,
    "worker.childopts": "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


class RealStorm(AnyCluster):
    """A storm.home with its three daemons.

    Args:
        conf: what storm.yaml says beside addresses and folders.
        is_ready: asked instead of a client that comes in without more ado.
    """

    def __init__(
        self,
        root: Path,
        conf: Mapping[str, object] = HURRIED,
        *,
        daemons: Collection[str] = _DAEMONS,
        is_ready: Callable[[RealStorm], bool] | None = None,
    ) -> None:
        super().__init__(root)
        self._more = conf
        self._wanted = daemons
        self._is_ready = is_ready or RealStorm._has_supervisors
        self._keeper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._keeper is not None:
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
            self._keeper.wait(60)
        assert keeper.residents(self.root) == []

    @property
    def pid(self) -> int:
        """Return the process that all others descend from."""
        assert self._keeper is not None
        return self._keeper.pid

    def processes_of(self, topology_id: str) -> dict[int, str]:
        """Return the worker of a topology and its log writer, and the children, which work in its folder."""
        found = {}
        for pid, line in processes().items():
            with suppress(OSError):
                if topology_id in line or topology_id in str(Path(f"/proc/{pid}/cwd").readlink()):
                    found[pid] = line
        return found

    def log(self, daemon: str) -> str:
        """Return what a daemon logged: zookeeper, nimbus or supervisor."""
        return (self.root / "logs" / f"{daemon}.log").read_text(errors="replace")

    def _start(self) -> None:
        jars = jvm.class_path(f"storm-{VERSION}")
        for name in _FOLDERS:
            (self.root / name).mkdir(parents=True)
        (self.root / "RELEASE").write_text(VERSION)
        for jar in jars:
            if not jar.name.startswith(_NOT_FOR_WORKERS):
                (self.root / "lib-worker" / jar.name).symlink_to(jar)
        (self.root / "log4j2" / "cluster.xml").write_text(_LOG4J)
        (self.root / "log4j2" / "worker.xml").write_text(_WORKER_LOG4J)
        self.host = "127.0.0.1"
        self.port, *others = free_ports(3 + 4)
        (self.root / "conf" / "storm.yaml").write_text(json.dumps(self._conf(*others), indent=2))
        # A group of its own, so that Ctrl-C in a terminal leaves the end to us.
        self._keeper = subprocess.Popen(
            [sys.executable, keeper.__file__, self.root],
            env=environment(),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        commands = [
            self._command(name, main, jars) for name, main in _DAEMONS.items() if name in self._wanted
        ]
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(json.dumps(commands).encode() + b"\n")
        self._keeper.stdin.flush()
        until(self._is_up, f"Storm is ready; its logs are in {self.root / 'logs'}", timeout_s=START_S)

    def _conf(self, zookeeper: int, supervisor: int, *slots: int) -> dict[str, object]:
        return {
            "storm.zookeeper.servers": [self.host],
            "storm.zookeeper.port": zookeeper,
            "dev.zookeeper.path": str(self.root / "zookeeper"),
            "nimbus.seeds": [self.host],
            "nimbus.thrift.port": self.port,
            "storm.local.dir": str(self.root / "local"),
            "storm.local.hostname": self.host,
            "supervisor.slots.ports": slots,
            "supervisor.thrift.port": supervisor,
            **self._more,
        }

    def _command(self, name: str, main: str, jars: list[Path]) -> list[str]:
        properties = {
            "storm.home": self.root,
            "storm.log.dir": self.root / "logs",
            "logfile.name": f"{name}.log",
            "storm.conf.file": "",
            "storm.options": "",
            "log4j.configurationFile": self.root / "log4j2" / "cluster.xml",
        }
        path = os.pathsep.join(map(str, [*jars, self.root / "conf"]))
        defines = [f"-D{key}={value}" for key, value in properties.items()]
        java = shutil.which("java")
        assert java is not None
        return [java, "-Xmx512m", *defines, "-cp", path, main]

    def _is_up(self) -> bool:
        assert self._keeper is not None
        assert self._keeper.poll() is None
        return self._is_ready(self)

    def _has_supervisors(self) -> bool:
        try:
            return bool(self.connect().getClusterInfo().supervisors)
        except (TException, OSError):  # not there yet, or not yet the leader
            return False


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on now."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]
