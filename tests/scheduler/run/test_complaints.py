from scheduler.control.messages import ErrorReport
from scheduler.run.complaints import MOST, Complaints


def test_one_that_errs_with_every_tuple_keeps_nobody_elses_error_back() -> None:
    complaints = Complaints()
    for n in range(1000):
        complaints.add(ErrorReport("a", 1, f"trouble {n}", n))
    complaints.add(ErrorReport("b", 2, "ended", 500.5))

    told = complaints.all()
    assert [error.text for error in told] == [*(f"trouble {n}" for n in range(MOST)), "ended"]
    assert sum(error.count for error in told) == 1001

    complaints.clear()
    assert complaints.all() == []
