from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from storm_compat.blob_acl import WORLD
from storm_compat.blob_files import BlobFiles, BlobMeta
from storm_compat.blob_links import BlobLinks
from storm_compat.blob_map import Link
from storm_compat.errors import InvalidArchive, KeyNotFound


class Place:
    """A blob store, and the folder of a topology with an unpacked jar."""

    def __init__(self, folder: Path) -> None:
        self.files = BlobFiles(folder / "blobstore")
        self.links = BlobLinks(self.files)
        self.folder = folder / "wc-1-17"
        self.resources = self.folder / "resources"
        self.resources.mkdir(parents=True)

    def put(self, key: str, data: bytes) -> None:
        upload = self.files.begin(key)
        self.files.append(upload, key, data)
        if key in self.files.keys():  # noqa: SIM118  no dictionary
            self.files.replace(key, upload)
        else:
            self.files.create(key, upload, BlobMeta((WORLD,)))

    def renew(self, *links: Link) -> list[str]:
        return [link.key for link in self.links.renew(self.folder, links)]

    def kept(self) -> list[str]:
        return sorted(p.name for p in (self.folder / ".blobs").iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def packed(**members: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return data.getvalue()


def test_a_component_finds_a_blob_beside_its_folder_and_in_it(place: Place) -> None:
    place.put("dict.txt", b"words")
    assert place.renew(Link("dict.txt", "words")) == ["dict.txt"]
    assert (place.folder / "words").read_bytes() == b"words"
    assert (place.resources / "words").read_bytes() == b"words"
    assert (place.resources / ".." / "words").read_bytes() == b"words"


def test_what_the_jar_holds_stays_what_it_is(place: Place) -> None:
    (place.resources / "words").write_text("of the jar")
    place.put("k", b"of the blob")
    place.renew(Link("k", "words"))
    assert (place.resources / "words").read_text() == "of the jar"
    assert (place.folder / "words").read_text() == "of the blob"


def test_a_new_content_is_taken_once_and_the_old_one_stays_for_a_while(place: Place) -> None:
    link = Link("k", "k")
    place.put("k", b"1")
    assert (place.renew(link), place.renew(link)) == (["k"], [])
    first = place.links.versions(place.folder, [link])
    with (place.folder / "k").open("rb") as reading:
        place.put("k", b"2")
        assert (place.folder / "k").read_bytes() == b"1"
        assert place.renew(link) == ["k"]
        assert (place.folder / "k").read_bytes() == b"2"
        assert reading.read() == b"1"
    second = place.links.versions(place.folder, [link])
    assert second["k"] > first["k"]
    assert place.kept() == [f"k@{first['k']}", f"k@{second['k']}"]
    place.put("k", b"3")
    (place.folder / ".blobs" / ".k@5").write_bytes(b"what a crash left")
    place.renew(link)
    assert len(place.kept()) == 2
    assert f"k@{first['k']}" not in place.kept()


def test_what_a_component_writes_changes_nobody_elses_blob(place: Place) -> None:
    place.put("k", b"1")
    place.renew(Link("k", "k"))
    (place.folder / "k").write_bytes(b"mine")
    content, _ = place.files.open("k")
    with content:
        assert content.read() == b"1"


def test_an_archive_becomes_a_folder_and_anything_else_a_file(place: Place) -> None:
    place.put("a", packed(x="x1", y="y"))
    place.put("b", b"text")
    links = [Link("a", "a", is_unpacked=True), Link("b", "b", is_unpacked=True)]
    assert place.renew(*links) == ["a", "b"]
    assert (place.resources / "a" / "x").read_text() == "x1"
    assert (place.folder / "b").read_text() == "text"
    place.put("a", packed(x="x2"))
    assert place.renew(*links) == ["a"]
    assert sorted(p.name for p in (place.folder / "a").iterdir()) == ["x"]
    assert (place.folder / "a" / "x").read_text() == "x2"


def test_a_broken_archive_leaves_what_was_there(place: Place) -> None:
    link = Link("a", "a", is_unpacked=True)
    place.put("a", packed(x="x"))
    place.renew(link)
    kept = place.kept()
    place.put("a", packed(**{"../x": "out"}))
    with pytest.raises(InvalidArchive, match="leads out of its folder"):
        place.renew(link)
    assert (place.folder / "a" / "x").read_text() == "x"
    assert place.kept() == kept


def test_a_blob_that_is_gone_is_named(place: Place) -> None:
    with pytest.raises(KeyNotFound):
        place.renew(Link("k", "k"))
    assert place.links.versions(place.folder, [Link("k", "k")]) == {}
