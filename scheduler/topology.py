"""A topology as this room sees it: components, streams, groupings, task ids.

Made once by `storm_compat.compile` from what a client sent, kept in the state
store as JSON, never changed afterwards.  Knows neither Thrift nor processes.

    Topology
      Component  "split"   tasks 2,3   command ("streamparse_run", "bolts.split.Split")
        Stream   "default" fields ("word",)
        Input    from "lines"/"default" by Grouping(SHUFFLE)
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

DEFAULT_STREAM = "default"


class GroupingKind(enum.Enum):
    """How the tuples of a stream are spread over the tasks of a subscriber."""

    SHUFFLE = "shuffle"
    FIELDS = "fields"
    ALL = "all"
    GLOBAL = "global"  # the lowest task; Storm's wire form is a fields grouping without fields
    NONE = "none"
    DIRECT = "direct"
    LOCAL_OR_SHUFFLE = "local_or_shuffle"
    PARTIAL_KEY = "partial_key"  # two tasks share a key; without fields the key is the first value


@dataclass(frozen=True, slots=True)
class Grouping:
    """A kind and, for ``FIELDS`` and ``PARTIAL_KEY`` alone, the names of the fields."""

    kind: GroupingKind
    fields: tuple[str, ...] = ()
    word: str = ""
    """What components are told of it where that does not follow from the kind: it came as a Java object."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What a component declares about one of its outputs."""

    fields: tuple[str, ...]
    is_direct: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One subscription of a bolt."""

    source: str
    stream: str
    grouping: Grouping


@dataclass(frozen=True, slots=True)
class Component:
    """A spout or a bolt with everything needed to run its tasks."""

    component: str
    is_spout: bool
    command: tuple[str, ...]
    """The argument vector of one task; empty for a system component, which has no process."""

    streams: Mapping[str, Stream]
    inputs: tuple[Input, ...]
    tasks: tuple[int, ...]
    """Task ids, ascending and contiguous; fixed for the topology's life."""

    executor_count: int
    """Storm's parallelism; only reported, since here each task is a process of its own."""

    conf: Mapping[str, Any] = field(default_factory=dict)
    """What this component sets over the topology's conf, already stripped to what Storm honours."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """What this component adds to its container's environment; its PATH goes behind the container's."""

    changes_directory: bool = True
    """Whether it runs in the folder of the topology's code, or else in its container's."""

    is_system: bool = False
    """True for ``__acker`` and the like: they have task ids, but no process."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything the scheduler must know about one submitted topology."""

    topology_id: str
    name: str
    components: tuple[Component, ...]
    """Ascending by id, system components included."""

    conf: Mapping[str, Any] = field(default_factory=dict)
    """The effective topology conf: the cluster's defaults below what was submitted."""

    def component(self, component: str) -> Component:
        """Return the component of that id.

        Raises:
            KeyError: the topology has none.
        """
        for candidate in self.components:
            if candidate.component == component:
                return candidate
        raise KeyError(component)

    def component_of(self) -> dict[int, str]:
        """Return task id -> component id, system components included."""
        return {task: c.component for c in self.components for task in c.tasks}

    def component_conf(self, component: Component) -> dict[str, Any]:
        """Return the conf as the tasks of ``component`` see it."""
        return {**self.conf, **component.conf}

    def consumers(self, component: str, stream: str) -> list[tuple[Component, Grouping]]:
        """Return who subscribes to a stream and how, ascending by component id."""
        return [
            (c, i.grouping)
            for c in self.components
            if not c.is_system
            for i in c.inputs
            if i.source == component and i.stream == stream
        ]


def to_json(topology: Topology) -> bytes:
    """Return the topology as one JSON document."""
    return msgspec.json.encode(topology)


def from_json(data: bytes) -> Topology:
    """Return the topology that `to_json` wrote.

    Raises:
        msgspec.ValidationError: the document is not one of ours.
    """
    return msgspec.json.decode(data, type=Topology)
