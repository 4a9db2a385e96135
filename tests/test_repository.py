"""Keeps the house in order: things that neither ruff nor mypy nor import-linter look at."""

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
ROOMS = ("multilang", "scheduler", "storm_compat")

# Tests of the whole, which mirror no module.
TESTS_OF_THE_WHOLE = ("tests/compat", "tests/examples", "tests/fuzz", "tests/test_repository.py")


def python_files(folder: str) -> list[str]:
    """Return the Python files below a folder of the repository, as sorted paths relative to its top."""
    found = (REPOSITORY / folder).rglob("*.py")
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in found)


def files_of_the_repository() -> list[Path]:
    """Return every file that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("this copy of the sources is not a git checkout")
    paths = (REPOSITORY / name for name in listing.stdout.decode().split("\0") if name)
    return [path for path in paths if path.is_file()]


def mirrored_modules(test_file: str) -> list[str]:
    """Return the paths of which one must exist for `tests/<room>/.../test_<module>.py`."""
    folder, _, name = test_file.removeprefix("tests/").rpartition("/")
    module = f"{folder}/{name.removeprefix('test_').removesuffix('.py')}".lstrip("/")
    return [f"{module}.py", f"{module}/__init__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_opens_with_what_it_does(room: str) -> None:
    sources = {path: (REPOSITORY / path).read_text(encoding="utf-8") for path in python_files(room)}

    assert [path for path, source in sources.items() if not ast.get_docstring(ast.parse(source))] == []


def test_every_test_file_mirrors_a_module() -> None:
    tests = [path for path in python_files("tests") if Path(path).name.startswith("test_")]
    mirrors = [path for path in tests if not path.startswith(TESTS_OF_THE_WHOLE)]

    orphans = [
        path
        for path in mirrors
        if not any((REPOSITORY / module).exists() for module in mirrored_modules(path))
    ]

    assert orphans == []


def test_no_file_names_a_path_of_this_machine() -> None:
    local_folders = [str(folder) for folder in (REPOSITORY, Path.home()) if len(folder.parts) > 1]
    named = re.compile(
        "|".join(rf"(?<![\w.~-]){re.escape(folder)}(?=[/\s\"'`]|$)" for folder in local_folders)
    )

    offenders = []
    for path in files_of_the_repository():
        text = path.read_bytes().decode("utf-8", errors="replace")
        offenders += [f"{path.relative_to(REPOSITORY)}: {hit.group()}" for hit in named.finditer(text)]

    assert offenders == []


@pytest.mark.slow
def test_the_package_has_every_file_that_its_rooms_have(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    for path in files_of_the_repository():
        copy = sources / path.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    # Without the network: setuptools is in the environment of the tests.
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]

    subprocess.run([*wheel, "-w", str(tmp_path), str(sources)], check=True, timeout=50)

    (package,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(package).namelist() if ".dist-info/" not in name}
    names = {path.relative_to(REPOSITORY).as_posix() for path in files_of_the_repository()}
    assert packed == {name for name in names if name.startswith(tuple(f"{room}/" for room in ROOMS))}
