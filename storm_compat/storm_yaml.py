"""Read a storm.yaml: the keys of a cluster, over Storm's defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from storm_compat.errors import InvalidConf


def read(path: Path) -> dict[str, Any]:
    """Return the keys of a file; an empty file has none.

    Raises:
        InvalidConf: it cannot be read, or does not hold keys with values.
    """
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as exc:
        raise InvalidConf(f"{path} cannot be read: {exc}") from exc
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise InvalidConf(f"{path} must hold lines like: nimbus.admins: [alice]")
    return document
