"""Nimbus as a process, with real topology processes, containers and components."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from scheduler.layout import Layout
from storm_compat.daemon import STORM_VERSION, Ready, _clean_inbox, _keep_ready
from storm_compat.thrift import idl
from storm_compat.uploads import Uploads
from tests.storm_compat.builders import bolt, common, grouping, jar, shell, spout, topology
from tests.storm_compat.test_nimbus import Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

REPOSITORY = Path(__file__).resolve().parents[2]

# A spout of the multilang protocol that emits a word a call, and a bolt that acks all.
COMPONENT = """
import json, os, sys
def read():
    lines = []
    while (line := sys.stdin.readline().rstrip("\\n")) != "end":
        if not line and not lines: sys.exit()
        lines.append(line)
    return json.loads("\\n".join(lines))
def send(message):
    sys.stdout.write(json.dumps(message) + "\\nend\\n"); sys.stdout.flush()
setup = read()
open(os.path.join(setup["pidDir"], str(os.getpid())), "w").close()
send({"pid": os.getpid()})
count = 0
while True:
    message = read()
    if "command" not in message and "tuple" in message:
        is_heartbeat = message["stream"] == "__heartbeat"
        send({"command": "sync"} if is_heartbeat else {"command": "ack", "id": message["id"]})
        continue
    if message["command"] == "next":
        count += 1
        if count < 100:
            send({"command": "emit", "tuple": ["w%d" % count], "id": str(count), "need_task_ids": False})
    send({"command": "sync"})
"""


class Daemon:
    """One nimbus process on a root."""

    def __init__(self, root: Path, port: int = 0) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "storm_compat.daemon", "--root", str(root), "--port", str(port)],
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def is_ours() -> bool:
            with contextlib.suppress(FileNotFoundError):
                found.update(json.loads((self.root / "ready.json").read_text()))
            return found.get("pid") == self.process.pid or self.process.poll() is not None

        wait_for(is_ours)
        assert found.get("pid") == self.process.pid
        return found

    def port(self) -> int:
        return int(self.ready()["nimbus"].rpartition(":")[2])

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


def wait_for(is_so: Callable[[], Any], limit_s: float = 20.0) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def processes_below(root: Path) -> list[psutil.Process]:
    """Return topology processes, containers and components of a root, but no nimbus."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if (
                process.status() != psutil.STATUS_ZOMBIE
                and (str(root) in process.cmdline() or process.cwd().startswith(str(root)))
                and "storm_compat.daemon" not in process.cmdline()
            ):
                found.append(process)
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    daemons: list[Daemon] = []

    def start_one(root: Path = tmp_path / "root", port: int = 0) -> Daemon:
        daemons.append(Daemon(root, port))
        return daemons[-1]

    yield start_one
    for daemon in daemons:
        if daemon.process.poll() is None:
            daemon.end(signal.SIGTERM)
        if daemon.process.stderr:
            daemon.process.stderr.close()
    for process in processes_below(tmp_path / "root"):
        process.kill()


def words(client: Client) -> None:
    """Submit two spouts and a bolt over two containers."""
    data = jar(client.world.folder / "w.jar", {"resources/component.py": COMPONENT}).read_bytes()
    run = shell(sys.executable, "component.py")
    inputs = {("words", "default"): grouping("shuffle")}
    code = topology(
        {"words": spout(common(hint=2), run)}, {"count": bolt(common(inputs, {"default": ("n",)}), run)}
    )
    conf = json.dumps({"topology.workers": 2, "topology.message.timeout.secs": 1})
    client.submitTopology("wc", client.upload(data), conf, code)


def connected(daemon: Daemon, folder: Path) -> Client:
    world: Any = type("World", (), {"folder": folder})
    return Client(daemon.port(), world)


def acked(client: Client) -> int:
    executors = client.getTopologyInfoByName("wc").executors
    spouts = [executor.stats.specific.spout for executor in executors if executor.component_id == "words"]
    return sum(stats.acked[":all-time"].get("default", 0) for stats in spouts)


def test_ready_says_where_nimbus_is_and_goes_with_it(start: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = start()
    ready = daemon.ready()
    assert ready == {
        "nimbus": f"127.0.0.1:{daemon.port()}",
        "others": {},
        "ui": None,
        "logviewer": None,
        "pid": daemon.process.pid,
        "root": str(tmp_path / "root"),
        "version": STORM_VERSION,
    }
    assert (tmp_path / "root").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "root" / "logs").stat().st_mode & 0o777 == 0o700
    client = connected(daemon, tmp_path)
    leader = client.getLeader()
    assert (leader.host, leader.port) == ("127.0.0.1", daemon.port())
    assert json.loads(client.getNimbusConf())["nimbus.thrift.port"] == daemon.port()
    client.close()
    code, _ = daemon.end(signal.SIGINT)
    assert code == 0
    assert not (tmp_path / "root" / "ready.json").exists()


def test_a_second_nimbus_is_refused_and_told_where_the_first_is(
    start: Callable[..., Daemon], tmp_path: Path
) -> None:
    first = start()
    port = first.port()
    second = start()
    _, said = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert f"pid {first.process.pid}, listening on 127.0.0.1:{port}" in said
    other = start(tmp_path / "other", port)
    _, said = other.process.communicate(timeout=20)
    assert other.process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert first.ready()["pid"] == first.process.pid


def test_tuples_flow_and_a_kill_leaves_nothing(start: Callable[..., Daemon], tmp_path: Path) -> None:
    client = connected(start(), tmp_path)
    began = time.monotonic()
    words(client)
    assert time.monotonic() - began < 5
    wait_for(lambda: acked(client) == 198)
    (summary,) = client.getTopologySummaries()
    assert (summary.status, summary.num_workers, summary.num_tasks) == ("ACTIVE", 2, 5)
    assert client.getTopologyInfoByName("wc").errors["words"] == []
    client.killTopologyWithOpts("wc", idl.load().KillOptions(wait_secs=0))
    wait_for(lambda: client.isTopologyNameAllowed("wc"))
    assert processes_below(tmp_path / "root") == []
    client.close()


def test_the_end_of_nimbus_ends_everything_and_the_next_goes_on(
    start: Callable[..., Daemon], tmp_path: Path
) -> None:
    first = start()
    client = connected(first, tmp_path)
    words(client)
    wait_for(lambda: acked(client) > 0)
    client.close()
    began = time.monotonic()
    code, said = first.end(signal.SIGTERM)
    assert (code, time.monotonic() - began < 10) == (0, True), said
    assert processes_below(tmp_path / "root") == []
    client = connected(start(), tmp_path)
    wait_for(lambda: acked(client) == 198)
    client.close()


def test_a_killed_nimbus_is_followed_by_one_that_adopts(start: Callable[..., Daemon], tmp_path: Path) -> None:
    first = start()
    client = connected(first, tmp_path)
    words(client)
    wait_for(lambda: acked(client) == 198)
    client.close()
    before = {process.pid for process in processes_below(tmp_path / "root")}
    first.end(signal.SIGKILL)
    second = start()
    client = connected(second, tmp_path)
    assert acked(client) == 198
    after = {process.pid for process in processes_below(tmp_path / "root")}
    assert before == after
    assert len(before) == 6  # topology process, two containers, three components
    topology_process = next(
        p for p in processes_below(tmp_path / "root") if "scheduler.run.topology" in p.cmdline()
    )
    os.kill(topology_process.pid, signal.SIGKILL)
    wait_for(
        lambda: (
            "by signal" in str(client.getTopologyInfoByName("wc").errors)
            or "unknown exit code" in str(client.getTopologyInfoByName("wc").errors)
        )
    )
    wait_for(lambda: acked(client) == 198)
    client.close()


class FullUploads(Uploads):
    """An inbox that cannot be looked at, as when no file can be opened any more."""

    count = 0

    def clean(self, now: float) -> int:
        self.count += 1
        raise OSError(errno.EMFILE, "Too many open files")


def test_an_inbox_that_cannot_be_cleaned_does_not_end_nimbus(tmp_path: Path) -> None:
    async def story() -> None:
        uploads = FullUploads(tmp_path)
        async with asyncio.TaskGroup() as group:
            cleaner = group.create_task(_clean_inbox(uploads))
            await asyncio.sleep(0)
            assert uploads.count == 1
            assert not cleaner.done()
            cleaner.cancel()

    asyncio.run(story())


def test_a_removed_ready_file_is_written_again(tmp_path: Path) -> None:
    async def story() -> None:
        layout = Layout(tmp_path)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            keeper = group.create_task(_keep_ready(layout, Ready("127.0.0.1", 6627, tmp_path), every_s=0.0))
            while not layout.ready_file.exists():  # noqa: ASYNC110  a file tells nobody
                await asyncio.sleep(0)
            keeper.cancel()

    asyncio.run(story())
    assert json.loads((tmp_path / "ready.json").read_text())["nimbus"] == "127.0.0.1:6627"
