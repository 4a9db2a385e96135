"""The jar of a project, without Leiningen and without Java: `src` becomes `resources/` in a zip file.

The same sources make the same bytes: entries are sorted and carry neither times nor owners.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

_FIRST_ZIP_DAY = (1980, 1, 1, 0, 0, 0)
_IGNORED_FOLDERS = frozenset(
    {"__pycache__", ".git", ".hg", ".svn", ".bzr", ".jj", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
_IGNORED_SUFFIXES = (".pyc", ".pyo", ".swp", "~")
_MANIFEST = "Manifest-Version: 1.0\r\nCreated-By: heronry\r\n\r\n"


def build_jar(sources: Path, jar: Path) -> int:
    """Write the jar of the files below ``sources`` and return how many they are.

    Links are followed, as streamparse does it; one that leads back to a folder above it is left out.
    """
    count = 0
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("META-INF/MANIFEST.MF", 0o644), _MANIFEST)
        for name, file in sorted(_files(sources, "resources/", ())):
            mode = 0o755 if os.access(file, os.X_OK) else 0o644
            archive.writestr(_entry(name, mode), file.read_bytes())
            count += 1
    return count


def _files(folder: Path, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    above = (*above, os.path.realpath(folder))
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in _IGNORED_FOLDERS and os.path.realpath(path) not in above:
                yield from _files(path, f"{prefix}{path.name}/", above)
        elif path.is_file() and not path.name.endswith(_IGNORED_SUFFIXES):
            yield prefix + path.name, path


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIRST_ZIP_DAY)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = mode << 16
    return entry
