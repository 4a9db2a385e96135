"""On which library a component stands, by its command and its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from multilang.library import CAREFUL, OURS, UNKNOWN, recognize

# The names by which Storm's storm.py is known, in as little as is needed.
STORM_PY = """
def readTaskIds():
    return pending_taskids.popleft()

def readCommand():
    pending_taskids.append(msg)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "storm.py").write_text(STORM_PY)
    return tmp_path


@pytest.mark.parametrize(
    "command", [("streamparse_run", "bolts.Split"), ("/v/bin/streamparse_run", "-s json a.B")]
)
def test_streamparse_is_known_by_its_command(command: tuple[str, ...], tmp_path: Path) -> None:
    assert recognize(command, tmp_path) == CAREFUL


@pytest.mark.parametrize(
    "source", ["import storm\n", "from storm import Bolt\n", "if 1:\n    import  storm as s\n"]
)
def test_storms_own_library_is_known_where_a_script_imports_it(source: str, folder: Path) -> None:
    (folder / "split.py").write_text(source)
    assert recognize(("python3", "split.py"), folder) == CAREFUL


@pytest.mark.parametrize("source", ["from pystorm import Bolt\n", "import streamparse\n"])
def test_pystorm_is_known_where_a_script_imports_it(source: str, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(source)
    assert recognize(("python3", "words.py"), tmp_path) == CAREFUL


def test_our_own_client_blocks_once_besides(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("from multilang.client import Spout\n")
    assert recognize(("python3", "words.py"), tmp_path) == OURS


@pytest.mark.parametrize("command", [("streamparse_run", "bolts.Split"), ("python3", "words.py")])
def test_so_does_what_stands_in_for_pystorm(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("import base\n")
    (tmp_path / "base.py").write_text("from pystorm import Bolt\nfrom multilang.client import Spout\n")
    assert recognize(command, tmp_path, is_stood_in=True) == OURS


def test_nothing_stands_in_for_storms_own_library(folder: Path) -> None:
    (folder / "split.py").write_text("import storm\n")
    assert recognize(("python3", "split.py"), folder, is_stood_in=True) == CAREFUL


@pytest.mark.parametrize(
    ("first", "second"), [("pystorm", "multilang.client"), ("multilang.client", "pystorm")]
)
def test_of_several_libraries_the_habits_of_the_poorer_hold(first: str, second: str, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(f"import {first}\nimport base\n")
    (tmp_path / "base.py").write_text(f"import {second}\n")
    assert recognize(("python3", "words.py"), tmp_path) == CAREFUL


def test_it_is_found_through_other_modules_beside_the_script(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "storm.py").rename(folder / "inner" / "storm.py")
    (folder / "inner" / "split.py").write_text("import os, base\nfrom base import Bolt\n")
    (folder / "inner" / "base.py").write_text("import storm\nimport split\n")
    assert recognize(("./inner/split.py", ""), folder) == CAREFUL


@pytest.mark.parametrize(
    ("command", "source"),
    [
        (("python3", "split.py"), "import json\n"),
        (("python3", "split.py"), "# import storm\nimport stormy\n"),
        (("python3", "split.py"), "import pystormy\nfrom multilang.clients import x\n"),
        (("node", "split.js"), "var storm = require('./storm');\n"),
        (("python3", "missing.py"), ""),
        (("python3", "a" * 300 + ".py"), ""),
        (("python3", "nul\0.py"), ""),
        (("streamparse", "split.py"), ""),
        ((), ""),
    ],
)
def test_nothing_is_taken_for_granted_of_the_rest(
    command: tuple[str, ...], source: str, folder: Path
) -> None:
    (folder / "split.py").write_text(source)
    (folder / "split.js").write_text(source)
    assert recognize(command, folder) == UNKNOWN


def test_another_library_of_the_same_name_is_not_storms(folder: Path) -> None:
    (folder / "split.py").write_text("import storm\n")
    (folder / "storm.py").write_text("pending_taskids = None  # readTaskIds is not here\n")
    assert recognize(("python3", "split.py"), folder) == UNKNOWN


def test_a_folder_of_modules_that_import_each_other_without_end_is_left_alone(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"m{number}.py").write_text(f"import m{number + 1}\n")
    assert recognize(("python3", "m0.py"), tmp_path) == UNKNOWN
