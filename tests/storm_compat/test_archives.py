from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from storm_compat.archives import is_archive, unpack
from storm_compat.errors import InvalidArchive
from storm_compat.jars import UnpackLimits


def tar(path: Path, members: list[tuple[str, str, str]], mode: str = "w") -> Path:
    """Each member is a name, a kind (file, folder, link, same, pipe) and what it holds or points to."""
    kinds = {
        "folder": tarfile.DIRTYPE,
        "link": tarfile.SYMTYPE,
        "same": tarfile.LNKTYPE,
        "pipe": tarfile.FIFOTYPE,
    }
    with tarfile.open(path, mode) as archive:
        for name, kind, what in members:
            info = tarfile.TarInfo(name)
            info.mode = 0o755 if name.endswith(".sh") else 0o644
            if kind == "file":
                info.size = len(what)
            else:
                info.type, info.linkname = kinds[kind], what
            archive.addfile(info, io.BytesIO(what.encode()) if kind == "file" else None)
    return path


def zipped(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


MEMBERS = [
    ("d", "folder", ""),
    ("d/a.txt", "file", "a"),
    ("d/run.sh", "file", "#!/bin/sh"),
    ("again", "same", "d/a.txt"),
    ("d/up", "link", "../again"),
    ("d/down", "link", "a.txt"),
]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_however_it_is_packed(tmp_path: Path, mode: str) -> None:
    path = tar(tmp_path / "x", MEMBERS, mode)
    assert is_archive(path)
    unpack(path, tmp_path / "out")
    out = tmp_path / "out"
    assert {str(p.relative_to(out)) for p in out.rglob("*")} == {name for name, _, _ in MEMBERS}
    assert [(out / n).read_text() for n in ("d/a.txt", "again", "d/up", "d/down")] == ["a"] * 4
    assert os.access(out / "d/run.sh", os.X_OK)
    assert not (out / "again").is_symlink()


def test_a_zip_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x", {"d/": "", "d/a.txt": "a", "b": "b"})
    assert is_archive(path)
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out/d/a.txt").read_text() == "a"
    assert (tmp_path / "out/b").read_text() == "b"


def test_other_files_are_no_archives(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("text")
    (tmp_path / "y").write_bytes(b"")
    assert not is_archive(tmp_path / "x")
    assert not is_archive(tmp_path / "y")


@pytest.mark.parametrize(
    "members",
    [
        [("../x", "file", "a")],
        [("/tmp/x", "file", "a")],
        [("d/../../x", "file", "a")],
        [("d/..\\x", "file", "a")],
        [("l", "link", "/etc/passwd")],
        [("l", "link", "../x")],
        [("d/l", "link", "../../x")],
        [("d/l", "link", "")],
        [("p/q/c", "link", "../.."), ("p/q/a", "link", "c/../x")],
        [("l", "same", "/etc/passwd")],
        [("l", "same", "../x")],
        [("p", "pipe", "")],
        [("f", "file", "a"), ("f/g", "file", "a")],
    ],
)
def test_nothing_leads_out_of_the_folder(tmp_path: Path, members: list[tuple[str, str, str]]) -> None:
    path = tar(tmp_path / "x.tar", members)
    with pytest.raises(InvalidArchive):
        unpack(path, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep" / "out").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "x.tar"]


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    path = tar(tmp_path / "x.tar", [("l", "link", "d"), ("l", "file", "mine"), ("d/a", "file", "a")])
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out/l").is_symlink()
    assert (tmp_path / "out/d/a").read_text() == "a"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\..\\x"])
def test_nothing_leads_out_of_the_folder_of_a_zip(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "x.zip", {name: "a"})
    with pytest.raises(InvalidArchive, match="leads out of its folder"):
        unpack(path, tmp_path / "out")


def test_a_link_in_a_zip_stays_in_the_folder(tmp_path: Path) -> None:
    for target, is_fine in (("a", True), ("/etc/passwd", False), ("../x", False)):
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "a")
            link = zipfile.ZipInfo("l")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, target)
        if is_fine:
            unpack(path, tmp_path / "fine")
            assert (tmp_path / "fine/l").read_text() == "a"
        else:
            with pytest.raises(InvalidArchive, match="link that leads out"):
                unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (UnpackLimits(max_file_count=2), "more than 2 files"),
        (UnpackLimits(max_depth=1), "more than 1 folders"),
        (UnpackLimits(max_bytes=5), "more than 5 bytes"),
    ],
)
def test_sizes_are_bounded(tmp_path: Path, limits: UnpackLimits, text: str) -> None:
    path = tar(tmp_path / "x", MEMBERS, "w:gz")
    with pytest.raises(InvalidArchive, match=text):
        unpack(path, tmp_path / "out", limits)
    assert not (tmp_path / "out").exists()


def test_a_little_archive_does_not_become_a_lot(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x", {"zeros": "0" * 40_000_000})
    with pytest.raises(InvalidArchive, match="a mistake or an attack"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_an_archive_that_is_cut_short_or_garbled_says_so(tmp_path: Path, mode: str) -> None:
    whole = tar(tmp_path / "x", [("a", "file", os.urandom(50_000).hex())], mode).read_bytes()
    for data in (whole[: len(whole) // 2], whole[:600] + os.urandom(400) + whole[1000:]):
        (tmp_path / "y").write_bytes(data)
        try:
            unpack(tmp_path / "y", tmp_path / "out")
        except InvalidArchive:
            assert not (tmp_path / "out").exists()
            continue
        # A plain tar has no check sums for contents.
        assert mode == "w"
        (tmp_path / "out" / "a").unlink()
        (tmp_path / "out").rmdir()
