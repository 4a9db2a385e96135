"""The plugin for those who do not use it: it loads nothing, and steps back."""

import subprocess
import sys

import pytest

from tests.cluster import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@pytest.fixture
def pytest_run(tmp_path):
    """Return a function that runs pytest on a file of tests, and returns its exit code and output."""

    def run(text, *options):
        (tmp_path / "test_it.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, tmp_path],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def test_nothing_of_ours_is_imported_but_the_plugin(pytest_run):
    text = """
import sys
def test_it():
    ours = [m for m in sys.modules if m.partition(".")[0] in ("multilang", "scheduler", "storm_compat")]
    assert sorted(ours) == ["storm_compat", "storm_compat.testing", "storm_compat.testing.plugin"]
    assert "msgspec" not in sys.modules and "thriftpy2" not in sys.modules
"""
    code, out = pytest_run(text)
    assert code == 0, out


def test_fixtures_of_the_same_names_come_first(pytest_run, tmp_path):
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef cluster(): return 'mine'\n")
    code, out = pytest_run("def test_it(cluster): assert cluster == 'mine'\n")
    assert code == 0, out


def test_it_can_be_left_out(pytest_run):
    code, out = pytest_run("def test_it(component): pass\n", "-p", "no:heronry")
    assert code == 1
    assert "fixture 'component' not found" in out
