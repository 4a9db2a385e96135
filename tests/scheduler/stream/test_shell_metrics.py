from __future__ import annotations

import json

import pytest

from scheduler.stream.shell_metrics import MAX_NAMES, ShellMetrics, Value


def taken(*said: tuple[str, object], gauges: tuple[str, ...] = ()) -> dict[str, Value]:
    metrics = ShellMetrics(gauges)
    for name, params in said:
        assert metrics.note(name, json.dumps(params).encode())
    return metrics.take()


def test_22_a_count_with_null_adds_one_and_with_a_number_so_many() -> None:
    assert taken(("a", None), ("a", 4), ("a", 0.5), ("b", None)) == {"a": 5.5, "b": 1}
    metrics = ShellMetrics()
    metrics.note("a", b"")
    assert metrics.take() == {"a": 1}


def test_counts_begin_anew_and_levels_stay() -> None:
    metrics = ShellMetrics(["level*"])
    for name, params in (("a", b"3"), ("level.x", b"7"), ("level.x", b"5"), ("text", b'"on"')):
        metrics.note(name, params)
    assert metrics.take() == {"a": 3, "level.x": 5, "text": "on"}
    assert metrics.take() == {"a": 0, "level.x": 5, "text": "on"}


def test_an_object_is_a_metric_for_each_of_its_keys() -> None:
    assert taken(("m", {"x": 1, "y": None}), ("m", {"x": 2}), ("m", {"z": "t"})) == {
        "m": {"x": 3, "y": 1, "z": "t"}
    }


def test_anything_else_is_kept_as_text() -> None:
    assert taken(("b", True), ("l", [1])) == {"b": "True", "l": "[1]"}


def test_what_is_no_json_is_refused_and_a_flood_of_names_not_kept() -> None:
    metrics = ShellMetrics()
    with pytest.raises(ValueError, match="Expecting"):
        metrics.note("a", b"nothing")
    for number in range(MAX_NAMES):
        assert metrics.note(f"m{number}", b"1")
    assert not metrics.note("one more", b"1")
    assert metrics.note("m1", b"1")
    assert len(metrics.take()) == MAX_NAMES
