from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from storm_compat.errors import InvalidJar
from storm_compat.jars import UnpackLimits, unpack_resources
from tests.storm_compat.builders import jar


def unpacked(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_only_resources_are_unpacked(tmp_path: Path) -> None:
    file = jar(
        tmp_path / "a.jar",
        {"resources/a.py": "a", "resources/d/b.py": "b", "META-INF/MANIFEST.MF": "m", "x/resources/c": "c"},
    )
    assert unpack_resources(file, tmp_path / "out") == 2
    assert unpacked(tmp_path / "out") == {"a.py": b"a", "d/b.py": b"b"}


def test_a_jar_without_resources_makes_an_empty_folder(tmp_path: Path) -> None:
    assert unpack_resources(jar(tmp_path / "a.jar", {"a": "a"}), tmp_path / "out") == 0
    assert list((tmp_path / "out").iterdir()) == []


def test_what_was_there_before_is_gone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("x")
    unpack_resources(jar(tmp_path / "a.jar", {"resources/new": "n"}), tmp_path / "out")
    assert unpacked(tmp_path / "out") == {"new": b"n"}


def test_programs_stay_executable(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.jar", "w") as archive:
        for name, mode in (("run", 0o755), ("data", 0o600)):
            entry = zipfile.ZipInfo(f"resources/{name}")
            entry.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(entry, "x")
    unpack_resources(tmp_path / "a.jar", tmp_path / "out")
    assert (tmp_path / "out" / "run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out" / "data").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "name", ["resources/../../evil", "resources/a/../../evil", "resources//etc/evil", "resources/..\\evil"]
)
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidJar, match="leads out of its folder"):
        unpack_resources(jar(tmp_path / "a.jar", {"resources/ok": "o", name: "e"}), tmp_path / "in" / "out")
    assert not (tmp_path / "in" / "out").exists()
    assert not list(tmp_path.rglob("*evil*"))


def test_links_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.jar", "w") as archive:
        entry = zipfile.ZipInfo("resources/link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InvalidJar, match="link"):
        unpack_resources(tmp_path / "a.jar", tmp_path / "out")


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    file = jar(tmp_path / "a.jar", {"resources/bomb": bytes(40 * 1024 * 1024)})
    with pytest.raises(InvalidJar, match="unpack to more than 16777216 bytes"):
        unpack_resources(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_number_of_files_and_bytes_is_limited(tmp_path: Path) -> None:
    file = jar(tmp_path / "a.jar", {"resources/a": "aa", "resources/b": "bb"})
    with pytest.raises(InvalidJar, match="more than 1 resources"):
        unpack_resources(file, tmp_path / "out", UnpackLimits(max_file_count=1))
    with pytest.raises(InvalidJar, match="more than 3 bytes"):
        unpack_resources(file, tmp_path / "out", UnpackLimits(max_bytes=3))


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_broken_jar_says_so(tmp_path: Path, keep: int) -> None:
    file = jar(tmp_path / "a.jar")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InvalidJar, match="no intact zip file"):
        unpack_resources(file, tmp_path / "out")


def test_a_garbled_entry_says_so(tmp_path: Path) -> None:
    file = jar(tmp_path / "a.jar", {"resources/a": bytes(range(256)) * 40})
    data = bytearray(file.read_bytes())
    data[60:80] = bytes(20)
    file.write_bytes(data)
    with pytest.raises(InvalidJar, match="no intact zip file"):
        unpack_resources(file, tmp_path / "out")


def test_a_file_that_is_also_a_folder_says_so(tmp_path: Path) -> None:
    file = jar(tmp_path / "a.jar", {"resources/a": "x", "resources/a/b": "y"})
    with pytest.raises(InvalidJar, match="cannot be unpacked"):
        unpack_resources(file, tmp_path / "out")


def test_folders_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    file = jar(tmp_path / "a.jar", {"resources/" + "a/" * 100 + "x": "x"})
    with pytest.raises(InvalidJar, match=r"^The jar holds a resource in more than 100 folders$"):
        unpack_resources(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_no_file_can_have_is_no_broken_zip(tmp_path: Path) -> None:
    file = jar(tmp_path / "a.jar", {"resources/" + "a" * 300: "x"})
    with pytest.raises(InvalidJar, match=r"^The uploaded jar cannot be unpacked: .*File name too long"):
        unpack_resources(file, tmp_path / "out")
