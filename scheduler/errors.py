"""Errors of the scheduler room.

SchedulerError
    TopologyError          the topology's definition cannot be run as it is      (user)
        PackingError       its tasks cannot be placed                            (user)
    StateError             the state store refused or holds something unreadable (local)
        NoSuchNode         nothing is stored at that path
        NodeExists         something is stored at that path already
        VersionConflict    somebody else wrote that path in between
        LockHeld           somebody else holds the lock, the message names them
    LaunchError            a process could not be started or stopped             (process)
    InvalidTransition      the topology's status does not allow that event       (user)
    PeerError              what came over a connection breaks the agreement      (remote)
"""

from __future__ import annotations


class SchedulerError(Exception):
    """Base of everything this room raises on purpose."""


class TopologyError(SchedulerError):
    """The topology's definition cannot be run as it is."""


class PackingError(TopologyError):
    """The tasks of a topology cannot be placed."""


class StateError(SchedulerError):
    """The state store refused, or holds something unreadable."""


class NoSuchNode(StateError):
    """Nothing is stored at ``path``."""

    def __init__(self, path: str) -> None:
        super().__init__(f"nothing is stored at {path}")
        self.path = path


class NodeExists(StateError):
    """Something is stored at ``path`` already."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} exists already")
        self.path = path


class VersionConflict(StateError):
    """Somebody else wrote ``path`` since it was read."""

    def __init__(self, path: str, *, expected: int, found: int) -> None:
        super().__init__(f"{path} has version {found}, expected {expected}: somebody wrote it in between")
        self.path = path
        self.expected = expected
        self.found = found


class LockHeld(StateError):
    """Somebody else holds the lock; ``holder`` is what they wrote about themselves."""

    def __init__(self, path: str, holder: str) -> None:
        super().__init__(f"{path} is locked by {holder or 'another process'}")
        self.path = path
        self.holder = holder


class LaunchError(SchedulerError):
    """A process could not be started or stopped."""


class InvalidTransition(SchedulerError):
    """A topology's status does not allow the event.

    The text is Storm's, because its clients show it.
    Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java
    """

    def __init__(self, topology_id: str, *, status: str, event: str) -> None:
        super().__init__(f"No transition for event: {event}, status: {status} storm-id: {topology_id}")
        self.topology_id = topology_id
        self.status = status
        self.event = event


class PeerError(SchedulerError):
    """A message from another process breaks the agreement between us."""
