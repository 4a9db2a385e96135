"""A topology that exists, as nimbus knows it at one moment: values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.control.messages import ErrorReport
from scheduler.plan import PackingPlan
from scheduler.state.records import SettingsRecord, StatusRecord, SubmissionRecord
from scheduler.topology import Topology


@dataclass(frozen=True, slots=True)
class Kept:
    """What is decided at the submission; the state store holds it."""

    topology: Topology
    submission: SubmissionRecord
    packing: PackingPlan


@dataclass(frozen=True, slots=True)
class Alive:
    """A topology whose name is taken; killed ones are alive until they are removed."""

    kept: Kept
    status: StatusRecord
    settings: SettingsRecord = field(default_factory=SettingsRecord)
    troubles: tuple[ErrorReport, ...] = ()
    """What nimbus itself saw go wrong, oldest first; not kept over a restart."""

    has_started: bool = True
    """False: it was submitted inactive and not activated since, so no process of it runs."""

    @property
    def topology_id(self) -> str:
        return self.kept.topology.topology_id

    @property
    def name(self) -> str:
        return self.kept.topology.name
