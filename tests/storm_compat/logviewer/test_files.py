from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.errors import NoSuchLog
from storm_compat.logviewer import files
from storm_compat.logviewer.files import files_in, list_logs, open_log


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a log folder with one log, and a secret beside it."""
    worker = tmp_path / "logs" / "wc-1-17" / "6700"
    worker.mkdir(parents=True)
    (worker / "worker.log").write_bytes(b"line\n")
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path / "logs"


def test_a_log_is_opened_by_its_name(root: Path) -> None:
    with open_log(root, "wc-1-17/6700/worker.log") as log:
        assert log.read() == b"line\n"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "wc-1-17/../../secret",
        "wc-1-17/6700/../../../secret",
        "/etc/passwd",
        "//etc/passwd",
        "wc-1-17/6700/./worker.log",
        "wc-1-17//6700/worker.log",
        "wc-1-17/6700/worker.log/",
        "wc-1-17/6700",
        "wc-1-17/6700/nothing.log",
        "a/b/c/d",
        "",
        ".",
        "..",
        "wc-1-17/6700/worker.log\0",
        "\ud800",
        "x" * 5000,
    ],
)
def test_no_other_name_leads_anywhere(root: Path, name: str) -> None:
    with pytest.raises(NoSuchLog):
        open_log(root, name)


def test_links_are_not_followed(root: Path) -> None:
    (root / "wc-1-17" / "6700" / "link.log").symlink_to(root.parent / "secret")
    (root / "wc-1-17" / "out").symlink_to(root.parent)
    (root / "elsewhere").symlink_to(root / "wc-1-17")
    for name in ("wc-1-17/6700/link.log", "wc-1-17/out/secret", "elsewhere/6700/worker.log"):
        with pytest.raises(NoSuchLog):
            open_log(root, name)
    assert list_logs(root) == ["wc-1-17/6700/worker.log"]


def test_the_folder_itself_may_be_a_link(root: Path) -> None:
    (root.parent / "linked").symlink_to(root)
    with open_log(root.parent / "linked", "wc-1-17/6700/worker.log") as log:
        assert log.read() == b"line\n"


def test_what_is_no_plain_file_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "wc-1-17" / "6700" / "pipe.log")
    with pytest.raises(NoSuchLog):
        open_log(root, "wc-1-17/6700/pipe.log")


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("wc-1-17/6700", "wc-1-17/6700/x", "wc-1-17/x/y", "x"):
        with pytest.raises(NoSuchLog):
            open_log(root, name)
    list_logs(root)
    list_logs(root, "x", "y")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_logs_are_listed_by_topology_and_port(root: Path) -> None:
    (root / "wc-1-17" / "topology.log").write_bytes(b"")
    (root / "wc-1-17" / "6701").mkdir()
    (root / "wc-1-17" / "6701" / "worker.log").write_bytes(b"")
    (root / "other-2-18" / "6700").mkdir(parents=True)
    (root / "other-2-18" / "6700" / "worker.log.1").write_bytes(b"")
    first, second = "wc-1-17/6700/worker.log", "wc-1-17/6701/worker.log"
    other, topology = "other-2-18/6700/worker.log.1", "wc-1-17/topology.log"
    assert list_logs(root) == [other, first, second, topology]
    assert list_logs(root, "wc-1-17") == [first, second, topology]
    assert list_logs(root, port="6700") == [other, first]
    assert list_logs(root, "wc-1-17", "6701") == [second]
    for topology_id in ("..", ".", "", "../logs", "nothing"):
        assert list_logs(root, topology_id) == []


def test_names_that_cannot_be_sent_are_left_out(root: Path) -> None:
    (root / os.fsdecode(b"\xff.log")).write_bytes(b"")
    assert files_in(root) == []


def test_lists_are_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (root / "wc-1-17" / "6700" / f"{number}.log").write_bytes(b"")
    monkeypatch.setattr(files, "MAX_FILES_PER_FOLDER", 3)
    assert len(list_logs(root)) == 3


PARTS = ["..", ".", "", "wc-1-17", "6700", "worker.log", "link", "secret", "logs", "\0", "\ud800", "*"]


@given(parts=st.lists(st.sampled_from(PARTS), max_size=6))
def test_whatever_the_name_only_that_log_is_ever_opened(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "hostile"
    worker = folder / "logs" / "wc-1-17" / "6700"
    if not worker.exists():
        worker.mkdir(parents=True)
        (worker / "worker.log").write_bytes(b"line\n")
        (folder / "secret").write_bytes(b"secret")
        (folder / "logs" / "link").symlink_to(folder)
        (worker / "link").symlink_to(folder / "secret")
    try:
        with open_log(folder / "logs", "/".join(parts)) as log:
            found = log.read()
    except NoSuchLog:
        return
    assert (parts, found) == (["wc-1-17", "6700", "worker.log"], b"line\n")
