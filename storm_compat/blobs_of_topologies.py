"""What topologies that are alive have in the blob store: their own three blobs, and links to those of users.

The blobs lie where the depot keeps them; nothing is copied for this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storm_compat import blob_keys
from storm_compat.alive import Alive
from storm_compat.blob_acl import EVERYTHING, WORLD, Access
from storm_compat.blob_files import BlobMeta, StoredBlob
from storm_compat.depot import Depot


class BlobsOfTopologies:
    """`storm_compat.blobs.TopologyBlobs`.

    Args:
        alive: returns the topologies that are alive.
    """

    def __init__(self, depot: Depot, alive: Callable[[], Iterable[Alive]]) -> None:
        self._depot = depot
        self._alive = alive

    def keys(self) -> list[str]:
        """See `TopologyBlobs.keys`."""
        return [
            blob_keys.of_topology(alive.topology_id, kind)
            for alive in self._alive()
            for kind in (blob_keys.CODE, blob_keys.CONF, blob_keys.JAR)
        ]

    def find(self, key: str) -> StoredBlob | None:
        """See `TopologyBlobs.find`; the rights are those that Storm gives: all to who submitted it."""
        part = blob_keys.topology_part(key)
        alive = part and next((a for a in self._alive() if a.topology_id == part[0]), None)
        if not part or not alive:
            return None
        path = self._depot.blob(*part)
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        owner = alive.kept.topology.conf.get("topology.submitter.principal")
        acl = (Access(EVERYTHING, owner),) if owner else (WORLD,)
        return StoredBlob(path, status.st_mtime_ns // 1_000_000, status.st_size, BlobMeta(acl))

    def users_of(self, key: str) -> list[str]:
        """See `TopologyBlobs.users_of`."""
        return [alive.topology_id for alive in self._alive() if key in _map_of(alive)]


def _map_of(alive: Alive) -> Mapping[str, Any]:
    return alive.kept.topology.conf.get("topology.blobstore.map") or {}
