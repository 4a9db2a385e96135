"""Topologies on a real cluster, for tests: containers, pipes, processes, and nothing left of them.

with RealCluster() as cluster:
    words = cluster.submit(WordCount, conf={"word_count.sentences": 100})
    words.until(lambda: words.counts("count").acked == 780)
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

from multilang.testing import TestingError
from storm_compat.cli.exit_codes import CommandError
from storm_compat.cli.prepare import Choice, prepare
from storm_compat.cli.project import submission_conf
from storm_compat.client import ClientError, NimbusClient
from storm_compat.client_values import Counts
from storm_compat.embedded import EmbeddedCluster
from storm_compat.testing.drafts import draft

_POLL_S: Final = 0.05
_SHOWN_CHARS: Final = 3000


class RealTopology:
    """A topology on a cluster; made by `RealCluster.submit`."""

    def __init__(self, client: NimbusClient, name: str, artifacts: Path) -> None:
        self.name = name
        self._client = client
        self._logs = artifacts

    def counts(self, component: str) -> Counts:
        """Return what was counted of a component so far, over all its tasks.

        Raises:
            TestingError: the topology has no such component.
        """
        found = self._client.info(self.name).components()
        if component not in found:
            known = ", ".join(sorted(c for c in found if not c.startswith("__")))
            raise TestingError(f"there is no component {component!r}; there are: {known}")
        reported = [e.counts for e in found[component] if e.counts is not None]
        return Counts(
            emitted=sum(c.emitted for c in reported),
            transferred=sum(c.transferred for c in reported),
            executed=sum(c.executed or 0 for c in reported),
            acked=sum(c.acked or 0 for c in reported),
            failed=sum(c.failed or 0 for c in reported),
            is_spout=any(c.is_spout for c in reported),
        )

    def errors(self, component: str | None = None) -> list[str]:
        """Return the errors of a component, or of all, newest first."""
        found = self._client.info(self.name).errors
        return [error.text for error in found if component in (None, error.component)]

    def log(self) -> str:
        """Return what its containers logged, and so what its components did."""
        paths = sorted(self._logs.glob("*/worker.log"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)

    def until(self, is_true: Callable[[], object], *, within_s: float = 30.0) -> None:
        """Return as soon as ``is_true`` says so.

        Raises:
            TestingError: it never did; with the errors and the end of the log.
        """
        deadline = time.monotonic() + within_s
        while not is_true():
            if time.monotonic() > deadline:
                told = (
                    "\n".join(self.errors()) or f"no errors; the log ends with:\n{self.log()[-_SHOWN_CHARS:]}"
                )
                raise TestingError(f"{self.name}: not within {within_s:g} s; {told}")
            time.sleep(_POLL_S)

    def activate(self) -> None:
        """Let its spouts emit again."""
        self._client.activate(self.name)

    def deactivate(self) -> None:
        """Make its spouts rest."""
        self._client.deactivate(self.name)

    def kill(self) -> None:
        """End it now, and return when its name is free again."""
        self._client.kill(self.name, 0)
        while not self._client.is_name_allowed(self.name):
            time.sleep(_POLL_S)


class RealCluster:
    """A cluster of its own for tests, in a temporary folder; starts with the first use."""

    def __init__(self) -> None:
        self._cluster: EmbeddedCluster | None = None
        self._client: NimbusClient | None = None

    def __enter__(self) -> Self:
        """Return itself; everything ends with the context."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """HOST:PORT of its Nimbus, for any client."""
        return str(self._running().address)

    def submit(
        self,
        topology: Any,
        *,
        conf: Mapping[str, Any] | None = None,
        name: str | None = None,
        environment: str | None = None,
    ) -> RealTopology:
        """Return a topology that was accepted and will be running soon.

        Args:
            topology: a streamparse Topology class, or a description as for `play`, whose classes must be
                importable by name; or the path of a streamparse project.
            conf: options over those of the topology.
            name: to run under; None: the topology's.
            environment: one of the project's, or for ``par`` that differs by environment.

        Raises:
            TestingError: it cannot be submitted; says why.
        """
        client = self._running()
        how: dict[str, Any] = {"conf": conf or {}, "name": name, "environment": environment}
        with tempfile.TemporaryDirectory(prefix="heronry-") as scratch:
            try:
                if isinstance(topology, str | os.PathLike):
                    name = _submit_project(client, Path(topology), Path(scratch), **how)
                else:
                    name = _submit_classes(client, topology, Path(scratch), **how)
            except (ClientError, CommandError) as exc:
                raise TestingError(f"the topology would be refused: {exc}") from exc
        assert self._cluster is not None
        artifacts = self._cluster.root / "logs" / "workers-artifacts" / client.info(name).topology_id
        return RealTopology(client, name, artifacts)

    def close(self) -> None:
        """End it, with all that runs there."""
        if self._client is not None:
            self._client.__exit__(None, None, None)
        if self._cluster is not None:
            self._cluster.stop()
        self._client = self._cluster = None

    def _running(self) -> NimbusClient:
        if self._client is None:
            self._cluster = EmbeddedCluster().__enter__()
            self._client = NimbusClient(self._cluster.address).__enter__()
        return self._client


def _submit_project(
    client: NimbusClient,
    path: Path,
    scratch: Path,
    *,
    conf: Mapping[str, Any],
    name: str | None,
    environment: str | None,
) -> str:
    prepared = prepare(Choice(path, name=name, environment=environment, python=sys.executable), scratch)
    full = submission_conf(
        prepared.environment,
        prepared.topology.config,
        conf,
        name=prepared.name,
        original_name=prepared.original_name,
        hosts=client.cluster().hosts,
    )
    client.submit(prepared.name, client.upload(prepared.jar), full, prepared.topology.binary)
    return prepared.name


def _submit_classes(
    client: NimbusClient,
    topology: Any,
    scratch: Path,
    *,
    conf: Mapping[str, Any],
    name: str | None,
    environment: str | None,
) -> str:
    given = draft(topology, name=name, environment=environment)
    jar = scratch / "empty.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("resources/README", "The classes are imported from where the test has them.\n")
    # The components can import whatever the test can.
    paths = [str(Path(entry).absolute()) for entry in sys.path if not entry.endswith(".zip")]
    full = {"topology.workers": 1, **given.conf, **conf}
    full["topology.environment"] = {
        "PYTHONPATH": os.pathsep.join(paths),
        **(full.get("topology.environment") or {}),
    }
    client.submit_code(given.name, client.upload(jar), full, given.code)
    return given.name
