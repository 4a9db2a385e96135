from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from scheduler.run.log_levels import LogLevels
from scheduler.state.records import LogLevelRecord, SettingsRecord

NAME = "scheduler.test.some.part"


@pytest.fixture
def root_level() -> Iterator[int]:
    before = logging.getLogger().level
    yield before
    logging.getLogger().setLevel(before)


def test_levels_are_set_and_taken_back_when_their_time_is_up(root_level: int) -> None:
    levels = LogLevels(["words"])
    settings = SettingsRecord(
        {
            "ROOT": LogLevelRecord("ERROR", 10, until_ms=10_000),
            NAME: LogLevelRecord("TRACE"),
            "words": LogLevelRecord("OFF"),
        }
    )
    levels.apply(settings, 1.0)
    assert logging.getLogger().level == logging.ERROR
    assert logging.getLogger(NAME).level == 5
    assert logging.getLogger("words").level == logging.NOTSET  # a component, none of our loggers
    levels.apply(settings, 10.0)
    assert logging.getLogger().level == root_level
    assert sorted(levels.now) == [NAME, "words"]
    levels.apply(SettingsRecord(), 11.0)
    assert logging.getLogger(NAME).level == logging.NOTSET
