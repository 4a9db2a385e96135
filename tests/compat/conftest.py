"""One cluster for each module of black-box tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster, Draft, Running

Run = Callable[..., Running]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster") / "root") as cluster:
        yield cluster


@pytest.fixture
def run(cluster: Cluster, tmp_path: Path) -> Iterator[Run]:
    """Submit a draft with a conf; everything submitted is killed after the test."""
    with ExitStack() as stack:

        def run_one(
            draft: Draft, conf: Mapping[str, Any] | None = None, *, is_active: bool = True
        ) -> Running:
            folder = tmp_path / f"notes{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(cluster.running(draft, conf, folder=folder, is_active=is_active))

        yield run_one
