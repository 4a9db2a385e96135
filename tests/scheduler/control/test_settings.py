"""Which log levels hold, and for whom."""

from __future__ import annotations

import pytest

from scheduler.control.settings import in_force, is_written, shown_emits, told
from scheduler.state.records import DebugRecord, LogLevelRecord, SettingsRecord


def test_a_level_holds_until_its_time_is_up() -> None:
    levels = {"ROOT": LogLevelRecord("DEBUG"), "a": LogLevelRecord("WARN", 30, until_ms=30_000)}
    assert in_force(levels, 29.9) == levels
    assert in_force(levels, 30.0) == {"ROOT": LogLevelRecord("DEBUG")}


@pytest.mark.parametrize(
    ("levels", "written"),
    [
        ({}, "TRACE DEBUG INFO WARN ERROR"),
        ({"ROOT": "WARN"}, "WARN ERROR"),
        ({"ROOT": "OFF", "a": "INFO"}, "INFO WARN ERROR"),
        ({"a": "OFF"}, ""),
        ({"b": "ERROR", "scheduler": "ERROR"}, "TRACE DEBUG INFO WARN ERROR"),
    ],
)
def test_a_components_lines_are_written_from_its_level_on(levels: dict[str, str], written: str) -> None:
    records = {name: LogLevelRecord(level) for name, level in levels.items()}
    every = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
    assert " ".join(level for level in every if is_written(records, "a", level)) == written


@pytest.mark.parametrize(
    ("level", "word"), [("DEBUG", "debug"), ("TRACE", "debug"), ("WARN", "warn"), ("OFF", "critical")]
)
def test_a_component_that_starts_is_told_its_level_in_pystorms_words(level: str, word: str) -> None:
    assert told({"ROOT": LogLevelRecord(level)}, "a") == {"pystorm.log.level": word}
    assert told({"b": LogLevelRecord(level)}, "a") == {}


def test_the_larger_share_of_emits_is_shown() -> None:
    debug = {"t-1-2": DebugRecord(True, 10.0), "a": DebugRecord(True, 50.0), "b": DebugRecord(False, 90.0)}
    settings = SettingsRecord(debug=debug)
    shares = {c: shown_emits(settings, "t-1-2", c, is_debug=False) for c in ("a", "b", "c")}
    assert shares == {"a": 50.0, "b": 10.0, "c": 10.0}
    assert shown_emits(SettingsRecord(), "t-1-2", "a", is_debug=True) == 100.0
    assert shown_emits(SettingsRecord(), "t-1-2", "a", is_debug=False) == 0.0
