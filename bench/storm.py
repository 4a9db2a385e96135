"""A real Storm of the same shape as `bench.cluster.Cluster`: told what to do by the same `heronry` command.

The same project is submitted to it, so that the same components do the same work; engine is all that Storm
adds: ZooKeeper, nimbus, supervisor, workers and their log writers.  It is set as it comes.
"""

from __future__ import annotations

import shutil
import time
import zipfile
from pathlib import Path

from bench import machine
from bench.cluster import BenchError, Cluster
from tests.compat import jvm
from tests.compat.real_storm import RealStorm

VERSION = "2.8.2"


class StormCluster(Cluster):
    """ZooKeeper, nimbus and a supervisor of Storm, from Maven Central."""

    start_within_s = 120.0
    kill_within_s = 60.0

    def __init__(self, folder: Path, project: Path) -> None:
        super().__init__(folder, project)
        folder.mkdir(parents=True)
        self._storm = RealStorm(folder / "storm", conf={})

    def start(self) -> float:
        """Start Storm and return how many seconds it took until calls were accepted."""
        began = time.monotonic()
        try:
            self._storm.__enter__()
        except AssertionError as exc:
            raise BenchError(f"Storm did not start: {exc}") from exc
        self._environment["HERONRY_NIMBUS"] = self._storm.address
        return time.monotonic() - began

    def processes(self) -> list[machine.Process]:
        """Return the processes of the cluster but the one that looks after them."""
        return machine.family(self._storm.pid)[1:]

    def stop(self) -> float:
        """End Storm and return how many seconds it took."""
        began = time.monotonic()
        try:
            self._storm.__exit__(None, None, None)
        except AssertionError as exc:
            raise BenchError(f"Storm did not end: {exc}") from exc
        return time.monotonic() - began


def storm_py(folder: Path) -> Path:
    """Return Storm's own storm.py, taken from its jar into a folder.

    Raises:
        BenchError: Java or Maven is missing here.
    """
    if missing := [tool for tool in jvm.TOOLS if shutil.which(tool) is None]:
        raise BenchError(f"a real Storm needs java, javac and mvn; missing: {', '.join(missing)}")
    for jar in jvm.class_path("multilang"):
        with zipfile.ZipFile(jar) as archive:
            if "resources/storm.py" in archive.namelist():
                folder.mkdir(parents=True, exist_ok=True)
                path = folder / "storm.py"
                path.write_bytes(archive.read("resources/storm.py"))
                return path
    raise BenchError("there is no storm.py in Storm's jars")
