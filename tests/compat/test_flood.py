"""100 000 hostile frames against a real nimbus: it must be as before, and others must hardly notice."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.cluster import Cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.differs("Signing in, rights and hostile frames are shown on Heronry"),
]

REPOSITORY = Path(__file__).parents[2]
FRAME_COUNT = 100_000
WARM_UP_COUNT = 10_000
MAX_GROWTH_MIB = 16
"""Python keeps some of what it once had; a leak of 200 bytes a frame would be 20 MiB."""


def flood(cluster: Cluster, count: int, seed: int) -> subprocess.Popen[str]:
    """Begin to send, from a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.compat.flood", cluster.host, str(cluster.port), str(count), str(seed)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )


def tally(process: subprocess.Popen[str]) -> dict[str, int]:
    out, _ = process.communicate(timeout=500)
    assert process.returncode == 0
    found: dict[str, int] = json.loads(out)
    return found


def p99_ms(call: Callable[[], object], while_so: Callable[[], bool]) -> float:
    """Return the 99th percentile of how long a call takes, made again and again."""
    took: list[float] = []
    while while_so() or len(took) < 200:
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
        time.sleep(0.002)
    return statistics.quantiles(took, n=100)[98] * 1000


def test_37_a_flood_of_hostile_frames_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cluster(tmp_path / "root") as cluster:
        nimbus = psutil.Process(cluster.pid)
        bystander = cluster.connect()
        assert tally(flood(cluster, WARM_UP_COUNT, seed=1))["read"] >= WARM_UP_COUNT
        quiet_ms = p99_ms(bystander.getLeader, lambda: False)
        files, memory = nimbus.num_fds(), nimbus.memory_info().rss
        with ExitStack() as stack:
            for _ in range(100):  # those that begin and never go on
                idler = stack.enter_context(socket.create_connection((cluster.host, cluster.port)))
                idler.sendall(b"\0\x10\0\0\x80\x01")
            process = flood(cluster, FRAME_COUNT, seed=2)
            flooded_ms = p99_ms(bystander.getLeader, lambda: process.poll() is None)
            found = tally(process)
        assert found["read"] == FRAME_COUNT
        assert found["answered"] > 0
        assert found["closed"] > 0
        assert bystander.getLeader().isLeader
        growth_mib = (nimbus.memory_info().rss - memory) / 2**20
        until = time.monotonic() + 30
        while nimbus.num_fds() > files and time.monotonic() < until:
            time.sleep(0.1)
        assert nimbus.num_fds() <= files
        assert growth_mib < MAX_GROWTH_MIB
        log = (cluster.root / "logs" / "nimbus.log").read_text()
        assert "Traceback" not in log
        assert len(log) < 1_000_000
        told = (
            f"{found['answered']:,} of {FRAME_COUNT:,} hostile frames answered, {found['closed']:,} "
            f"connections closed, memory {growth_mib:+.1f} MiB; p99 of another client's getLeader "
            f"{quiet_ms:.1f} ms before, {flooded_ms:.1f} ms meanwhile"
        )
        with capsys.disabled():
            sys.stdout.write(f"\nflood: {told}\n")
