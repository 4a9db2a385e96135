"""One cluster for each module of black-box tests; with ``--against storm`` one real Storm for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import tests.cluster
from tests.cluster import AnyCluster, Cluster, Draft, Running
from tests.compat import jvm
from tests.compat.real_storm import RealStorm
from tests.compat.storm_client import VERSIONS, StormClient

Run = Callable[..., Running]

DOCUMENT = Path(__file__).parents[2] / "docs" / "compatibility.md"
# A worker of Storm's takes 6 s to start, and more on a busy machine.
STORM_DEADLINE_S = 100.0
STORM_TIMEOUT_S = 300


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--against",
        choices=("heronry", "storm"),
        default="heronry",
        help="what the clients of tests/compat meet: Heronry, or a real Storm from Maven Central",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "differs(reason): not for a real Storm, for a reason that docs/compatibility.md gives in these words",
    )
    config.addinivalue_line("markers", "storm_only: our own commands, which meet Heronry elsewhere")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a real Storm cannot do, and see that the document has the reason."""
    if not is_against_storm(config):
        storms = [item for item in items if item.get_closest_marker("storm_only")]
        config.hook.pytest_deselected(items=storms)
        items[:] = [item for item in items if item not in storms]
    document = " ".join(DOCUMENT.read_text().split())
    ours = []
    for item in items:
        if mark := item.get_closest_marker("differs"):
            ours.append(item)
            if mark.args[0] not in document:
                raise pytest.UsageError(f"docs/compatibility.md does not say: {mark.args[0]}")
    if is_against_storm(config):
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]
        tests.cluster.DEADLINE_S = STORM_DEADLINE_S
        for item in items:
            item.add_marker(pytest.mark.timeout(STORM_TIMEOUT_S), append=False)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip here what needs Java, all in one place, so that pytest tells it in one line."""
    if is_against_storm(item.config) or "storm" in getattr(item, "fixturenames", ()):
        jvm.need_tools()


def is_against_storm(config: pytest.Config) -> bool:
    return bool(config.getoption("--against", "heronry") == "storm")


def is_real_storm(cluster: AnyCluster) -> bool:
    """Tell whether a test meets Storm itself, where Heronry's answer is another one on purpose."""
    return isinstance(cluster, RealStorm)


@pytest.fixture(scope="session")
def real_storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStorm]:
    with RealStorm(tmp_path_factory.mktemp("storm") / "home") as storm:
        yield storm


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyCluster]:
    if is_against_storm(request.config):
        yield request.getfixturevalue("real_storm")
    else:
        with Cluster(tmp_path_factory.mktemp("cluster") / "root") as cluster:
            yield cluster


@pytest.fixture
def run(cluster: AnyCluster, tmp_path: Path) -> Iterator[Run]:
    """Submit a draft with a conf; everything submitted is killed after the test."""
    with ExitStack() as stack:

        def run_one(
            draft: Draft, conf: Mapping[str, Any] | None = None, *, is_active: bool = True
        ) -> Running:
            folder = tmp_path / f"notes{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(cluster.running(draft, conf, folder=folder, is_active=is_active))

        yield run_one


@pytest.fixture(params=VERSIONS)
def storm(request: pytest.FixtureRequest, cluster: AnyCluster, tmp_path: Path) -> StormClient:
    """Storm's own commands, of each version in turn."""
    folder = tmp_path / "conf"
    folder.mkdir()
    return StormClient(request.param, cluster.host, cluster.port, folder)
