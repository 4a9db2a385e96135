"""The topology process as a real process: its containers are fakes, everything else is real."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from scheduler.control.messages import Answer, Hello, Register, SetActive, decode, encode
from scheduler.errors import NoSuchNode, PeerError
from scheduler.launch import processes
from scheduler.launch.local import LocalLauncher
from scheduler.layout import Layout
from scheduler.plan import Address, Container, Instance, PackingPlan
from scheduler.run import client
from scheduler.state.files import FileStore
from scheduler.state.records import MasterRecord, ProcessRecord, Status, StatusRecord, path_of, read, write
from scheduler.topology import Topology, to_json

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]

ID = "wc-1-17"


class Cluster:
    """One topology of two containers, and who runs it: the part of nimbus."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.store = FileStore(self.layout.state)
        self.orphan_s = 600.0
        self.started: list[ProcessRecord] = []
        self.launcher = LocalLauncher(self.layout, argv=self._argv)
        containers = tuple(Container(n, (Instance("split", n),)) for n in (1, 2))
        self.store.set(path_of(ID, "topology"), to_json(Topology(ID, "wc", ())))
        self.store.set(path_of(ID, "secret"), b"open sesame")
        write(self.store, path_of(ID, "packing"), PackingPlan(ID, 0, containers))
        self.set_status(Status.ACTIVE)
        self.layout.topology(ID).mkdir(parents=True)
        self.layout.ready_file.write_bytes(msgspec.json.encode({"pid": os.getpid()}))

    def _argv(self, topology_id: str, _: int) -> list[str]:
        where = ["--root", str(self.layout.root), "--topology", topology_id, "--orphan-s", str(self.orphan_s)]
        return [sys.executable, "-m", "tests.scheduler.run.topology_with_fakes", *where]

    def set_status(self, status: Status) -> None:
        write(self.store, path_of(ID, "status"), StatusRecord(status))

    def start(self) -> ProcessRecord:
        """Start the topology process."""
        process = self.launcher.start(ID, 0)
        self.started.append(process)
        return process

    def wait(self, process: ProcessRecord) -> int | None:
        return asyncio.run(self.launcher.wait(process))

    def ask(self) -> Answer:
        return asyncio.run(client.ask(self.store, ID, timeout_s=5))

    def until(self, is_so: Callable[[Answer], bool]) -> Answer:
        """Return the first answer that is as it should be; the test's timeout is the limit."""
        while True:
            try:
                answer = self.ask()
                if is_so(answer):
                    return answer
            except PeerError:
                pass
            time.sleep(0.01)

    def until_all_heard(self, state: str) -> Answer:
        """Return once both containers say that ``state`` is what they were told last."""
        return self.until(lambda answer: [task.state for task in answer.tasks] == [state] * 2)

    def log(self) -> str:
        return self.layout.topology_log(ID).read_text()

    def left_over(self) -> list[int]:
        """Return the processes of the topology that run: they carry its mark in their environment."""
        mark = self.launcher.mark(ID, 0)[:-1].encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
        return found

    def connect(self) -> socket.socket:
        master = read(self.store, path_of(ID, "master"), MasterRecord)
        return socket.create_connection((master.host, master.port))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.launcher.sweep(ID)
    for process in cluster.started:
        cluster.wait(process)
    assert cluster.left_over() == []


def pids(answer: Answer) -> list[int]:
    return [container.pid for container in answer.containers]


def test_containers_are_started_and_told_the_plan_and_follow_the_status(cluster: Cluster) -> None:
    cluster.start()
    answer = cluster.until_all_heard("active peers=1,2")
    assert answer.is_complete
    assert pids(answer) == [task.pid for task in answer.tasks]
    assert answer.errors == []
    cluster.set_status(Status.INACTIVE)
    asyncio.run(client.nudge(cluster.store, ID, timeout_s=5))
    cluster.until_all_heard("inactive peers=1,2")
    cluster.set_status(Status.ACTIVE)  # found by itself, within a second
    cluster.until_all_heard("active peers=1,2")


def test_a_killed_container_is_replaced_and_its_counters_go_on(cluster: Cluster) -> None:
    cluster.start()
    before = cluster.until_all_heard("active peers=1,2")
    os.kill(pids(before)[1], signal.SIGKILL)
    after = cluster.until(
        lambda a: a.is_complete and a.containers[1].restart_count == 1 and a.tasks[1].pid > 0
    )
    assert pids(after)[0] == pids(before)[0]
    assert pids(after)[1] not in {0, pids(before)[1]}
    assert after.tasks[1].emitted["default"] > before.tasks[1].emitted["default"]
    [error] = after.errors
    assert error.component == "__system"
    assert error.text.startswith("container 2 (port 6701) was ended by signal 9 after ")
    assert error.text.endswith("; started again in 0.1 s (restart 1)")
    cluster.until_all_heard("active peers=1,2")


def test_killed_itself_its_successor_adopts_the_containers(cluster: Cluster) -> None:
    first = cluster.start()
    os.kill(pids(cluster.until_all_heard("active peers=1,2"))[1], signal.SIGKILL)
    before = cluster.until(lambda a: a.is_complete and a.containers[1].restart_count == 1)
    while not exists(cluster, "errors"):
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    assert cluster.wait(first) == -signal.SIGKILL
    assert all(processes.birth(pid) for pid in pids(before))
    cluster.start()
    after = cluster.until_all_heard("active peers=1,2")
    assert pids(after) == pids(before)
    assert after.is_complete
    assert [container.restart_count for container in after.containers] == [0, 1]
    assert after.errors == before.errors
    # An adopted container is watched as well as one's own.
    os.kill(pids(after)[0], signal.SIGKILL)
    cluster.until(lambda a: a.is_complete and a.containers[0].restart_count == 1)


def test_ended_and_started_again_it_counts_on(cluster: Cluster) -> None:
    first = cluster.start()
    before = cluster.until_all_heard("active peers=1,2")
    while not cluster.layout.counts(ID).exists():
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGTERM)
    assert cluster.wait(first) == 0
    cluster.start()
    after = cluster.until_all_heard("active peers=1,2")
    assert set(pids(after)).isdisjoint(pids(before))
    for was, now in zip(before.tasks, after.tasks, strict=True):
        assert now.emitted["default"] > was.emitted["default"]


def test_a_container_that_died_while_nobody_watched_is_started_again(cluster: Cluster) -> None:
    first = cluster.start()
    before = cluster.until_all_heard("active peers=1,2")
    while not cluster.layout.counts(ID).exists():
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    cluster.wait(first)
    os.kill(pids(before)[0], signal.SIGKILL)
    while not processes.has_ended(pids(before)[0]):
        time.sleep(0.01)
    cluster.start()
    after = cluster.until_all_heard("active peers=1,2")
    assert [container.restart_count for container in after.containers] == [1, 0]
    assert after.tasks[0].restart_count == 1, "what the dead container counted is forgotten"
    assert pids(after)[1] == pids(before)[1]
    assert "had ended while no topology process watched it" in after.errors[0].text
    assert len(cluster.left_over()) == 5, "the dead container's child was not swept"


def test_a_second_topology_process_ends_with_code_3(cluster: Cluster) -> None:
    first = cluster.start()
    cluster.until_all_heard("active peers=1,2")
    second = cluster.start()
    assert cluster.wait(second) == 3
    assert f"is locked by pid {first.pid} on " in cluster.log()
    assert cluster.ask().is_complete


def test_whoever_does_not_know_the_secret_is_hung_up_on_and_nobody_else_notices(cluster: Cluster) -> None:
    cluster.start()
    before = cluster.until_all_heard("active peers=1,2")
    register = Register(0, Address(2, 9, "127.0.0.1", 9), 1)
    right = encode(Hello(ID, "open sesame"))
    for frames in (
        encode(Hello(ID, "wrong")) + encode(register),
        encode(Hello("other-2-18", "open sesame")) + encode(register),
        encode(register),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x02\xc1\xc1",
        right + b"\xff\xff\xff\xff",
        right + b"\x00\x00\x00\x01\xc1",
        right + encode(SetActive(is_active=False)),
    ):
        with cluster.connect() as connection:
            connection.sendall(frames)
            assert connection.recv(1) == b""
    assert pids(cluster.ask()) == pids(before)
    assert cluster.ask().is_complete


def test_a_container_with_another_plan_is_told_to_end(cluster: Cluster) -> None:
    cluster.start()
    cluster.until_all_heard("active peers=1,2")
    with cluster.connect() as connection:
        connection.sendall(encode(Hello(ID, "open sesame")))
        connection.sendall(encode(Register(7, Address(2, 9, "127.0.0.1", 9), 1)))
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert "version 7 of the packing plan" in str(decode(received[4:]))
    assert cluster.ask().is_complete


def test_a_status_that_cannot_be_read_is_complained_of_once_and_changes_nothing(cluster: Cluster) -> None:
    cluster.start()
    cluster.until_all_heard("active peers=1,2")
    for _ in range(2):
        cluster.store.set(path_of(ID, "status"), b"{")
        for _ in range(3):
            asyncio.run(client.nudge(cluster.store, ID, timeout_s=5))
        cluster.set_status(Status.INACTIVE)
        cluster.until_all_heard("inactive peers=1,2")
    assert cluster.log().count("status not readable") == 2


def test_when_the_topology_is_deleted_all_ends_and_nothing_is_stored_again(cluster: Cluster) -> None:
    process = cluster.start()
    os.kill(pids(cluster.until_all_heard("active peers=1,2"))[1], signal.SIGKILL)
    cluster.store.delete(path_of(ID))
    assert cluster.wait(process) == 0
    assert cluster.left_over() == []
    assert cluster.store.children("topologies") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_leaves_no_process_and_keeps_the_topology(
    cluster: Cluster, number: signal.Signals
) -> None:
    process = cluster.start()
    cluster.until_all_heard("active peers=1,2")
    assert len(cluster.left_over()) == 5  # itself, two containers, a child each
    began = time.monotonic()
    os.kill(process.pid, number)
    assert cluster.wait(process) == 0
    assert time.monotonic() - began < 10  # mostly well below one second
    assert cluster.left_over() == []
    assert "halted: " in cluster.layout.worker_log(ID, 1).read_text()
    assert cluster.store.children(path_of(ID)) == ["packing", "secret", "status", "topology"]
    with pytest.raises(PeerError, match="does not run now"):
        cluster.ask()


def test_a_container_that_ignores_everything_is_ended_all_the_same(cluster: Cluster) -> None:
    process = cluster.start()
    answer = cluster.until_all_heard("active peers=1,2")
    os.kill(pids(answer)[0], signal.SIGSTOP)
    os.kill(process.pid, signal.SIGTERM)
    assert cluster.wait(process) == 0
    assert cluster.left_over() == []


def test_without_nimbus_it_ends_and_the_next_one_can_start_it_again(cluster: Cluster) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    cluster.layout.ready_file.write_bytes(msgspec.json.encode({"pid": gone.pid, "nimbus": "127.0.0.1:6627"}))
    cluster.orphan_s = 0.5
    process = cluster.start()
    assert cluster.wait(process) == 0
    assert "no nimbus for 0.5 s" in cluster.log()
    assert cluster.left_over() == []
    cluster.orphan_s = 600.0
    cluster.start()
    cluster.until_all_heard("active peers=1,2")


def test_a_topology_that_is_gone_at_the_start_is_swept(cluster: Cluster) -> None:
    first = cluster.start()
    cluster.until_all_heard("active peers=1,2")
    os.kill(first.pid, signal.SIGKILL)
    cluster.wait(first)
    cluster.store.delete(path_of(ID))
    assert cluster.wait(cluster.start()) == 0
    assert cluster.left_over() == []


def test_a_topology_that_cannot_be_read_ends_with_code_1(cluster: Cluster) -> None:
    cluster.store.set(path_of(ID, "packing"), b"{}")
    assert cluster.wait(cluster.start()) == 1
    assert "topologies/wc-1-17/packing does not hold a PackingPlan" in cluster.log()


def exists(cluster: Cluster, leaf: str) -> bool:
    try:
        cluster.store.get(path_of(ID, leaf))
    except NoSuchNode:
        return False
    return True
