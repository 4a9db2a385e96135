"""What clumsy or hostile topologies must not do to others: by real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import Cluster, Draft, until
from tests.compat.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.differs("How components run is Heronry's own"),
]


def test_half_characters_end_no_container(run: Run) -> None:
    draft = Draft()
    draft.spout("mumbles", "mumbles.py")
    draft.bolt("sink", "sink.py", {"mumbles": ["value"]})
    running = run(draft)
    until(lambda: len(running.notes("sink", what="tuple")) >= 20)
    until(lambda: "no file ?" in running.errors("mumbles"))
    assert running.errors("__system") == []
    assert len(running.notes("mumbles", what="handshake")) == 1


def test_folders_nested_without_end_do_not_end_nimbus(run: Run, cluster: Cluster) -> None:
    draft = Draft()
    draft.spout("burrows", "burrows.py")
    running = run(draft)
    until(lambda: running.notes("burrows", what="burrowed"))
    cluster.kill(running.name)
    assert not (cluster.root / "topologies" / running.topology_id).exists()


def test_a_name_may_begin_with_a_hyphen(cluster: Cluster, tmp_path: Path) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py")
    cluster.submit("--help", draft, {"test.folder": str(tmp_path)})
    try:
        until(lambda: list(tmp_path.glob("numbers-*.jsonl")))
    finally:
        cluster.kill("--help")


def test_errors_without_measure_fill_neither_log_nor_memory(run: Run) -> None:
    draft = Draft()
    draft.spout("shouts", "shouts.py")
    running = run(draft)
    until(lambda: len(running.errors("shouts")) == 3)
    assert all("characters left out" in text and len(text) < 10_000 for text in running.errors("shouts"))
    assert len(running.log()) < 100_000
