from __future__ import annotations

import pytest

from storm_compat import stats
from storm_compat.thrift.check import check
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive


@pytest.mark.parametrize(("supervisor_id", "host"), [("h-local", None), (None, "h"), ("h-local", "other")])
def test_a_supervisor_is_found_by_id_or_else_by_host(supervisor_id: str | None, host: str | None) -> None:
    found = stats.supervisor_page(
        [(alive(), NOTHING)],
        MACHINE,
        NOW,
        supervisor_id=supervisor_id,
        host=host,
        is_include_sys=False,
    )
    check(found, "page")
    [supervisor] = found.supervisor_summaries
    assert (supervisor.supervisor_id, supervisor.num_used_workers) == ("h-local", 2)
    assert [(w.port, w.num_executors) for w in found.worker_summaries] == [(6700, 2), (6701, 1)]


@pytest.mark.parametrize(("supervisor_id", "host"), [("x", "h"), (None, "x"), (None, None), ("", "")])
def test_an_unknown_supervisor_has_empty_lists(supervisor_id: str | None, host: str | None) -> None:
    found = stats.supervisor_page(
        [(alive(), NOTHING)],
        MACHINE,
        NOW,
        supervisor_id=supervisor_id,
        host=host,
        is_include_sys=True,
    )
    assert (found.supervisor_summaries, found.worker_summaries) == ([], [])
