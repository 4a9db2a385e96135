"""The blob store beside a dictionary that does the same; then what only happens on purpose."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from storm_compat.blob_acl import READ, WORLD, WRITE, Access, BlobAuthorizer
from storm_compat.blob_files import BlobFiles, BlobMeta, StoredBlob
from storm_compat.blob_map import Link
from storm_compat.blobs import BlobLimits, Blobs
from storm_compat.errors import (
    BlobInUse,
    BlobNotKept,
    InvalidBlobMeta,
    InvalidKey,
    InvalidTopology,
    KeyExists,
    KeyNotFound,
    NotAuthorized,
    SessionGone,
)

KEYS = ["a", "b", "c", "d", "e"]
LIMITS = BlobLimits(session_idle_s=10, chunk_bytes=4, page_count=2, max_blob_bytes=20, max_session_count=50)


class NoTopologies:
    """`TopologyBlobs` of a cluster where only ``wc`` runs, if it is told so."""

    def __init__(self) -> None:
        self.own: dict[str, StoredBlob] = {}
        self.users: dict[str, list[str]] = {}

    def keys(self) -> list[str]:
        return list(self.own)

    def find(self, key: str) -> StoredBlob | None:
        return self.own.get(key)

    def users_of(self, key: str) -> list[str]:
        return self.users.get(key, [])


class Model(RuleBasedStateMachine):
    """Uploads, downloads and lists of several clients in any order, with time passing and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = 0.0
        self.contents: dict[str, bytes] = {}
        self.versions: dict[str, set[int]] = {key: set() for key in KEYS}
        self.uploads: dict[str, tuple[str, bool, bytes, float]] = {}
        self.downloads: dict[str, tuple[bytes, float]] = {}
        self.lists: dict[str, tuple[list[str], float]] = {}
        self.restart()

    def teardown(self) -> None:
        self.blobs.close()
        shutil.rmtree(self.folder)

    def _is_over(self, used_at_s: float) -> bool:
        return self.now - used_at_s > LIMITS.session_idle_s

    @rule()
    def restart(self) -> None:
        """As after a crash: nothing is closed in good order, but for what a dead process cannot hold."""
        if hasattr(self, "blobs"):
            for session in self.downloads:
                self.blobs._downloads.end(session)
        files = BlobFiles(self.folder / "blobs", wall=lambda: self.now)
        files.recover()
        self.blobs = Blobs(files, NoTopologies(), BlobAuthorizer(), LIMITS)
        for sessions in (self.uploads, self.downloads, self.lists):
            sessions.clear()

    @rule(step_s=st.sampled_from([1.0, 6.0]))
    def wait(self, step_s: float) -> None:
        self.now += step_s

    @rule()
    def clean(self) -> None:
        self.blobs.clean(self.now)

    @rule(key=st.sampled_from(KEYS))
    def begin_create(self, key: str) -> None:
        if key in self.contents:
            with pytest.raises(KeyExists):
                self.blobs.begin_create(key, (), None, None, self.now)
            return
        self.uploads[self.blobs.begin_create(key, (), None, None, self.now)] = (key, True, b"", self.now)

    @rule(key=st.sampled_from(KEYS))
    def begin_update(self, key: str) -> None:
        if key not in self.contents:
            with pytest.raises(KeyNotFound):
                self.blobs.begin_update(key, None, self.now)
            return
        self.uploads[self.blobs.begin_update(key, None, self.now)] = (key, False, b"", self.now)

    @precondition(lambda self: self.uploads)
    @rule(data=st.data(), chunk=st.binary(max_size=8))
    def chunk(self, data: Any, chunk: bytes) -> None:
        session = _any(data, self.uploads)
        key, is_new, sent, used_at_s = self.uploads[session]
        if self._is_over(used_at_s):
            del self.uploads[session]
            with pytest.raises(SessionGone):
                self.blobs.chunk(session, chunk, self.now)
        elif len(sent + chunk) > LIMITS.max_blob_bytes:
            del self.uploads[session]
            with pytest.raises(BlobNotKept):
                self.blobs.chunk(session, chunk, self.now)
        else:
            self.blobs.chunk(session, chunk, self.now)
            self.uploads[session] = (key, is_new, sent + chunk, self.now)

    @precondition(lambda self: self.uploads)
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        session = _any(data, self.uploads)
        key, is_new, sent, used_at_s = self.uploads.pop(session)
        if self._is_over(used_at_s):
            with pytest.raises(SessionGone):
                asyncio.run(self.blobs.finish(session, self.now))
            return
        if is_new and key in self.contents:
            if self.contents[key] == sent:
                asyncio.run(self.blobs.finish(session, self.now))
            else:
                with pytest.raises(BlobNotKept, match="created"):
                    asyncio.run(self.blobs.finish(session, self.now))
            return
        if not is_new and key not in self.contents:
            with pytest.raises(BlobNotKept, match="deleted"):
                asyncio.run(self.blobs.finish(session, self.now))
            return
        asyncio.run(self.blobs.finish(session, self.now))
        self.contents[key] = sent
        version = self.blobs.find(key, None).version
        if not is_new:
            assert version not in self.versions[key]
        self.versions[key].add(version)

    @precondition(lambda self: self.uploads)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        session = _any(data, self.uploads)
        if self._is_over(self.uploads.pop(session)[3]):
            return
        self.blobs.cancel(session, self.now)

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key: str) -> None:
        if self.contents.pop(key, None) is None:
            with pytest.raises(KeyNotFound):
                self.blobs.delete(key, None)
        else:
            self.blobs.delete(key, None)

    @rule(key=st.sampled_from(KEYS))
    def look(self, key: str) -> None:
        assert self.blobs.has(key) is (key in self.contents)
        if key in self.contents:
            assert self.blobs.find(key, None).size_bytes == len(self.contents[key])

    @rule(key=st.sampled_from(KEYS))
    def begin_download(self, key: str) -> None:
        if key not in self.contents:
            with pytest.raises(KeyNotFound):
                self.blobs.begin_download(key, None, self.now)
            return
        session, blob = self.blobs.begin_download(key, None, self.now)
        assert blob.size_bytes == len(self.contents[key])
        self.downloads[session] = (self.contents[key], self.now)

    @precondition(lambda self: self.downloads)
    @rule(data=st.data())
    def next_chunk(self, data: Any) -> None:
        session = _any(data, self.downloads)
        left, used_at_s = self.downloads.pop(session)
        if self._is_over(used_at_s):
            with pytest.raises(SessionGone):
                self.blobs.next_chunk(session, self.now)
            return
        chunk = self.blobs.next_chunk(session, self.now)
        assert chunk == left[: LIMITS.chunk_bytes]
        if chunk:
            self.downloads[session] = (left[LIMITS.chunk_bytes :], self.now)

    @rule()
    def begin_list(self) -> None:
        keys, session = self.blobs.page("", self.now)
        self._expect_page(session, sorted(self.contents), keys)

    @precondition(lambda self: self.lists)
    @rule(data=st.data())
    def next_page(self, data: Any) -> None:
        session = _any(data, self.lists)
        left, used_at_s = self.lists.pop(session)
        if self._is_over(used_at_s):
            with pytest.raises(SessionGone):
                self.blobs.page(session, self.now)
            return
        keys, again = self.blobs.page(session, self.now)
        assert again == session
        self._expect_page(session, left, keys)

    def _expect_page(self, session: str, left: list[str], keys: list[str]) -> None:
        assert keys == left[: LIMITS.page_count]
        if keys:
            self.lists[session] = (left[LIMITS.page_count :], self.now)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def _any(data: Any, sessions: dict[str, Any]) -> str:
    """Return a session by its place: ids are random, and hypothesis must be able to repeat itself."""
    return list(sessions)[data.draw(st.integers(0, len(sessions) - 1))]


class Shop:
    """A blob store where rights count, and a way to fill it in one line."""

    def __init__(self, folder: Path) -> None:
        self.topologies = NoTopologies()
        self.updated: list[str] = []
        self.blobs = Blobs(
            BlobFiles(folder, wall=lambda: 5.0),
            self.topologies,
            BlobAuthorizer(is_enabled=True, admins=frozenset({"root"})),
            on_update=self.updated.append,
        )

    def create(self, key: str, *acl: Access, caller: str = "ada", data: bytes = b"x") -> None:
        self.send(self.blobs.begin_create(key, acl, -1, caller, 0), data)

    def update(self, key: str, caller: str | None) -> None:
        self.send(self.blobs.begin_update(key, caller, 0), b"new")

    def send(self, session: str, data: bytes) -> None:
        self.blobs.chunk(session, data, 0)
        asyncio.run(self.blobs.finish(session, 0))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.blobs.close()


def test_each_call_needs_its_own_right(shop: Shop) -> None:
    shop.create("k", Access(READ, "reader"), Access(WRITE, "writer"))
    blobs = shop.blobs
    blobs.find("k", "writer")
    blobs.begin_download("k", "reader", 0)
    assert blobs.replication("k", "reader") == 1
    shop.update("k", "writer")
    assert blobs.set_replication("k", 4, "writer") == blobs.replication("k", "reader") == 4
    blobs.set_meta("k", [Access(READ, is_for_all=True)], -1, "ada")
    assert blobs.find("k", "anybody").meta == BlobMeta((Access(READ, is_for_all=True), Access(4, "ada")), 4)
    for refused in (
        lambda: blobs.begin_update("k", "reader", 0),
        lambda: blobs.set_meta("k", [], None, "reader"),
        lambda: blobs.set_replication("k", 1, "reader"),
        lambda: blobs.delete("k", "reader"),
        lambda: blobs.begin_update("k", None, 0),
    ):
        with pytest.raises(NotAuthorized):
            refused()
    blobs.delete("k", "root")


def test_who_has_no_right_learns_nothing_of_a_blob(shop: Shop) -> None:
    shop.create("k")
    for refused in (
        lambda: shop.blobs.find("k", "eve"),
        lambda: shop.blobs.begin_download("k", "eve", 0),
        lambda: shop.blobs.require_links([Link("k", "k")], "eve"),
        lambda: shop.blobs.replication("k", "eve"),
    ):
        with pytest.raises(NotAuthorized):
            refused()


def test_names_that_lead_elsewhere_are_no_keys(shop: Shop) -> None:
    blobs = shop.blobs
    for key in ("../x", "/etc/passwd", "", None, ".."):
        for call in (
            lambda key=key: blobs.begin_create(key, (), None, None, 0),
            lambda key=key: blobs.begin_update(key, None, 0),
            lambda key=key: blobs.find(key, None),
            lambda key=key: blobs.begin_download(key, None, 0),
            lambda key=key: blobs.set_meta(key, (), None, None),
            lambda key=key: blobs.delete(key, None),
            lambda key=key: blobs.replication(key, None),
            lambda key=key: blobs.set_replication(key, 1, None),
        ):
            with pytest.raises(InvalidKey):
                call()


def test_an_update_is_told_of_and_a_creation_is_not(shop: Shop) -> None:
    shop.create("k")
    assert shop.updated == []
    shop.update("k", "ada")
    assert shop.updated == ["k"]


def test_the_blobs_of_a_topology_are_read_and_left_alone(shop: Shop, tmp_path: Path) -> None:
    jar = tmp_path / "jar"
    jar.write_bytes(b"jar")
    shop.topologies.own["wc-1-17-stormjar.jar"] = StoredBlob(jar, 3, 3, BlobMeta((WORLD,)))
    shop.create("k")
    blobs = shop.blobs
    key = "wc-1-17-stormjar.jar"
    session, _ = blobs.begin_download(key, None, 0)
    assert blobs.next_chunk(session, 0) == b"jar"
    assert blobs.page("", 0)[0] == ["k", key]
    with pytest.raises(BlobInUse, match="from under active topology wc-1-17"):
        blobs.delete(key, None)
    with pytest.raises(KeyExists):
        blobs.begin_create(key, (), None, None, 0)
    for change in (
        lambda: blobs.begin_update(key, None, 0),
        lambda: blobs.set_meta(key, (), None, None),
        lambda: blobs.set_replication(key, 2, None),
    ):
        with pytest.raises(NotAuthorized, match="submit that anew"):
            change()


def test_clients_before_2_0_download_files_of_topologies_and_no_others(shop: Shop, tmp_path: Path) -> None:
    jar = tmp_path / "jar"
    jar.write_bytes(b"jar")
    shop.topologies.own["wc-1-17-stormjar.jar"] = StoredBlob(jar, 3, 3, BlobMeta((WORLD,)))
    shop.create("k")
    for file in ("wc-1-17-stormjar.jar", "/local/nimbus/stormdist/wc-1-17/stormjar.jar"):
        session = shop.blobs.begin_file_download(file, "/local", None, 0)
        assert (shop.blobs.next_chunk(session, 0), shop.blobs.next_chunk(session, 0)) == (b"jar", b"")
    for file in ("k", "xy-1-17-stormjar.jar", str(jar), "/etc/passwd", "../../etc/passwd", "", None):
        with pytest.raises(NotAuthorized, match="is no file of a topology that is alive"):
            shop.blobs.begin_file_download(file, "/local", "root", 0)


def test_a_blob_that_a_topology_links_to_is_updated_but_not_deleted(shop: Shop) -> None:
    shop.create("k")
    shop.topologies.users["k"] = ["wc", "xy"]
    shop.update("k", "ada")
    with pytest.raises(BlobInUse, match=r"^Attempting to delete active blob k used by topology wc, xy$"):
        shop.blobs.delete("k", "ada")
    shop.blobs.remove(["k", "nothing", "../x"])
    assert not shop.blobs.has("k")


@pytest.mark.parametrize("count", [0, -2, 1001, None])
def test_nobody_keeps_so_many_copies(shop: Shop, count: int | None) -> None:
    shop.create("k")
    with pytest.raises(InvalidBlobMeta, match="must be from 1 to 1000"):
        shop.blobs.set_replication("k", count, "ada")


def test_closing_leaves_no_upload_behind(shop: Shop, tmp_path: Path) -> None:
    shop.blobs.begin_create("k", (), None, "ada", 0)
    shop.blobs.close()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_topology_can_have_links_to_what_there_is(shop: Shop) -> None:
    shop.create("k", Access(READ, "bob"))
    shop.blobs.require_links([Link("k", "k")], "bob")
    for key in ("nothing", "../x"):
        with pytest.raises(InvalidTopology) as caught:
            shop.blobs.require_links([Link("k", "k"), Link(key, "x")], "bob")
        assert str(caught.value) == f"Key not found: {key}"


def test_only_what_one_may_delete_can_go_with_a_topology(shop: Shop) -> None:
    shop.create("dep.jar", Access(READ, "bob"))
    shop.blobs.require_dependencies(["dep.jar"], "ada")
    with pytest.raises(NotAuthorized):
        shop.blobs.require_dependencies(["dep.jar"], "bob")
    for key in ("nothing", "../x"):
        with pytest.raises(InvalidTopology):
            shop.blobs.require_dependencies([key], "ada")


def test_limits_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        BlobLimits(page_count=0)
