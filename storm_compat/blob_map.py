"""topology.blobstore.map: which blobs a topology wants beside its components, and under which names. Pure.

    {"dict.txt": {"localname": "words", "uncompress": false, "workerRestart": true}}

Source: storm:storm-server/src/main/java/org/apache/storm/daemon/supervisor/SupervisorUtils.java
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from storm_compat.errors import InvalidConf

KEY: Final = "topology.blobstore.map"
TAKEN_NAMES: Final = ("resources", "containers", "pids")
"""What the folder of a topology holds anyhow."""

MAX_NAME_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the map."""

    key: str
    local_name: str
    """Storm's localname: what the components find it as; the key if none is given."""

    is_unpacked: bool = False
    """Storm's uncompress: an archive becomes a folder."""

    restarts: bool = False
    """Storm's workerRestart: the components are started again for a new content."""


def parse(conf: Mapping[str, Any]) -> tuple[Link, ...]:
    """Return the links that a configuration asks for, by key.

    Raises:
        InvalidConf: an entry makes no sense, or links are switched off in the cluster (Storm's text).
    """
    entries = conf.get(KEY) or {}
    if entries and conf.get("storm.disable.symlinks"):
        raise InvalidConf(f"symlinks are disabled so blobs are not supported but {KEY} = {entries}")
    links = tuple(_link(key, entries[key] or {}) for key in sorted(entries))
    names: dict[str, str] = {}
    for link in links:
        if link.local_name in names:
            raise InvalidConf(
                f"{KEY} gives two blobs the name {link.local_name!r}: {names[link.local_name]} and {link.key}"
            )
        names[link.local_name] = link.key
    return links


def _link(key: str, entry: Mapping[str, Any]) -> Link:
    name = entry.get("localname")
    return Link(
        key,
        _checked_name(key, key if name is None else name),
        _flag(key, entry, "uncompress"),
        _flag(key, entry, "workerRestart"),
    )


def _checked_name(key: str, name: Any) -> str:
    fault = ""
    if not isinstance(name, str) or not name:
        fault = "must be a text"
    elif "/" in name or "\\" in name or "\0" in name or name.startswith("."):
        fault = "must be the name of a file, without folders and without a dot in front"
    elif name in TAKEN_NAMES:
        fault = "is taken: the folder of a topology holds that anyhow"
    elif len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
        fault = f"is longer than {MAX_NAME_BYTES} bytes"
    if fault:
        raise InvalidConf(f"{KEY}: the localname {name!r} of {key} {fault}")
    return str(name)


def _flag(key: str, entry: Mapping[str, Any], name: str) -> bool:
    value = entry.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidConf(f"{KEY}: {name} of {key} must be true or false, but is {value!r}")
    return bool(value)
