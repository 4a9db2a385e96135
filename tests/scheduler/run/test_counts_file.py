from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.master.totals import SavedCounts
from scheduler.run import counts_file

COUNTS = SavedCounts(1.5, 2.5, [], {600: {}})


def test_what_is_written_is_read_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    assert counts_file.read(path) is None
    counts_file.write(path, SavedCounts(1.0, 0.0, [], {}))
    counts_file.write(path, COUNTS)
    assert counts_file.read(path) == COUNTS
    assert [entry.name for entry in tmp_path.iterdir()] == ["counts"]


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81\xa1x\x01"])
def test_what_cannot_be_understood_is_passed_over(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "counts"
    path.write_bytes(data)
    assert counts_file.read(path) is None


def test_the_folder_of_a_removed_topology_is_not_made_again(tmp_path: Path) -> None:
    counts_file.write(tmp_path / "gone" / "counts", COUNTS)
    assert not (tmp_path / "gone").exists()
