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
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    if text := _missing():
        if os.environ.get("HERONRY_REQUIRE_TOOLS"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)


def _missing() -> str:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not missing:
        return ""
    return f"Storm's own clients need {', '.join(missing)} (Debian: apt install default-jdk-headless maven)"


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
    done = subprocess.run(
        _command(main, words, path, properties),
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def watch(
    main: str,
    *words: str,
    path: Sequence[Path],
    properties: Mapping[str, str] | None = None,
    until: Callable[[str], bool],
    timeout_s: float = 60.0,
) -> None:
    """Run a main class until it writes a line that is the awaited one; then end it."""
    process = subprocess.Popen(
        _command(main, words, path, properties),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    alarm = threading.Timer(timeout_s, process.kill)
    alarm.start()
    said = []
    try:
        for line in process.stdout:
            said.append(line.decode(errors="replace").rstrip("\n"))
            if until(said[-1]):
                return
        raise AssertionError("\n".join(["ended or too slow, after:", *said]))
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def _command(
    main: str, words: Sequence[str], path: Sequence[Path], properties: Mapping[str, str] | None
) -> list[str]:
    defines = [f"-D{key}={value}" for key, value in (properties or {}).items()]
    return ["java", *_QUICK, *defines, "-cp", _joined(path), main, *words]


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


def main() -> int:
    """Fetch all class paths, so that no test waits for Maven; return the exit code of `make java`."""
    if text := _missing():
        is_ci = bool(os.environ.get("HERONRY_REQUIRE_TOOLS"))
        sys.stderr.write(f"{text}; tests with them {'fail' if is_ci else 'will be skipped'}.\n")
        return int(is_ci)
    for pom in sorted((HERE / "maven").glob("*.xml")):
        class_path(pom.stem)
    return 0


if __name__ == "__main__":
    sys.exit(main())
