"""A flood of complaints, second by second."""

from __future__ import annotations

from storm_compat.thrift.complaints import Complaints


def test_a_few_are_said_as_they_are() -> None:
    complaints = Complaints(burst=3, period_s=10)
    assert [complaints.count(now) for now in (0, 1, 2)] == ["", "", ""]


def test_in_a_flood_most_are_left_out_and_counted() -> None:
    complaints = Complaints(burst=2, period_s=10)
    assert [complaints.count(0) for _ in range(5)] == ["", "", None, None, None]
    assert complaints.count(9.9) is None
    assert complaints.count(10) == " (4 more like this were left out)"
    assert complaints.count(11) == ""
    assert complaints.count(12) is None


def test_after_a_quiet_while_nothing_was_left_out() -> None:
    complaints = Complaints(burst=2, period_s=10)
    complaints.count(0)
    assert complaints.count(100) == ""
