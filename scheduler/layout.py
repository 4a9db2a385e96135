"""Where everything lies below a cluster's root folder.

    ROOT/ready.json                     written when nimbus accepts calls
    ROOT/state/.locks/nimbus            held by the nimbus that owns the root
    ROOT/state/                         the state store (files)
    ROOT/inbox/                         jars while they are uploaded, and an hour longer
    ROOT/blobs/                         ID-stormjar.jar, ID-stormcode.ser, ID-stormconf.ser
    ROOT/blobstore/                     the blobs of users, and uploads of them that are under way
    ROOT/topologies/ID/resources/       the jar's resources: working directory of the components
    ROOT/topologies/ID/containers/N/    working directory of components that do not want the one above
    ROOT/topologies/ID/counts.msgpack   what its tasks counted until half a minute ago
    ROOT/topologies/ID/pids/N/          pid files of the components in container N
    ROOT/logs/nimbus.log
    ROOT/logs/workers-artifacts/ID/topology.log         the topology process
    ROOT/logs/workers-artifacts/ID/PORT/worker.log      a container; Storm's place, where its tools look

A container has no listening port that is known beforehand, so PORT is its
slot: 6700 for container 1, 6701 for container 2, as Storm's defaults count.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FIRST_SLOT = 6700


def slot(container_id: int) -> int:
    """Return the port number that stands for a container towards Storm's clients."""
    return FIRST_SLOT + max(container_id - 1, 0)


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one root; creates nothing."""

    root: Path

    @property
    def ready_file(self) -> Path:
        return self.root / "ready.json"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def blobstore(self) -> Path:
        return self.root / "blobstore"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def nimbus_log(self) -> Path:
        return self.logs / "nimbus.log"

    def topology(self, topology_id: str) -> Path:
        """Return the folder that holds a topology's files, but for its logs and blobs."""
        return self.root / "topologies" / topology_id

    def resources(self, topology_id: str) -> Path:
        """Return the working directory of a topology's components."""
        return self.topology(topology_id) / "resources"

    def container(self, topology_id: str, container_id: int) -> Path:
        """Return the working directory of a container's components that do not change to the resources."""
        return self.topology(topology_id) / "containers" / str(container_id)

    def counts(self, topology_id: str) -> Path:
        """Return the file by which a topology process tells its successor what was counted."""
        return self.topology(topology_id) / "counts.msgpack"

    def pids(self, topology_id: str, container_id: int) -> Path:
        """Return the ``pidDir`` that a container's components are told."""
        return self.topology(topology_id) / "pids" / str(container_id)

    def artifacts(self, topology_id: str) -> Path:
        """Return the folder of all logs of a topology."""
        return self.logs / "workers-artifacts" / topology_id

    def topology_log(self, topology_id: str) -> Path:
        return self.artifacts(topology_id) / "topology.log"

    def worker_log(self, topology_id: str, container_id: int) -> Path:
        return self.artifacts(topology_id) / str(slot(container_id)) / "worker.log"
