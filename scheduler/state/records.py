"""The documents in the state store, and their paths.

    topologies/ID/topology      scheduler.topology.Topology
    topologies/ID/submission    SubmissionRecord      written once
    topologies/ID/status        StatusRecord          written by nimbus
    topologies/ID/packing       scheduler.plan.PackingPlan
    topologies/ID/settings      SettingsRecord        written by nimbus, there once something was changed
    topologies/ID/credentials   name -> value         written by nimbus, there once there are any
    topologies/ID/secret        text, shared by the processes of the topology
    topologies/ID/master        MasterRecord          written by the topology process
    topologies/ID/processes/N   ProcessRecord         0: by nimbus; the others by the topology process
    topologies/ID/errors        list of ErrorReport   written by the topology process
    topologies/ID/restart       any document          written anew: the components are to be started anew
    counter                     number of submissions so far
    history                     topologies that were killed, by nimbus

A topology exists from the moment its ``status`` is there, which is written
last; a folder without one is the rest of a submission that was cut short.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from scheduler.errors import StateError
from scheduler.state.store import StateStore

TOPOLOGIES = "topologies"
COUNTER = "counter"
HISTORY = "history"

T = TypeVar("T")


class Status(enum.Enum):
    """The states of a topology; the words are Storm's and are shown to clients."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    REBALANCING = "REBALANCING"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class RebalanceRecord:
    """What a rebalance changes once its wait is over; what is not named stays as it is."""

    container_count: int | None = None
    executor_counts: Mapping[str, int] = field(default_factory=dict)
    """By component; tasks are as many as ever."""

    conf: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the topology's own."""

    resources: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By component and resource; kept and shown, nothing is placed by them."""


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """What is wanted of a topology now."""

    status: Status
    wait_s: float | None = None
    """KILLED and REBALANCING: how long to wait before acting; None otherwise."""

    previous: Status | None = None
    """REBALANCING: what it was before and will be again; None otherwise."""

    rebalance: RebalanceRecord | None = None
    """REBALANCING: what is to be done after the wait; None otherwise."""

    plan_version: int = 0
    """The packing plan that holds. Written after ``topology`` and ``packing``, which may be newer already."""


@dataclass(frozen=True, slots=True)
class LogLevelRecord:
    """A log level that somebody set."""

    level: str
    """One of `scheduler.control.settings.LEVELS`."""

    timeout_s: int = 0
    """For how long; 0: for good."""

    until_ms: int | None = None
    """When that is over: milliseconds since the epoch."""

    is_new: bool = True
    """Whether the last change set it."""


@dataclass(frozen=True, slots=True)
class DebugRecord:
    """Whether emits are written to the log."""

    is_enabled: bool
    sampling_pct: float = 0.0
    """How many of them, in percent; stays while they are not."""


@dataclass(frozen=True, slots=True)
class SettingsRecord:
    """What can be changed while a topology runs, and moves nothing."""

    log_levels: Mapping[str, LogLevelRecord] = field(default_factory=dict)
    """By logger, component or ROOT; see `scheduler.control.settings`."""

    debug: Mapping[str, DebugRecord] = field(default_factory=dict)
    """By component, or the topology's id for all."""


@dataclass(frozen=True, slots=True)
class SubmissionRecord:
    """Facts about a submission that never change."""

    submitted_at_s: float
    """Seconds since the epoch."""

    owner: str
    storm_version: str | None = None
    dependency_jars: tuple[str, ...] = ()
    """Keys of blobs that go with the topology."""


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that was started for a topology, so that a successor can adopt it."""

    pid: int
    birth: float
    """When the kernel says it was started (seconds, on the launcher's scale): tells a reused pid apart."""

    restart_count: int = 0
    started_at_s: float = 0.0
    """Seconds since the epoch, by our clock."""


@dataclass(frozen=True, slots=True)
class MasterRecord:
    """Where the topology process listens for its containers and for nimbus."""

    host: str
    port: int
    pid: int


def path_of(topology_id: str, leaf: str = "") -> str:
    """Return the store path of a document of a topology, or of the topology itself."""
    return f"{TOPOLOGIES}/{topology_id}/{leaf}" if leaf else f"{TOPOLOGIES}/{topology_id}"


def read(store: StateStore, path: str, kind: type[T]) -> T:
    """Return the document at ``path`` as a ``kind``.

    Raises:
        NoSuchNode: there is none.
        StateError: there is one that is not a ``kind``.
    """
    data, _ = store.get(path)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as exc:
        raise StateError(f"{path} does not hold a {getattr(kind, '__name__', kind)}: {exc}") from exc


def write(store: StateStore, path: str, document: object) -> None:
    """Store a document of any kind above as JSON that a person can read."""
    store.set(path, msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
