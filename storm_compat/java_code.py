"""Whether a shell component's Java class does work of its own, which would silently be left undone.

The class itself is not in the serialized object, but in the jar.  A class
between the object's and ShellBolt that defines one of the methods that run
while a topology does must have a JVM.  ``prepare`` and ``open`` are let
pass: what is seen there registers metrics, which need no registering here.
A class that is not in the jar, such as one of a dependency's, passes too.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from multilang.errors import JavaStreamError
from multilang.java_class import method_names
from storm_compat.errors import InvalidTopology

_WORK: Final = frozenset(
    ("execute", "nextTuple", "ack", "fail", "activate", "deactivate", "cleanup", "close")
)
_MAX_CLASS_BYTES: Final = 4 * 1024 * 1024


def refuse_own_code(jar: Path, classes: Mapping[str, Sequence[str]]) -> None:
    """Return if no class in the jar does work that only a JVM can do.

    Args:
        classes: component id -> names of the user's classes above ShellBolt or ShellSpout.

    Raises:
        InvalidTopology: some do; names all of them with the methods.
    """
    if not any(classes.values()):
        return
    refused: list[str] = []
    try:
        with zipfile.ZipFile(jar) as archive:
            for component, names in sorted(classes.items()):
                for name in names:
                    work = sorted(_methods(archive, name) & _WORK)
                    if work:
                        refused.append(f"[{component}] (Java class {name} has its own {', '.join(work)})")
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return  # the jar is unpacked next, which says what is wrong with it
    if refused:
        raise InvalidTopology(
            f"Shell components with Java code that only a JVM can run are not supported yet: "
            f"{', '.join(refused)}. Move that work into the program that they start"
        )


def _methods(archive: zipfile.ZipFile, name: str) -> frozenset[str]:
    try:
        entry = archive.getinfo(f"{name.replace('.', '/')}.class")
    except KeyError:
        return frozenset()
    if entry.file_size > _MAX_CLASS_BYTES:
        return frozenset()
    with archive.open(entry) as file:
        data = file.read(_MAX_CLASS_BYTES)
    try:
        return method_names(data)
    except JavaStreamError:
        return frozenset()
