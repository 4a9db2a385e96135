"""With HERONRY_COMPILE=1 what a tuple passes is compiled: it must still do what its sources do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[1]
COPIED = ("multilang", "scheduler", "storm_compat", "tests")
FILES = ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def _need_a_compiler() -> None:
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    if shutil.which("cc") and headers.exists():
        return
    reason = "nothing to compile with: no cc, or no headers of Python (apt install gcc python3-dev)"
    if os.environ.get("HERONRY_REQUIRE_TOOLS"):
        pytest.fail(reason)
    pytest.skip(reason)


def _run(*command: str, cwd: Path, timeout_s: int, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the sources, in which compiled modules may lie."""
    for folder in COPIED:
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(REPOSITORY / file, tmp_path)
    return tmp_path


@pytest.mark.timeout(400)
def test_what_is_compiled_passes_the_tests_of_its_sources(copy: Path) -> None:
    _need_a_compiler()
    _run("setup.py", "-q", "build_ext", "--inplace", cwd=copy, timeout_s=200, HERONRY_COMPILE="1")
    ask = "import scheduler.stream as s; print(s.__file__, s.is_compiled())"
    assert _run("-c", ask, cwd=copy, timeout_s=30).split() == [
        str(copy / "scheduler/stream/__init__.py"),
        "True",
    ]
    passed = _run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/scheduler/stream", cwd=copy, timeout_s=200
    )
    assert " passed" in passed
    assert "skipped" not in passed


def test_without_being_asked_nothing_is_compiled(copy: Path) -> None:
    _run("setup.py", "-q", "build_ext", "--inplace", cwd=copy, timeout_s=50, HERONRY_COMPILE="")
    ask = "import scheduler.stream as s; print(s.is_compiled())"
    assert _run("-c", ask, cwd=copy, timeout_s=30).split() == ["False"]


def test_where_mypyc_is_missing_it_says_how_to_get_it(copy: Path) -> None:
    (copy / "mypyc.py").write_text("raise ImportError\n")
    with pytest.raises(AssertionError, match="needs mypy where the package is built: pip install mypy"):
        _run("setup.py", "-q", "build_ext", "--inplace", cwd=copy, timeout_s=50, HERONRY_COMPILE="1")
