"""The commands for blobs, against the blob store of nimbus itself."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storm_compat.blob_acl import WORLD, BlobAuthorizer
from storm_compat.blob_files import BlobFiles, BlobMeta, StoredBlob
from storm_compat.blobs import BlobLimits, Blobs
from storm_compat.cli import main, progress
from storm_compat.cli.exit_codes import ExitCode
from storm_compat.nimbus import Nimbus
from tests.storm_compat.cli.conftest import served


class Topologies:
    """`TopologyBlobs`: wc has its jar there, and a link to what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.jar = folder / "jar"
        self.jar.write_bytes(b"jar")
        self.linked: list[str] = []

    def keys(self) -> list[str]:
        return ["wc-1-17-stormjar.jar"]

    def find(self, key: str) -> StoredBlob | None:
        return StoredBlob(self.jar, 3, 3, BlobMeta((WORLD,))) if key in self.keys() else None

    def users_of(self, key: str) -> list[str]:
        return ["wc-1-17"] if key in self.linked else []


class Cluster:
    """A nimbus that has nothing but blobs."""

    def __init__(self, folder: Path) -> None:
        self.topologies = Topologies(folder)
        self.files = BlobFiles(folder / "blobstore", wall=lambda: 1_700_000_000.0)
        limits = BlobLimits(max_blob_bytes=5_000_000)
        self.blobs = Blobs(self.files, self.topologies, BlobAuthorizer(), limits)
        nothing: Any = None
        self.handler = Nimbus(nothing, nothing, nothing, nothing, {}, blobs=self.blobs)
        self.address = ""

    def content(self, key: str) -> bytes:
        content, _ = self.files.open(key)
        with content:
            return content.read()


@pytest.fixture
def nimbus(tmp_path: Path) -> Iterator[Cluster]:
    """In place of the fake one."""
    cluster = Cluster(tmp_path)
    with served(cluster.handler) as cluster.address:
        yield cluster
    cluster.blobs.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_bytes(b"one")
    return path


Heronry = Callable[..., Any]


def test_put_creates_a_blob_and_then_gives_it_a_new_content(
    nimbus: Cluster, heronry: Heronry, file: Path
) -> None:
    first = heronry("blobs", "put", "dict.txt", file)
    assert (first.code, first.out) == (0, "dict.txt is created, 3 B, version 1700000000000\n")
    file.write_bytes(b"two!")
    second = heronry("blobs", "put", "dict.txt", file, "--json")
    assert json.loads(second.out) == {
        "key": "dict.txt",
        "version": 1700000000001,
        "size_bytes": 4,
        "is_new": False,
    }
    assert nimbus.content("dict.txt") == b"two!"


def test_put_takes_what_comes_on_stdin(
    nimbus: Cluster, heronry: Heronry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x00piped\xff")))
    assert heronry("blobs", "put", "k").code == 0
    assert nimbus.content("k") == b"\x00piped\xff"


def test_put_can_be_told_to_do_only_the_one_or_the_other(
    nimbus: Cluster, heronry: Heronry, file: Path
) -> None:
    missing = heronry("blobs", "put", "k", file, "--update")
    assert (missing.code, missing.out) == (ExitCode.NOT_FOUND, "")
    assert "no blob 'k'" in missing.err
    assert heronry("blobs", "put", "k", file, "--create").code == 0
    exists = heronry("blobs", "put", "k", file, "--create")
    assert (exists.code, exists.out) == (ExitCode.EXISTS, "")
    assert "a blob 'k' exists already\nGive it a new content with --update." in exists.err


def test_put_gives_rights_to_new_and_old_blobs(nimbus: Cluster, heronry: Heronry, file: Path) -> None:
    assert heronry("blobs", "put", "k", file, "--acl", "u:ada:rw", "--acl", "o::r").code == 0
    assert heronry("blobs", "acl", "k").out == "u:ada:rw-\no::r--\no::rwa\n"
    heronry("blobs", "put", "k", file, "--acl", "bob:r")
    assert heronry("blobs", "acl", "k").out == "u:bob:r--\no::rwa\n"


def test_an_upload_that_nimbus_refuses_leaves_nothing(
    nimbus: Cluster, heronry: Heronry, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(5_000_001))
    result = heronry("blobs", "put", "k", large)
    assert (result.code, result.out) == (ExitCode.FAILED, "")
    assert "The blob k cannot be kept: it is larger than 5000000 bytes; the upload was dropped" in result.err
    assert not any(p.is_file() for p in (tmp_path / "blobstore").rglob("*"))


def test_a_bad_key_says_what_a_good_one_is(nimbus: Cluster, heronry: Heronry, file: Path) -> None:
    result = heronry("blobs", "put", "../k", file)
    assert result.code == ExitCode.USAGE
    assert heronry("blobs", "rm", "-y", "k", "../k").code == ExitCode.USAGE
    assert "../k does not appear to be a valid blob key. Use letters, digits" in result.err


def test_list_shows_keys_versions_copies_and_rights(nimbus: Cluster, heronry: Heronry, file: Path) -> None:
    heronry("blobs", "put", "dict.txt", file)
    lines = heronry("blobs", "list").out.splitlines()
    assert lines[0].split() == ["KEY", "VERSION", "COPIES", "RIGHTS"]
    assert lines[1].split() == ["dict.txt", "1700000000000", "1", "o::rwa"]
    assert lines[2].split() == ["wc-1-17-stormjar.jar", "3", "1", "o::rwa"]
    assert json.loads(heronry("blobs", "list", "dict", "--json").out) == {
        "blobs": [
            {
                "key": "dict.txt",
                "is_readable": True,
                "version": 1700000000000,
                "replication": 1,
                "acl": ["o::rwa"],
            }
        ]
    }
    assert heronry("blobs", "list", "zzz").out == "No blob begins with 'zzz'.\n"


def test_list_goes_on_to_the_last_page(nimbus: Cluster, heronry: Heronry) -> None:
    for number in range(120):
        upload = nimbus.files.begin("x")
        nimbus.files.create(f"k{number:03}", upload, BlobMeta((WORLD,)))
    keys = [blob["key"] for blob in json.loads(heronry("blobs", "list", "k", "--json").out)["blobs"]]
    assert keys == [f"k{number:03}" for number in range(120)]


def test_get_writes_a_file_whole_and_replaces_none_by_itself(
    nimbus: Cluster, heronry: Heronry, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    heronry("blobs", "put", "k", file)
    assert heronry("blobs", "get", "k").out == "k holds k, 3 B, version 1700000000000\n"
    assert Path("k").read_bytes() == b"one"
    Path("k").write_bytes(b"mine")
    refused = heronry("blobs", "get", "k", "k")
    assert (refused.code, refused.out) == (ExitCode.EXISTS, "")
    assert "k is there already\nReplace it with --force." in refused.err
    assert Path("k").read_bytes() == b"mine"
    document = json.loads(heronry("blobs", "get", "k", "k", "--force", "--json").out)
    assert document == {"key": "k", "version": 1700000000000, "size_bytes": 3, "file": "k"}
    assert Path("k").read_bytes() == b"one"
    refused = heronry("blobs", "get", "k", "no/out")
    assert (refused.code, refused.err) == (ExitCode.USAGE, "heronry: there is no folder no\n")
    assert heronry("blobs", "get", "none", "out").code == ExitCode.NOT_FOUND
    assert not Path("out").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_cat_writes_every_byte(nimbus: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 1000
    upload = nimbus.files.begin("k")
    nimbus.files.append(upload, "k", data)
    nimbus.files.create("k", upload, BlobMeta((WORLD,)))
    stdout = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout))
    assert main.run(["blobs", "cat", "k", "--nimbus", nimbus.address]) == 0
    assert stdout.getvalue() == data


def test_rm_removes_what_nobody_needs(nimbus: Cluster, heronry: Heronry, file: Path) -> None:
    for key in ("a", "b", "c"):
        heronry("blobs", "put", key, file)
    assert heronry("blobs", "rm", "a", "b").out == "a is removed\nb is removed\n"
    nimbus.topologies.linked = ["c"]
    for key, why in {"c": "used by", "wc-1-17-stormjar.jar": "from under active"}.items():
        refused = heronry("blobs", "rm", key)
        assert (refused.code, refused.out) == (ExitCode.REFUSED, "")
        assert f"blob {key} {why} topology wc-1-17" in refused.err
    nimbus.topologies.linked = []
    assert json.loads(heronry("blobs", "rm", "c", "--json").out) == {"removed": ["c"]}


def test_an_unknown_key_is_met_with_the_nearest_one(nimbus: Cluster, heronry: Heronry, file: Path) -> None:
    heronry("blobs", "put", "dict.txt", file)
    for command in (["rm", "dit.txt"], ["acl", "dit.txt"], ["cat", "dit.txt"], ["replication", "dit.txt"]):
        result = heronry("blobs", *command)
        assert (result.code, result.out) == (ExitCode.NOT_FOUND, "")
        assert "no blob 'dit.txt'\nDid you mean dict.txt?" in result.err


def test_acl_replaces_the_rights_and_keeps_the_copies(nimbus: Cluster, heronry: Heronry, file: Path) -> None:
    heronry("blobs", "put", "k", file)
    assert heronry("blobs", "replication", "k", "3").out == "3\n"
    assert heronry("blobs", "acl", "k", "u:ada:r", "o::rwa").out == "u:ada:r--\no::rwa\n"
    document = json.loads(heronry("blobs", "replication", "k", "--json").out)
    assert (document["replication"], document["acl"]) == (3, ["u:ada:r--", "o::rwa"])
    widened = heronry("blobs", "acl", "k", "o::r")
    assert widened.out == "o::r--\no::rwa\n"
    assert "o::rwa was added" in widened.err
    wrong = heronry("blobs", "acl", "k", "ada")
    assert wrong.code == ExitCode.USAGE
    assert "'ada' is not u:NAME:ACCESS" in wrong.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_at_a_terminal_is_asked_before_a_removal(
    nimbus: Cluster, heronry: Heronry, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heronry("blobs", "put", "k", file)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    result = heronry("blobs", "rm", "k")
    assert result.code == ExitCode.FAILED
    assert "Remove k? [y/N]: " in result.err
    assert nimbus.content("k") == b"one"
    assert heronry("blobs", "rm", "k", "--yes").code == 0


def test_a_large_file_shows_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.bytes_bar("Uploading", progress.SMALL_BYTES) as show:
        show(progress.SMALL_BYTES)
    assert "Uploading" in terminal.getvalue()
    quiet = Terminal()
    monkeypatch.setattr(sys, "stderr", quiet)
    with progress.bytes_bar("Uploading", progress.SMALL_BYTES - 1) as show:
        show(5)
    assert quiet.getvalue() == ""
