from __future__ import annotations

from pathlib import Path

from scheduler.run.restart_watch import RestartWatch
from scheduler.state.files import FileStore


def test_a_restart_is_wanted_once_for_each_time_it_is_written(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.set("topologies/wc/restart", b"{}")
    watch = RestartWatch(store, "topologies/wc/restart")
    assert watch.is_wanted() is False
    for _ in range(2):
        store.set("topologies/wc/restart", b"{}")
        assert [watch.is_wanted(), watch.is_wanted()] == [True, False]
    store.delete("topologies/wc/restart")
    assert watch.is_wanted() is False


def test_where_it_cannot_happen_nobody_looks_again(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    watch = RestartWatch(store, "topologies/wc/restart")
    store.set("topologies/wc/restart", b"{}")
    assert watch.is_wanted() is False
