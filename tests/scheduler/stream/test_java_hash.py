"""Java's hash codes. ``java_hashes.json`` holds rows and what Java 17's Arrays.deepHashCode says of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scheduler.stream.java_hash import deep_hash, java_hash, task_index

ROWS = json.loads(Path(__file__).with_name("java_hashes.json").read_text(encoding="ascii"))


def signed(total: int) -> int:
    return total - (1 << 32) if total & 0x80000000 else total


def test_every_row_hashes_as_in_java() -> None:
    assert len(ROWS) >= 300
    wrong = [
        (text, expected)
        for text, expected in ROWS
        if signed(deep_hash(json.loads(text, strict=False))) != expected
    ]
    assert wrong == []


def test_31_every_row_goes_to_the_task_that_java_chooses() -> None:
    for count in (1, 2, 3, 7, 64):
        for text, expected in ROWS:
            # Math.floorMod, which is Python's own.
            assert task_index(json.loads(text, strict=False), count) == expected % count


def test_true_one_and_one_point_zero_differ_as_in_java() -> None:
    assert [java_hash(value) for value in (True, 1, 1.0, "1")] == [1231, 1, 1072693248, 49]


def test_something_that_is_no_json_value_is_refused() -> None:
    with pytest.raises(TypeError, match="set is no JSON value"):
        java_hash({1, 2})
