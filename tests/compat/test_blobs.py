"""The blob store as Thrift clients see it; numbers are those of the list of acceptance checks."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from thriftpy2.thrift import TApplicationException, TException

from storm_compat.thrift import idl
from tests.cluster import AnyCluster, Cluster, Draft, Running, until
from tests.compat.conftest import Run, is_real_storm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STORM = idl.load()
OPEN = STORM.SettableBlobMeta(acl=[], replication_factor=-1)
CHUNK_BYTES = 65536
OF_TOPOLOGIES = ("-stormjar.jar", "-stormconf.ser", "-stormcode.ser")
UPDATED_WITHIN_S = 100.0
"""Storm's supervisors look every 30 s."""


def send(client: Any, session: str, data: bytes) -> None:
    for start in range(0, len(data), CHUNK_BYTES):
        client.uploadBlobChunk(session, data[start : start + CHUNK_BYTES])
    client.finishBlobUpload(session)


def create(client: Any, key: str, data: bytes) -> None:
    send(client, client.beginCreateBlob(key, OPEN), data)


def update(client: Any, key: str, data: bytes) -> None:
    send(client, client.beginUpdateBlob(key), data)


def content(client: Any, key: str) -> bytes:
    session = client.beginBlobDownload(key).session
    return b"".join(iter(lambda: client.downloadBlobChunk(session), b""))


def keys(client: Any) -> list[str]:
    """Return all keys but of topologies, asked for as Storm's clients do: up to the first empty page."""
    found: list[str] = []
    page = client.listBlobs("")
    while page.keys:
        found += page.keys
        page = client.listBlobs(page.session)
    return [key for key in found if not key.endswith(OF_TOPOLOGIES)]


@pytest.fixture
def nimbus(cluster: AnyCluster) -> Iterator[Any]:
    """A connection; blobs made over it are gone afterwards."""
    yield cluster.nimbus
    for key in keys(cluster.nimbus):
        cluster.nimbus.deleteBlob(key)


def test_24_a_blob_is_created_read_updated_opened_and_deleted(nimbus: Any) -> None:
    first, second = bytes(range(256)) * 12_000, b"second"
    create(nimbus, "key", first)
    with pytest.raises(STORM.KeyAlreadyExistsException) as exists:
        nimbus.beginCreateBlob("key", OPEN)
    assert exists.value.msg == "key"
    assert content(nimbus, "key") == first
    before = nimbus.getBlobMeta("key")
    update(nimbus, "key", second)
    assert content(nimbus, "key") == second
    assert nimbus.getBlobMeta("key").version != before.version
    assert keys(nimbus) == ["key"]
    ada = STORM.AccessControl(type=STORM.AccessControlType.USER, name="ada", access=5)
    nimbus.setBlobMeta("key", STORM.SettableBlobMeta(acl=[ada]))
    assert ada in nimbus.getBlobMeta("key").settable.acl
    nimbus.deleteBlob("key")
    for gone in (nimbus.deleteBlob, nimbus.getBlobMeta, nimbus.beginUpdateBlob, nimbus.beginBlobDownload):
        with pytest.raises(STORM.KeyNotFoundException) as missing:
            gone("key")
        assert missing.value.msg == "key"


def test_25_each_of_many_blobs_is_listed_once(nimbus: Any) -> None:
    wanted = [f"blob {number:03}" for number in range(250)]
    for key in wanted:
        create(nimbus, key, b"x")
    pages = [nimbus.listBlobs("")]
    while pages[-1].keys:
        pages.append(nimbus.listBlobs(pages[-1].session))
    sizes = [len(page.keys) for page in pages]
    assert sizes[:2] == [100, 100]
    assert sizes[2] >= 50  # a real Storm may still have blobs of topologies before
    assert sorted(key for page in pages for key in page.keys if key.startswith("blob ")) == wanted
    with pytest.raises(TApplicationException):
        nimbus.listBlobs(pages[-1].session)


def test_26_an_upload_that_broke_off_is_not_there(cluster: AnyCluster, nimbus: Any) -> None:
    client = cluster.connect()
    session = client.beginCreateBlob("key", OPEN)
    client.uploadBlobChunk(session, b"half")
    client.close()
    for read in (nimbus.getBlobMeta, nimbus.beginBlobDownload):
        with pytest.raises((STORM.KeyNotFoundException, TApplicationException)):
            read("key")
    nimbus.cancelBlobUpload(session)  # it belongs to no connection
    with pytest.raises((STORM.KeyNotFoundException, TApplicationException)):
        nimbus.getBlobMeta("key")


@pytest.mark.differs("A blob whose first upload is not finished is not there")
def test_26_an_upload_that_broke_off_keeps_nobody_from_the_key(nimbus: Any) -> None:
    session = nimbus.beginCreateBlob("key", OPEN)
    nimbus.uploadBlobChunk(session, b"half")
    with pytest.raises(STORM.KeyNotFoundException):
        nimbus.getBlobMeta("key")
    assert keys(nimbus) == []
    create(nimbus, "key", b"whole")
    assert content(nimbus, "key") == b"whole"
    with pytest.raises(TApplicationException, match="somebody else has created it meanwhile"):
        nimbus.finishBlobUpload(session)
    assert content(nimbus, "key") == b"whole"


def test_28_the_blobs_of_a_topology_stay_while_it_is_alive(cluster: AnyCluster, run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=1)
    running = run(draft)
    for kind in OF_TOPOLOGIES:
        key = f"{running.topology_id}{kind}"
        assert content(cluster.nimbus, key)
        with pytest.raises(STORM.IllegalStateException) as caught:
            cluster.nimbus.deleteBlob(key)
        assert caught.value.msg == (
            f"Attempting to delete blob {key} from under active topology {running.topology_id}"
        )
        assert content(cluster.nimbus, key)


@pytest.mark.differs("The blobs of a killed topology go with it")
def test_the_blobs_of_a_topology_go_with_it(cluster: AnyCluster, nimbus: Any, run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=1)
    running = run(draft)
    assert len(nimbus.listBlobs("").keys) == len(OF_TOPOLOGIES)
    cluster.kill(running.name)
    assert nimbus.listBlobs("").keys == []


def test_readers_keep_the_old_content_until_they_are_through(nimbus: Any) -> None:
    old = b"a" * (CHUNK_BYTES + 10)
    create(nimbus, "key", old)
    session = nimbus.beginBlobDownload("key").session
    first = nimbus.downloadBlobChunk(session)
    update(nimbus, "key", b"b")
    assert first + nimbus.downloadBlobChunk(session) == old
    assert nimbus.downloadBlobChunk(session) == b""
    assert content(nimbus, "key") == b"b"


def test_names_that_lead_out_of_the_blob_store_are_refused(
    cluster: AnyCluster, nimbus: Any, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    relative = os.path.relpath(secret, cluster.root / "blobstore" / "keys")
    for key in (str(secret), relative, "..", "", "a/b", "a\0b"):
        for call in (nimbus.beginBlobDownload, nimbus.getBlobMeta, nimbus.deleteBlob, nimbus.beginUpdateBlob):
            with pytest.raises(TApplicationException):
                call(key)
        with pytest.raises(TApplicationException):
            nimbus.beginCreateBlob(key, OPEN)
    assert secret.read_text() == "mine"


@pytest.mark.differs("Daemons of Storm's are not killed")
def test_a_crash_in_the_middle_of_uploads_leaves_whole_blobs_and_nothing_else(tmp_path: Path) -> None:
    """Clients create and update as fast as they can while nimbus is killed, again and again."""
    with Cluster(tmp_path / "root") as cluster:
        create(cluster.nimbus, "steady", b"0" * 200_000)
        for life in range(4):
            clients = [cluster.connect() for _ in range(3)]
            writers = [
                threading.Thread(target=_write_until_cut, args=(client, f"new {life} {number}"))
                for number, client in enumerate(clients)
            ]
            for writer in writers:
                writer.start()
            writers[0].join(0.4 + 0.13 * life)
            cluster.kill_nimbus()
            for writer in writers:
                writer.join(30)
                assert not writer.is_alive()
            cluster.start()
            found = keys(cluster.nimbus)
            assert "steady" in found
            for key in found:
                data = content(cluster.nimbus, key)
                assert len(data) == 200_000, key
                assert len(set(data)) == 1, key
            store = cluster.root / "blobstore"
            assert list((store / "uploads").iterdir()) == []
            files = sorted(p.name.partition("@")[0] for p in store.rglob("*") if p.is_file())
            assert files == ["data"] * len(found) + ["meta.json"] * len(found)


def _write_until_cut(client: Any, name: str) -> None:
    """Create blobs of one letter each and replace the one that all share, until the connection breaks."""
    try:
        for number in range(10_000):
            letter = b"%c" % (97 + number % 26)
            create(client, f"{name} {number}", letter * 200_000)
            update(client, "steady", letter * 200_000)
    except (TException, OSError, EOFError):
        return
    raise AssertionError("nimbus was not killed in time")


# -- links of topology.blobstore.map --------------------------------------------


def reading(*files: str) -> Draft:
    draft = Draft()
    draft.spout("reads", "reads.py", files=list(files))
    return draft


def found(running: Running, *contents: str) -> dict[str, Any] | None:
    """Return what the component noted when it found these contents first."""
    notes = running.notes("reads", what="read", found=list(contents))
    return notes[0] if notes else None


def test_components_find_blobs_under_their_local_names_and_see_updates(nimbus: Any, run: Run) -> None:
    create(nimbus, "dict.txt", b"one")
    create(nimbus, "archive.zip", packed(a="inside"))
    entries = {"dict.txt": {"localname": "words"}, "archive.zip": {"localname": "folder", "uncompress": True}}
    running = run(reading("../words", "../folder/a"), {"topology.blobstore.map": entries})
    first = until(lambda: found(running, "one", "inside"))
    update(nimbus, "dict.txt", b"two")
    update(nimbus, "archive.zip", packed(a="changed"))
    second = until(lambda: found(running, "two", "changed"), timeout_s=UPDATED_WITHIN_S)
    assert first["pid"] == second["pid"]


def test_components_start_anew_for_a_blob_that_says_so(nimbus: Any, run: Run) -> None:
    create(nimbus, "dict.txt", b"one")
    conf = {"topology.blobstore.map": {"dict.txt": {"workerRestart": True}}}
    running = run(reading("../dict.txt"), conf)
    first = until(lambda: found(running, "one"))
    update(nimbus, "dict.txt", b"two")

    def found_by_another() -> bool:
        return any(n["pid"] != first["pid"] for n in running.notes("reads", what="read", found=["two"]))

    until(found_by_another, timeout_s=UPDATED_WITHIN_S)
    if not is_real_storm(running.cluster):  # which tells of the component that it ended itself
        assert not running.info().errors.get("reads")


@pytest.mark.differs("A blob is also found by its bare name")
def test_components_find_blobs_in_their_own_folder_too(nimbus: Any, run: Run) -> None:
    create(nimbus, "dict.txt", b"one")
    running = run(reading("dict.txt"), {"topology.blobstore.map": {"dict.txt": {}}})
    until(lambda: found(running, "one"))


def test_a_blob_that_a_topology_has_a_link_to_stays(nimbus: Any, run: Run) -> None:
    create(nimbus, "dict.txt", b"one")
    running = run(reading(), {"topology.blobstore.map": {"dict.txt": {}}})
    with pytest.raises(STORM.IllegalStateException) as caught:
        nimbus.deleteBlob("dict.txt")
    assert caught.value.msg == (
        f"Attempting to delete active blob dict.txt used by topology {running.topology_id}"
    )


def test_a_blob_that_is_not_there_keeps_a_topology_from_being_submitted(cluster: AnyCluster) -> None:
    conf = {"topology.blobstore.map": {"no such": {}}}
    with pytest.raises(STORM.InvalidTopologyException) as caught:
        cluster.submit("refused", reading("x"), conf)
    assert caught.value.msg == "Key not found: no such"
    assert "refused" not in cluster.names()


def packed(**members: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return data.getvalue()
