"""The tests of the example project, which docs/testing.md shows, as its author would run them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import environment

REPOSITORY = Path(__file__).parents[2]
PROJECT = REPOSITORY / "examples" / "word_count"


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_tests_of_the_example_pass(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=PROJECT, env=environment(TMPDIR=str(tmp_path)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)
    assert [path.name for path in tmp_path.glob("heronry-*")] == []


def test_the_document_shows_them_as_they_are():
    text = (REPOSITORY / "docs" / "testing.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"```python\n# (tests/\S+)\n(.*?)```", text, re.DOTALL))
    files = {
        path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8").split('"""\n\n', 1)[1]
        for path in (PROJECT / "tests").glob("test_*.py")
    }
    assert shown == files
