"""Storm's own blobstore command, and jars and artifacts of a submission; numbers are those of the checks."""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import AnyCluster, Draft
from tests.compat.conftest import Run, is_real_storm
from tests.compat.storm_client import StormClient
from tests.compat.test_blobs import OPEN, keys

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def _no_blob_is_left(cluster: AnyCluster) -> Iterator[None]:
    yield
    for name in cluster.names():
        cluster.kill(name)
    for key in keys(cluster.nimbus):
        cluster.nimbus.deleteBlob(key)


def test_24_blobs_are_created_read_updated_listed_opened_and_deleted(
    storm: StormClient, cluster: AnyCluster, tmp_path: Path
) -> None:
    first, second, got = tmp_path / "first", tmp_path / "second", tmp_path / "got"
    first.write_bytes(random.Random(24).randbytes(3_000_000))
    second.write_bytes(b"second")

    done = storm("blobstore", "create", "key", "-f", str(first), "-a", "o::rwa")
    assert done.code == 0, done.output
    version = cluster.nimbus.getBlobMeta("key").version

    done = storm("blobstore", "create", "key", "-f", str(first), "-a", "o::rwa")
    assert done.code == 1
    assert "KeyAlreadyExistsException" in done.output

    done = storm("blobstore", "cat", "key", "-f", str(got))
    assert done.code == 0, done.output
    assert got.read_bytes() == first.read_bytes()

    done = storm("blobstore", "update", "key", "-f", str(second))
    assert done.code == 0, done.output
    assert cluster.nimbus.getBlobMeta("key").version != version

    done = storm("blobstore", "list", "key")
    assert done.code == 0, done.output
    assert re.search(r"\bkey \d+ ", done.output), done.output

    done = storm("blobstore", "set-acl", "key", "-s", "u:alice:r-a,o::rwa")
    assert done.code == 0, done.output
    accesses = {(a.name or "", a.access) for a in cluster.nimbus.getBlobMeta("key").settable.acl}
    assert {("alice", 5), ("", 7)} <= accesses

    done = storm("blobstore", "delete", "key")
    assert done.code == 0, done.output
    done = storm("blobstore", "delete", "key")
    assert done.code == 1
    assert "KeyNotFoundException" in done.output


def test_25_each_of_many_blobs_is_listed_once(storm: StormClient, cluster: AnyCluster) -> None:
    names = [f"many-{number:03}" for number in range(250)]
    for name in names:
        session = cluster.nimbus.beginCreateBlob(name, OPEN)
        cluster.nimbus.uploadBlobChunk(session, name.encode())
        cluster.nimbus.finishBlobUpload(session)
    done = storm("blobstore", "list", timeout_s=100)
    assert done.code == 0, done.output
    assert sorted(re.findall(r"\b(many-\d{3}) \d+ ", done.output)) == names


def test_27_jars_and_artifacts_become_blobs_and_a_refused_submission_takes_its_jars_back(
    storm: StormClient, cluster: AnyCluster, tmp_path: Path
) -> None:
    if is_real_storm(cluster) and storm.version.startswith("1."):
        pytest.skip("Storm 2.8.2 refuses every topology of a 1.x client")
    dependency = tmp_path / "dep.jar"
    with zipfile.ZipFile(dependency, "w") as archive:
        archive.writestr("resources_of_dep.txt", "x")
    more = {"jars": [dependency], "artifacts": {"group:thing:jar:1.0": dependency}}
    jar = storm.shell_jar(tmp_path)

    conf = {"test.folder": str(tmp_path)}
    done = storm.jar(jar, "ShellTopology", "wc", "inactive", conf=conf, **more)
    assert done.code == 0, done.output
    found = [key for key in keys(cluster.nimbus) if key.startswith("dep-")]
    topology = cluster.nimbus.getUserTopology(cluster.nimbus.getTopologySummaryByName("wc").id)
    [of_jar], [of_artifact] = topology.dependency_jars, topology.dependency_artifacts
    assert sorted(found) == sorted([of_jar, of_artifact])
    assert re.fullmatch(r"dep-dep-[0-9a-f-]{36}\.jar", of_jar)
    assert of_artifact == "dep-group-thing-jar-1.0.jar"

    done = storm.jar(jar, "ShellTopology", "refused", "broken", conf=conf, **more)
    assert done.code == 1
    assert "subscribes from non-existent component [nowhere]" in done.output
    left = {key for key in keys(cluster.nimbus) if key.startswith("dep-")}
    assert left == {of_jar, of_artifact}


@pytest.mark.parametrize("storm", ["2.8.2", "2.0.0"], indirect=True)
def test_28_the_jar_of_a_topology_that_is_alive_stays(
    storm: StormClient, cluster: AnyCluster, run: Run
) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=1)
    key = f"{run(draft, is_active=False).topology_id}-stormjar.jar"
    done = storm("blobstore", "delete", key)
    assert done.code == 1
    assert "IllegalStateException" in done.output
    assert cluster.nimbus.getBlobMeta(key)
