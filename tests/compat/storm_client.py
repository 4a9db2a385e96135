"""Storm's own command line, as `storm` would start it: its unmodified classes from Maven Central, a JVM each.

storm = StormClient("2.8.2", cluster.host, cluster.port, tmp_path)
assert "No topologies running." in storm("list").stdout
storm.jar(jar, "ShellTopology", "wc", conf={"topology.workers": 1})
"""

from __future__ import annotations

import json
import urllib.parse
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster import CHILDREN
from tests.compat import jvm
from tests.compat.jvm import Done

VERSIONS = ("2.8.2", "2.0.0", "1.2.4")
TOPOLOGIES = Path(__file__).parent / "topologies"
_CLASSES = {
    "list": "ListTopologies",
    "kill": "KillTopology",
    "activate": "Activate",
    "deactivate": "Deactivate",
    "rebalance": "Rebalance",
    "monitor": "Monitor",
    "get-errors": "GetErrors",
    "set_log_level": "SetLogLevel",
    "upload-credentials": "UploadCredentials",
    "blobstore": "Blobstore",
}
_CLOJURE_CLASSES = {"kill": "kill_topology"}


class StormClient:
    """`storm` of a version, with a storm.yaml of its own that names one nimbus.

    Args:
        folder: an empty one, for storm.yaml.
        conf: what storm.yaml says more.
    """

    def __init__(
        self, version: str, host: str, port: int, folder: Path, conf: Mapping[str, Any] | None = None
    ) -> None:
        self.version = version
        self.path = [folder, *jvm.class_path(f"storm-{version}")]
        # Before 1.0 there was one nimbus, and all packages had another name.
        self._package = "backtype.storm" if version.startswith("0.") else "org.apache.storm"
        place: dict[str, Any] = (
            {"nimbus.host": host} if version.startswith("0.") else {"nimbus.seeds": [host]}
        )
        yaml = {**place, "nimbus.thrift.port": port, **(conf or {})}
        (folder / "storm.yaml").write_text(json.dumps(yaml))

    def __call__(self, command: str, *words: str, timeout_s: float = 60.0, **properties: str) -> Done:
        """Run a command of `storm` and wait for its end."""
        main = self._main(command)
        return jvm.run(
            main, *words, path=self.path, properties=self._properties(**properties), timeout_s=timeout_s
        )

    def watch(self, command: str, *words: str, until: Callable[[str], bool], timeout_s: float = 60.0) -> None:
        """Run a command that has no end, until it writes a line that is the awaited one."""
        main = self._main(command)
        jvm.watch(
            main, *words, path=self.path, properties=self._properties(), until=until, timeout_s=timeout_s
        )

    def jar(
        self,
        jar: Path,
        main: str,
        *words: str,
        conf: Mapping[str, Any] | None = None,
        jars: Sequence[Path] = (),
        artifacts: Mapping[str, Path] | None = None,
    ) -> Done:
        """Submit as `storm jar` does, with its -c, --jars, and what its --artifacts resolves to."""
        properties = {
            "storm.jar": str(jar),
            "storm.dependency.jars": ",".join(map(str, jars)),
            "storm.dependency.artifacts": json.dumps(
                {key: str(path) for key, path in (artifacts or {}).items()}
            ),
        }
        path = [*self.path, jar, *jars, *(artifacts or {}).values()]
        return jvm.run(main, *words, path=path, properties=self._properties(conf, **properties))

    def shell_jar(self, folder: Path) -> Path:
        """Return a jar with ShellTopology, compiled for this version, and the children as its resources."""
        source = (TOPOLOGIES / "ShellTopology.java").read_text()
        own = folder / "ShellTopology.java"
        own.write_text(source.replace("org.apache.storm", self._package))
        classes = jvm.compiled(own, self.path[1:])
        jar = folder / f"shell-{self.version}.jar"
        with zipfile.ZipFile(jar, "w") as archive:
            for file in classes.iterdir():
                archive.write(file, file.name)
            for file in CHILDREN.glob("*.py"):
                archive.write(file, f"resources/{file.name}")
        return jar

    def _main(self, command: str) -> str:
        """Return the class that `storm` starts for a command."""
        if self.version.startswith("2."):
            return f"{self._package}.command.{_CLASSES[command]}"
        return f"{self._package}.command.{_CLOJURE_CLASSES.get(command, command.replace('-', '_'))}"

    def _properties(self, conf: Mapping[str, Any] | None = None, **more: str) -> dict[str, str]:
        pairs = (f"{key}={json.dumps(value)}" for key, value in (conf or {}).items())
        return {
            "storm.conf.file": "",
            "storm.options": ",".join(urllib.parse.quote(pair, safe="=") for pair in pairs),
            **more,
        }
