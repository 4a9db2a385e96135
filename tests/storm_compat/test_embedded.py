"""A cluster that ends with the process that wanted it, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storm_compat.client import NimbusClient
from storm_compat.embedded import ClusterFailed, EmbeddedCluster
from tests.cluster import environment, processes, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

OWNER = """
import signal
from storm_compat.embedded import EmbeddedCluster
with EmbeddedCluster() as cluster:
    print(cluster.root, flush=True)
    signal.pause()
"""


def test_it_answers_and_leaves_neither_process_nor_file():
    with EmbeddedCluster() as cluster:
        with NimbusClient(cluster.address) as client:
            assert client.cluster().topologies == ()
        assert cluster.root.is_dir()
    assert not cluster.root.exists()
    assert [line for line in processes().values() if str(cluster.root) in line] == []


def test_a_root_that_was_given_stays(tmp_path):
    with EmbeddedCluster(tmp_path / "root"):
        pass
    assert (tmp_path / "root" / "logs" / "nimbus.log").read_text()
    assert not (tmp_path / "root" / "ready.json").exists()


def test_it_ends_with_an_owner_that_is_killed(tmp_path):
    command = [sys.executable, "-c", OWNER]
    owner = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(TMPDIR=str(tmp_path))
    )
    root = Path(owner.stdout.readline().strip())
    assert any(str(root) in line for line in processes().values())
    owner.kill()
    owner.communicate(timeout=30)
    until(lambda: not any(str(root) in line for line in processes().values()), "nimbus has ended")
    until(lambda: not root.exists(), "its root is gone")


def test_it_says_why_it_does_not_start(tmp_path):
    with (
        EmbeddedCluster(tmp_path / "root"),
        pytest.raises(ClusterFailed, match="belongs to a nimbus that runs already"),
        EmbeddedCluster(tmp_path / "root"),
    ):
        pass


def test_it_says_that_it_has_ended_by_itself(tmp_path):
    with EmbeddedCluster(tmp_path / "root") as cluster:
        cluster.check()
        (pid,) = [pid for pid, line in processes().items() if f"storm_compat.embedded {cluster.root}" in line]
        os.kill(pid, signal.SIGKILL)
        cluster._nimbus.wait()
        with pytest.raises(ClusterFailed, match="ended with code -9"):
            cluster.check()
