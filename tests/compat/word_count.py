"""The example project, as a user would submit it with an unmodified streamparse."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import BIN, Cluster, run

EXAMPLE = Path(__file__).parents[2] / "examples" / "word_count"
SETUPTOOLS = EXAMPLE.parents[1] / ".tmp" / "setuptools-65"
SENTENCES = (
    "the heron stands in the shallow water",
    "a fish swims past the heron",
    "the heron waits and the fish waits",
    "the water is still and the reeds are still",
    "then the heron is fast and the fish is gone",
)


class Project:
    """A copy of the example with its jar, and `sparse` to call in it."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder / "word_count"
        self.jar = folder / "word_count.jar"
        self._cluster = cluster
        self._more: dict[str, str] = {}
        shutil.copytree(EXAMPLE, self.folder, ignore=shutil.ignore_patterns("_build", "__pycache__"))
        with zipfile.ZipFile(self.jar, "w") as archive:
            for path in sorted((self.folder / "src").rglob("*.py")):
                archive.write(path, f"resources/{path.relative_to(self.folder / 'src')}")

    def change_par(self, change: Mapping[int, int]) -> None:
        """Run more tasks of the components that have so many, by the edit that the example proposes."""
        source = self.folder / "topologies" / "word_count.py"
        text = source.read_text()
        source.write_text(re.sub(r"par=(\d+)", lambda m: f"par={change.get(int(m[1]), int(m[1]))}", text))

    def know_ui(self, port: int) -> None:
        """Put in what `sparse stats` needs besides: a UI port, Leiningen, and a setuptools of its age.

        It compares versions with "0.9.2-incubating", which setuptools refuses since 66.
        """
        config = self.folder / "config.json"
        settings = json.loads(config.read_text())
        settings["envs"]["prod"]["ui.port"] = port
        config.write_text(json.dumps(settings))
        lein = self.folder / "bin" / "lein"
        lein.parent.mkdir()
        lein.write_text("""#!/bin/sh\necho '[org.apache.storm/storm-core "1.2.2"]'\n""")
        lein.chmod(0o755)
        if not SETUPTOOLS.exists():
            pip = (
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
            )
            code, output = run(*pip, "--target", SETUPTOOLS, "setuptools==65.7.0", cwd=self.folder)
            assert code == 0, output
        self._more["PYTHONPATH"] = str(SETUPTOOLS)

    def sparse(self, *words: str | Path) -> tuple[int, str]:
        """Run a sparse command; return its exit code and all it wrote."""
        return run(
            BIN / "sparse",
            *words,
            cwd=self.folder,
            PATH=os.pathsep.join([str(self.folder / "bin"), str(BIN), os.environ["PATH"]]),
            LEIN_ROOT="1",
            STREAMPARSE_NIMBUS=self._cluster.address,
            PYTHONWARNINGS="ignore",
            **self._more,
        )

    def submit(self, name: str, *more: str | Path) -> tuple[int, str]:
        """Submit the topology under a name of its own."""
        return self.sparse("submit", "-e", "prod", "-n", "word_count", "-N", name, *more)


def counted(sentence_count: int) -> Counter[str]:
    """Return how often each word is in so many sentences."""
    return Counter(word for n in range(sentence_count) for word in SENTENCES[n % len(SENTENCES)].split())


def counted_in(folder: Path) -> Counter[str]:
    """Return the sum of the result files of all count tasks."""
    found: Counter[str] = Counter()
    for path in folder.glob("*.json"):
        found.update(json.loads(path.read_text()))
    return found
