"""The libraries that the rules are played to, each with an echo and a spout in components/."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from tests.compat import jvm

COMPONENTS = Path(__file__).parent / "components"
DEBIAN = {"node": "nodejs", "ruby": "ruby"}
LIBRARIES = ("multilang.client", "pystorm", "storm.py", "storm.js", "storm.rb")


def command(library: str, kind: str, folder: Path) -> list[str]:
    """Return how to start the echo or spout of a library; without its tools the test is skipped."""
    if not library.startswith("storm."):
        return [sys.executable, str(COMPONENTS / "client_echo.py"), library, kind]
    program = {"storm.py": sys.executable, "storm.js": "node", "storm.rb": "ruby"}[library]
    if shutil.which(program) is None:
        text = f"{library} needs {program} (Debian: apt install {DEBIAN[program]})"
        if os.environ.get("HERONRY_REQUIRE_TOOLS"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    script = {"storm.py": "echo_storm.py", "storm.js": "echo.js", "storm.rb": "echo.rb"}[library]
    for jar in jvm.class_path("multilang"):
        with zipfile.ZipFile(jar) as archive:
            if f"resources/{library}" in archive.namelist():
                (folder / library).write_bytes(archive.read(f"resources/{library}"))
    return [program, str(COMPONENTS / script), str(folder), kind]
