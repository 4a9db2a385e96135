from __future__ import annotations

import os
from pathlib import Path

import pytest

from storm_compat.blob_acl import WORLD, Access
from storm_compat.blob_files import BlobFiles, BlobMeta
from storm_compat.errors import BlobNotKept, KeyExists, KeyNotFound

META = BlobMeta((WORLD,))


class Store:
    """A blob store on disk, with a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1000.0
        self.files = self.reborn()

    def reborn(self) -> BlobFiles:
        return BlobFiles(self.folder, wall=lambda: self.now)

    def upload(self, data: bytes) -> Path:
        upload = self.files.begin("k")
        self.files.append(upload, "k", data)
        return upload

    def create(self, key: str, data: bytes, meta: BlobMeta = META) -> None:
        self.files.create(key, self.upload(data), meta)

    def content(self, key: str) -> bytes:
        content, _ = self.files.open(key)
        with content:
            return content.read()

    def everything(self) -> list[str]:
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "blobstore")


def test_a_blob_is_what_was_sent(store: Store) -> None:
    meta = BlobMeta((Access(7, "ada"), Access(1, is_for_all=True)), 3)
    store.create("k", b"abc", meta)
    blob = store.files.find("k")
    assert (blob.version, blob.size_bytes, blob.meta) == (1_000_000, 3, meta)
    assert store.content("k") == b"abc"
    assert store.reborn().find("k") == blob
    assert store.files.keys() == ["k"]


def test_only_its_owner_can_read_it(store: Store) -> None:
    store.create("k", b"abc")
    assert {path.stat().st_mode & 0o077 for path in [store.folder, *store.folder.rglob("*")]} == {0}


def test_a_new_content_has_another_version_even_at_the_same_time(store: Store) -> None:
    store.create("k", b"abc")
    versions = [store.files.find("k").version]
    for data in (b"de", b"f"):
        store.files.replace("k", store.upload(data))
        assert store.content("k") == data
        versions.append(store.files.find("k").version)
    store.files.delete("k")
    store.now += 1
    store.create("k", b"g")
    versions.append(store.files.find("k").version)
    assert versions == sorted(set(versions))


def test_who_reads_an_old_content_reads_it_to_the_end(store: Store) -> None:
    store.create("k", b"abcdef")
    content, _ = store.files.open("k")
    assert content.read(2) == b"ab"
    store.files.replace("k", store.upload(b"x"))
    store.files.delete("k")
    assert content.read() == b"cdef"
    content.close()


def test_of_two_that_create_the_same_the_second_may_only_send_the_same(store: Store) -> None:
    first, same, other = store.upload(b"abc"), store.upload(b"abc"), store.upload(b"abd")
    store.files.create("k", first, META)
    store.files.create("k", same, BlobMeta((), 5))
    with pytest.raises(KeyExists):
        store.files.create("k", other, META)
    assert (store.content("k"), store.files.find("k").meta) == (b"abc", META)
    assert store.everything() == ["keys/k/data@1000000", "keys/k/meta.json"]


def test_what_is_deleted_is_gone_and_cannot_be_changed(store: Store) -> None:
    store.create("k", b"abc")
    store.files.delete("k")
    assert store.files.keys() == []
    assert store.everything() == []
    late = store.upload(b"x")
    for change in (
        lambda: store.files.find("k"),
        lambda: store.files.open("k"),
        lambda: store.files.delete("k"),
        lambda: store.files.set_meta("k", META),
        lambda: store.files.replace("k", late),
    ):
        with pytest.raises(KeyNotFound):
            change()
    assert store.everything() == []


def test_rights_change_without_the_content(store: Store) -> None:
    store.create("k", b"abc")
    version = store.files.find("k").version
    store.files.set_meta("k", BlobMeta((), 2))
    assert (store.files.find("k").meta, store.files.find("k").version) == (BlobMeta((), 2), version)


def test_what_a_crash_left_is_removed_and_the_blobs_stay(store: Store) -> None:
    store.create("k", b"abc")
    store.files.replace("k", store.upload(b"newer"))
    kept = store.everything()
    store.upload(b"unfinished")
    keys, uploads = store.folder / "keys", store.folder / "uploads"
    (keys / "k" / "data@7").write_bytes(b"older")  # between a rename and a removal
    (keys / "k" / ".meta.json").write_bytes(b"{")
    (uploads / "x.new").mkdir()
    (uploads / "x.new" / "meta.json").write_bytes(b"{}")
    reborn = store.reborn()
    assert reborn.recover() == 4
    assert store.everything() == kept
    assert reborn.recover() == 0
    assert store.content("k") == b"newer"


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert store.files.recover() == 0
    assert store.files.keys() == []
    assert not store.folder.exists()


def test_keys_that_look_like_our_own_files_are_keys(store: Store) -> None:
    for key in ("data@1", "meta.json", ".meta.json", "...", "uploads"):
        store.create(key, key.encode())
    assert store.reborn().recover() == 0
    keys = store.files.keys()
    assert keys == sorted(["data@1", "meta.json", ".meta.json", "...", "uploads"])
    assert all(store.content(key) == key.encode() for key in keys)


def test_a_full_disk_is_told_with_what_to_do(store: Store) -> None:
    store.upload(b"")
    full = store.folder / "uploads" / "full"
    full.symlink_to("/dev/full")
    if not os.access("/dev/full", os.W_OK):
        pytest.fail("there is no /dev/full on this system")
    with pytest.raises(BlobNotKept) as caught:
        store.files.append(full, "k", b"x" * 100_000)
    assert str(caught.value) == (
        "The blob k cannot be kept: No space left on device (free space on the disk of nimbus); "
        "the upload was dropped"
    )
