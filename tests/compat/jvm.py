"""What tests need of Java: class paths from Maven Central, classes compiled from our sources, programs run.

    path = class_path("storm-2.8.2")                    # of maven/storm-2.8.2.xml
    classes = compiled(SOURCES / "ShellTopology.java", path)
    done = run("ShellTopology", "wc", path=[classes, *path])

Class paths and classes are kept in .tmp/java.  Without Java or Maven a test that asks for them is skipped,
or fails if HERONRY_REQUIRE_TOOLS is set, as in CI.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import environment

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".tmp" / "java"
TOOLS = ("java", "javac", "mvn")
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"
# Programs that run for a second start fastest so.
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return f"{self.stdout}\n{self.stderr}"


def need_tools() -> None:
    """Skip the test that calls, or fail it in CI, if this machine cannot run it."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not missing:
        return
    text = f"needs java, javac and mvn (Debian: apt install default-jdk-headless maven); missing: {missing}"
    if os.environ.get("HERONRY_REQUIRE_TOOLS"):
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def class_path(name: str) -> list[Path]:
    """Return the jars of a pom in maven/, fetched by Maven into its own repository if they are not there."""
    need_tools()
    pom = HERE / "maven" / f"{name}.xml"
    kept = CACHE / f"{name}-{_digest(pom.read_bytes())}.classpath"
    with _locked():
        jars = _jars_in(kept)
        if not jars or not all(jar.exists() for jar in jars):
            _checked(["mvn", "-B", "-q", "-f", pom, _PLUGIN, f"-Dmdep.outputFile={kept}"])
            jars = _jars_in(kept)
    return jars


def _jars_in(kept: Path) -> list[Path]:
    return [Path(jar) for jar in kept.read_text().strip().split(os.pathsep)] if kept.exists() else []


def compiled(source: Path, path: Sequence[Path]) -> Path:
    """Return the folder with the classes of a source file, compiled against a class path."""
    folder = CACHE / f"{source.stem}-{_digest(source.read_bytes(), *map(os.fsencode, path))}"
    with _locked():
        if not folder.exists():
            half = folder.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            _checked(["javac", "-nowarn", "-d", half, "-cp", _joined(path), source])
            half.rename(folder)
    return folder


def run(
    main: str,
    *words: str,
    path: Sequence[Path],
    properties: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
    **more: str,
) -> Done:
    """Run a main class as its own process.

    Args:
        properties: system properties, without the -D.
        more: environment variables.
    """
    defines = [f"-D{key}={value}" for key, value in (properties or {}).items()]
    done = subprocess.run(
        ["java", *_QUICK, *defines, "-cp", _joined(path), main, *words],
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def _checked(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command}:\n{(done.stdout + done.stderr).decode(errors='replace')}"


@contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _joined(path: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, path))


def _digest(*data: bytes) -> str:
    return hashlib.sha256(b"\0".join(data)).hexdigest()[:12]
