"""What becomes of a submission: names, conf, plan. Pure but for the time that compiling a large one takes.

Submission  ->  Accepted: all that is kept of it      or Storm's reason why not
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scheduler.packing.round_robin import round_robin
from scheduler.state.records import SubmissionRecord
from storm_compat import blob_map
from storm_compat import conf as confs
from storm_compat.alive import Kept
from storm_compat.blob_map import Link
from storm_compat.compile import Compiled, compile_topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One submitTopology call, conf already parsed, jar already found."""

    name: str
    conf: Mapping[str, Any]
    code: Any
    """The StormTopology as it came."""

    jar: Path
    is_active: bool = True
    credentials: Mapping[str, str] = field(default_factory=dict)
    principal: str | None = None
    """Who submits it and will own it; None: the user that nimbus runs as."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A submission that can be run, not kept anywhere yet."""

    kept: Kept
    compiled: Compiled
    stored: Mapping[str, Any]
    """The conf that is kept and shown."""

    conf: Mapping[str, Any]
    """The conf that holds."""

    links: tuple[Link, ...]


def accept(
    submission: Submission,
    cluster_conf: Mapping[str, Any],
    *,
    number: int,
    now: float,
    owner: str,
    slot_count: int,
) -> Accepted:
    """Return what a submission becomes.

    Args:
        submission: as it came.
        cluster_conf: below what was submitted.
        number: of submissions so far, this one included.
        now: seconds since the epoch.
        owner: if nobody signed in.
        slot_count: containers that one topology may have.

    Raises:
        InvalidTopology, TopologyError: it cannot be run.
    """
    owner = submission.principal or owner
    topology_id = f"{submission.name}-{number}-{int(now)}"
    stored = confs.stored(
        submission.conf,
        cluster_conf,
        topology_id=topology_id,
        name=submission.name,
        owner=owner,
        principal=submission.principal,
    )
    conf = confs.effective(cluster_conf, stored)
    links = blob_map.parse(conf)
    compiled = compile_topology(submission.name, topology_id, conf, submission.code)
    packing = round_robin(compiled.topology, min(int(conf["topology.workers"]), slot_count))
    dependencies = tuple(submission.code.dependency_jars or ())
    record = SubmissionRecord(now, owner, submission.code.storm_version, dependencies)
    return Accepted(Kept(compiled.topology, record, packing), compiled, stored, conf, links)
