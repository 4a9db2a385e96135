from __future__ import annotations

from storm_compat.history import HistoryEntry, added, entry, visible


def test_who_may_see_a_topologys_logs_is_kept_with_it() -> None:
    conf = {"logs.users": ["ann"], "topology.users": ["bob", None, "ann"], "topology.groups": "staff"}
    assert entry("a-1-2", conf, 5.0) == HistoryEntry("a-1-2", 5.0, ("ann", "bob"), ("staff",))
    assert entry("a-1-2", {}, 5.0) == HistoryEntry("a-1-2", 5.0)


def test_what_is_older_than_the_logs_is_forgotten() -> None:
    old = [HistoryEntry("a", 0.0), HistoryEntry("b", 50.0), HistoryEntry("c", 60.0)]
    conf = {"logviewer.cleanup.age.mins": 1}
    assert added(old, HistoryEntry("b", 61.0), conf) == [HistoryEntry("c", 60.0), HistoryEntry("b", 61.0)]


def test_a_user_sees_what_is_theirs_and_nobody_in_particular_sees_all() -> None:
    entries = [HistoryEntry("a", 1.0, ("ann",)), HistoryEntry("b", 1.0, ("bob",), ("staff",))]
    assert visible(entries, None) == ["a", "b"]
    assert visible(entries, "ann") == ["a"]
    assert visible(entries, "ann", ["staff"]) == ["a", "b"]
    assert visible(entries, "eve") == []
