"""Which names blobs can have, and which of them belong to topologies. Pure.

A key becomes the name of a folder, so what passes here cannot lead anywhere else.

Source: storm:storm-client/src/jvm/org/apache/storm/utils/Utils.java (isValidKey)
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from storm_compat.errors import InvalidKey

MAX_KEY_BYTES: Final = 200
"""In UTF-8; file systems take 255, and versions and marks are put around it."""

_RULE: Final = (
    "Use letters, digits, space, tab and any of . _ - : (but not . or .. alone), "
    f"at most {MAX_KEY_BYTES} bytes in UTF-8"
)
_PLAIN: Final = re.compile(r"[\w \t._:-]")  # the colon as Storm 1.x has it

JAR, CODE, CONF = "stormjar.jar", "stormcode.ser", "stormconf.ser"
"""The kinds of blobs that a topology has; their keys are ID-KIND."""


def check(key: str | None) -> str:
    """Return ``key``.

    Raises:
        InvalidKey: no blob can have it.
    """
    if not key or key in (".", "..") or not all(map(_is_allowed, key)):
        raise InvalidKey(str(key), _RULE)
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise InvalidKey(key, _RULE)
    return key


def _is_allowed(char: str) -> bool:
    # Marks, because in some scripts a letter is written with them.
    return _PLAIN.match(char) is not None or unicodedata.category(char).startswith("M")


def of_topology(topology_id: str, kind: str) -> str:
    """Return the key of one of a topology's own blobs."""
    return f"{topology_id}-{kind}"


def topology_part(key: str) -> tuple[str, str] | None:
    """Return the topology id and the kind, None if no topology can have a blob of that key."""
    for kind in (JAR, CODE, CONF):
        if key.endswith(f"-{kind}"):
            return key.removesuffix(f"-{kind}"), kind
    return None


def of_file(file: str | None, local_dir: str) -> str | None:
    """Return the key of the blob that a client before 2.0 means by the name of a file, None if it is none.

    Storm 1.x says the key itself, and 0.x the path on nimbus' machine: LOCAL_DIR/nimbus/stormdist/ID/KIND.
    """
    folder = f"{local_dir}/nimbus/stormdist/"
    topology_id, _, kind = (file or "").removeprefix(folder).rpartition("/")
    key = of_topology(topology_id, kind) if topology_id else kind
    return key if topology_part(key) and "/" not in key else None
