"""The logviewer as Storm's clients ask it; numbers are those of the list of acceptance checks."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cluster import Cluster, Draft, until
from tests.compat.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.differs("Storm's UI and logviewer are not on Maven Central"),
]


def test_41_a_log_is_downloaded_and_no_other_file(cluster: Cluster, run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=1)
    running = run(draft)
    [port] = until(lambda: {e.port for e in running.info().executors})
    base = f"http://{cluster.ui}/api/v1/download?file="
    name = f"{running.topology_id}%2F{port}%2Fworker.log"
    log = cluster.root / "logs" / "workers-artifacts" / running.topology_id / str(port) / "worker.log"
    until(lambda: log.exists() and log.stat().st_size)
    with urllib.request.urlopen(base + name) as answer:
        data = answer.read()
    assert data
    assert log.read_bytes().startswith(data)
    for other in ("..%2F..%2Fetc%2Fpasswd", "..%2F..%2Fready.json", "%2Fetc%2Fpasswd", name + ".no"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(base + other)
        assert caught.value.code == 404
        caught.value.close()
    assert Path(cluster.root / "ready.json").exists()
