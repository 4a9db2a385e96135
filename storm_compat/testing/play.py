"""From a test's topology to one that runs in this process (`scheduler.testing`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from multilang.testing import TestingError
from scheduler.errors import SchedulerError
from scheduler.packing.round_robin import round_robin
from scheduler.testing.played import PlayedTopology
from storm_compat import conf as confs
from storm_compat.compile import compile_topology
from storm_compat.errors import CompatError
from storm_compat.testing.drafts import draft

_HERE: Final = {"pystorm.log.format": "%(message)s", "topology.workers": 1}


def play(
    topology: Any,
    *,
    conf: Mapping[str, Any] | None = None,
    name: str | None = None,
    environment: str | None = None,
    seed: int = 1,
    raises: bool = True,
) -> PlayedTopology:
    """Return a topology that runs in this process, at its virtual time 0.

    Args:
        topology: a streamparse Topology class, or a dict of component id -> `spout` or `bolt`.
        conf: options over those of the topology, as ``-o`` of ``heronry submit``.
        name: of the topology.
        environment: for ``par`` of a streamparse topology, where that differs by environment.
        seed: what shuffle groupings are decided by.
        raises: whether exceptions of components are also the test's; else a component that ends is started
            anew, as in a container.

    Raises:
        TestingError: it would be refused by Nimbus, or cannot be run here; says why.
    """
    given = draft(topology, name=name, environment=environment)
    cluster = confs.cluster({})
    submitted = {**_HERE, **given.conf, **(conf or {})}
    topology_id = f"{given.name}-1-0"
    try:
        confs.check(submitted)
        stored = confs.stored(submitted, cluster, topology_id=topology_id, name=given.name, owner="test")
        effective = confs.effective(cluster, stored)
        compiled = compile_topology(given.name, topology_id, effective, given.code)
        plan = round_robin(compiled.topology, int(effective["topology.workers"]))
    except (CompatError, SchedulerError) as exc:
        raise TestingError(f"the topology would be refused: {exc}") from exc
    return PlayedTopology(compiled.topology, given.classes, plan, seed=seed, raises=raises)
