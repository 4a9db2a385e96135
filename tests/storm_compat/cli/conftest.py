"""A small Nimbus that remembers what it was told, served over a real socket by the real Thrift server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from thriftpy2.thrift import TApplicationException

from scheduler.control.messages import Answer
from storm_compat import stats
from storm_compat.cli import main
from storm_compat.errors import NoSuchComponent
from storm_compat.thrift import idl
from storm_compat.thrift.server import ThriftServer
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive

STORM = idl.load()


@dataclass
class FakeNimbus:
    """One method per call of the commands; `calls` holds their names and arguments."""

    topologies: dict[str, str] = field(default_factory=dict)
    """Name -> status."""

    conf: dict[str, Any] = field(default_factory=dict)
    stored_conf: dict[str, Any] = field(default_factory=dict)
    code: Any = None
    """A StormTopology."""

    executors: list[Any] = field(default_factory=list)
    errors: dict[str, list[Any]] = field(default_factory=dict)
    answer: Answer = NOTHING
    """What the pages of any topology, all of them word counts, are made of."""

    plan: dict[str, Any] = field(default_factory=dict)
    """What getRebalancePlan answers; empty: it is a Nimbus that does not know it."""

    log_config: Any = None
    refusal: str = ""
    scheduler_status: str = ""
    is_slow_to_kill: bool = False
    jar: bytes = b""
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    submitted: dict[str, Any] = field(default_factory=dict)
    address: str = ""

    def _alive(self, name: str) -> None:
        if name not in self.topologies:
            raise STORM.NotAliveException(msg=f"{name} is not alive")

    def getClusterInfo(self) -> Any:  # noqa: N802  Thrift's name
        summaries = [
            STORM.TopologySummary(
                id=f"{name}-1-1700000000", name=name, status=status, uptime_secs=200,
                num_tasks=5, num_executors=5, num_workers=1, owner="ada",
            )
            for name, status in self.topologies.items()
        ]  # fmt: skip
        supervisor = STORM.SupervisorSummary(
            host="here", uptime_secs=9, num_workers=4, num_used_workers=1, supervisor_id="s"
        )
        leader = STORM.NimbusSummary(host="h", port=1, uptime_secs=3700, isLeader=True, version="2.8.8")
        return STORM.ClusterSummary(supervisors=[supervisor], topologies=summaries, nimbuses=[leader])

    def getTopologyInfoByName(self, name: str) -> Any:  # noqa: N802
        self._alive(name)
        return STORM.TopologyInfo(
            id=f"{name}-1-1700000000", name=name, uptime_secs=200, executors=self.executors,
            status=self.topologies[name], errors=self.errors, owner="ada",
            sched_status=self.scheduler_status,
        )  # fmt: skip

    def getTopologySummaryByName(self, name: str) -> Any:  # noqa: N802
        self._alive(name)
        return next(summary for summary in self.getClusterInfo().topologies if summary.name == name)

    def getTopologyPageInfo(self, topology_id: str, window: str, is_include_sys: bool) -> Any:  # noqa: N802
        return stats.topology_page(
            alive(), self.answer, MACHINE, NOW, window=window, is_include_sys=is_include_sys
        )

    def getComponentPageInfo(  # noqa: N802
        self, topology_id: str, component: str, window: str, is_include_sys: bool
    ) -> Any:
        try:
            return stats.component_page(
                *(alive(), self.answer, MACHINE, NOW),
                component_id=component,
                window=window,
                is_include_sys=is_include_sys,
            )
        except NoSuchComponent as exc:
            raise TApplicationException(TApplicationException.INTERNAL_ERROR, str(exc)) from exc

    def getNimbusConf(self) -> str:  # noqa: N802
        return json.dumps(self.conf)

    def getTopologyConf(self, topology_id: str) -> str:  # noqa: N802
        del topology_id
        return json.dumps(self.stored_conf)

    def getUserTopology(self, topology_id: str) -> Any:  # noqa: N802
        del topology_id
        return self.code

    def isTopologyNameAllowed(self, name: str) -> bool:  # noqa: N802
        return name != "forbidden" and name not in self.topologies

    def killTopologyWithOpts(self, name: str, options: Any) -> None:  # noqa: N802
        self._alive(name)
        self.calls.append(("kill", name, options.wait_secs))
        if self.is_slow_to_kill:
            self.topologies[name] = "KILLED"
        else:
            del self.topologies[name]

    def rebalance(self, name: str, options: Any) -> None:
        self._alive(name)
        if self.refusal:
            raise STORM.InvalidTopologyException(msg=self.refusal)
        self.calls.append(("rebalance", name, options))

    def getRebalancePlan(self, name: str, options: Any) -> str:  # noqa: N802
        self._alive(name)
        if not self.plan:
            raise TApplicationException(TApplicationException.UNKNOWN_METHOD, "Invalid method name")
        self.calls.append(("plan", name, options))
        return json.dumps(self.plan)

    def setLogConfig(self, topology_id: str, config: Any) -> None:  # noqa: N802
        self.calls.append(("setLogConfig", topology_id))
        self.log_config = config

    def getLogConfig(self, topology_id: str) -> Any:  # noqa: N802
        del topology_id
        return self.log_config or STORM.LogConfig()

    def uploadNewCredentials(self, name: str, credentials: Any) -> None:  # noqa: N802
        self._alive(name)
        self.calls.append(("credentials", name, credentials.creds))

    def activate(self, name: str) -> None:
        self._alive(name)
        self.topologies[name] = "ACTIVE"

    def deactivate(self, name: str) -> None:
        self._alive(name)
        self.topologies[name] = "INACTIVE"

    def beginFileUpload(self) -> str:  # noqa: N802
        self.calls.append(("upload",))
        return "/inbox/x.jar"

    def uploadChunk(self, location: str, chunk: bytes) -> None:  # noqa: N802
        self.jar += chunk
        self.calls.append(("chunk", location, len(chunk)))

    def finishFileUpload(self, location: str) -> None:  # noqa: N802
        self.calls.append(("finish", location))

    def submitTopologyWithOpts(self, *arguments: Any) -> None:  # noqa: N802
        name, location, conf, topology, options = arguments
        if self.refusal:
            raise STORM.InvalidTopologyException(msg=self.refusal)
        if name in self.topologies:
            raise STORM.AlreadyAliveException(msg=f"{name} is already alive")
        self.calls.append(("submit", name, location))
        self.submitted = {"conf": json.loads(conf), "topology": topology, "status": options.initial_status}
        self.topologies[name] = "ACTIVE" if options.initial_status == 1 else "INACTIVE"


def executor(
    component: str, first: int, last: int, *, port: int = 6700, bolt: bool = True, acked: int = 6
) -> Any:
    """Return an executor that has reported: 10 emitted, 1 failed, 2 ms each."""
    window, key = ":all-time", STORM.GlobalStreamId(componentId="up", streamId="default")
    if bolt:
        specific = STORM.ExecutorSpecificStats(
            bolt=STORM.BoltStats(
                acked={window: {key: acked}}, failed={window: {key: 1}}, process_ms_avg={window: {key: 2.0}},
                executed={window: {key: 9}}, execute_ms_avg={window: {key: 1.0}},
            )
        )  # fmt: skip
    else:
        specific = STORM.ExecutorSpecificStats(
            spout=STORM.SpoutStats(
                acked={window: {"default": acked}}, failed={window: {"default": 1}},
                complete_ms_avg={window: {"default": 2.0}},
            )
        )  # fmt: skip
    counts = {window: {"default": 10, "__ack_ack": 1000}}
    return STORM.ExecutorSummary(
        executor_info=STORM.ExecutorInfo(task_start=first, task_end=last), component_id=component,
        host="here", port=port, uptime_secs=61,
        stats=STORM.ExecutorStats(emitted=counts, transferred=counts, specific=specific, rate=1.0),
    )  # fmt: skip


@pytest.fixture
def nimbus() -> Iterator[FakeNimbus]:
    fake = FakeNimbus()
    with served(fake) as fake.address:
        yield fake


@contextmanager
def served(handler: object) -> Iterator[str]:
    """Serve a handler of the Nimbus service in a thread, and give its address."""
    server = ThriftServer(STORM.Nimbus, handler)
    loop = asyncio.new_event_loop()
    host, port = loop.run_until_complete(server.start("127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"{host}:{port}"
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def heronry(
    nimbus: FakeNimbus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Return a function that runs a command line against the fake Nimbus."""
    monkeypatch.setenv("HERONRY_NIMBUS", nimbus.address)

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        code = main.run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Result(int(code), out, err)

    return run


@pytest.fixture
def unused_port() -> int:
    """Return a port that nothing listens on, and that the kernel does not give away at once."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def make_executor() -> Callable[..., Any]:
    return executor


@pytest.fixture
def make_error() -> Callable[..., Any]:
    def make(text: str, time_s: int, host: str | None = None, port: int | None = None) -> Any:
        return STORM.ErrorInfo(error=text, error_time_secs=time_s, host=host, port=port)

    return make
