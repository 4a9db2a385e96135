"""The merge rules of setLogConfig."""

from __future__ import annotations

from typing import Any

import pytest

from scheduler.state.records import LogLevelRecord
from storm_compat import log_config
from storm_compat.errors import InvalidSetting
from storm_compat.thrift import idl

NOW = 1_700_000_000.0


def config(**levels: tuple[str, str | None, int | None]) -> Any:
    storm = idl.load()
    named = {
        name: storm.LogLevel(
            action=storm.LogLevelAction._NAMES_TO_VALUES[action],
            target_log_level=level,
            reset_log_level_timeout_secs=timeout_s,
        )
        for name, (action, level, timeout_s) in levels.items()
    }
    return storm.LogConfig(named_logger_level=named)


def test_an_update_replaces_and_says_when_it_ends_and_the_others_become_unchanged() -> None:
    old = {"a": LogLevelRecord("INFO"), "b": LogLevelRecord("WARN")}
    levels = log_config.merged(old, config(a=("UPDATE", "debug", 30), c=("UPDATE", "ERROR", 0)), NOW)
    assert levels == {
        "a": LogLevelRecord("DEBUG", 30, until_ms=1_700_000_030_000),
        "b": LogLevelRecord("WARN", is_new=False),
        "c": LogLevelRecord("ERROR"),
    }


def test_remove_deletes_and_unchanged_changes_nothing() -> None:
    old = {"a": LogLevelRecord("INFO"), "b": LogLevelRecord("WARN")}
    levels = log_config.merged(old, config(a=("REMOVE", None, None), b=("UNCHANGED", "OFF", None)), NOW)
    assert levels == {"b": LogLevelRecord("WARN", is_new=False)}
    assert log_config.merged({}, config(x=("REMOVE", None, None)), NOW) == {}


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ({"": ("UPDATE", "INFO", 0)}, "Named loggers need a name. Use ROOT for the root logger"),
        ({"a": ("UPDATE", "LOUD", 0)}, "'LOUD' is no log level for a; use one of ALL, TRACE, DEBUG"),
        ({"a": ("UPDATE", None, 0)}, "None is no log level for a"),
    ],
)
def test_what_makes_no_sense_is_refused(levels: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        log_config.merged({}, config(**levels), NOW)
    assert str(caught.value).startswith(text)


def test_a_level_that_storm_2_0_puts_into_another_field_is_understood() -> None:
    storm = idl.load()
    level = storm.LogLevel(action=storm.LogLevelAction.UPDATE, reset_log_level="DEBUG")
    wanted = storm.LogConfig(named_logger_level={"a": level})
    assert log_config.merged({}, wanted, NOW) == {"a": LogLevelRecord("DEBUG")}


def test_what_is_shown_is_what_holds() -> None:
    storm = idl.load()
    levels = {
        "a": LogLevelRecord("DEBUG", 30, until_ms=int(NOW * 1000) + 1),
        "b": LogLevelRecord("WARN", is_new=False),
        "c": LogLevelRecord("OFF", 30, until_ms=int(NOW * 1000)),
    }
    assert log_config.shown(levels, NOW).named_logger_level == {
        "a": storm.LogLevel(storm.LogLevelAction.UPDATE, "DEBUG", 30, int(NOW * 1000) + 1),
        "b": storm.LogLevel(storm.LogLevelAction.UNCHANGED, "WARN", 0, None),
    }
    assert log_config.shown({}, NOW) == storm.LogConfig(named_logger_level={})
