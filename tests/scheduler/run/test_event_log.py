from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.run.event_log import EventLog


@pytest.mark.parametrize("count", [None, 2])
def test_a_line_has_component_task_id_and_values(tmp_path: Path, count: int | None) -> None:
    log = EventLog({"topology.eventlogger.executors": count}, tmp_path / "worker.log")
    assert list(tmp_path.iterdir()) == []
    log.write("words", 3, b'"id"', b'["a",1]', 17.0)
    assert (tmp_path / "events.log").read_text().endswith(' words,3,"id",["a",1]\n')


@pytest.mark.parametrize("conf", [{}, {"topology.eventlogger.executors": 0}])
def test_without_event_loggers_there_is_no_file(tmp_path: Path, conf: dict[str, int]) -> None:
    EventLog(conf, tmp_path / "worker.log").write("words", 3, b"", b"[]", 17.0)
    assert list(tmp_path.iterdir()) == []
