"""Which keys of a submission look like settings of Heronry's, and are none: nobody else would notice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from scheduler.config import StreamConfig
from scheduler.run.metrics_log import GAUGES
from storm_compat.cli.connect import nearest
from storm_compat.client import decode_topology

_PREFIX: Final = "heronry."


def warnings(conf: Mapping[str, Any], topology: bytes) -> list[str]:
    """Return what to tell the user, one text a key.

    Args:
        conf: the topology's.
        topology: the StormTopology in its Thrift binary form, with the confs of its components.
    """
    known = [key for key in (*StreamConfig.keys(), GAUGES) if key.startswith(_PREFIX)]
    code = decode_topology(topology)
    own = [part.common.json_conf for part in (*code.spouts.values(), *code.bolts.values())]
    given = {*conf, *(key for text in own for key in _keys(text))}
    return [
        f"Warning: {key} is no setting of topologies, and does nothing. "
        + (nearest(key, known) or f"There are: {', '.join(sorted(known))}")
        for key in sorted(given)
        if key.startswith(_PREFIX) and key not in known
    ]


def _keys(text: str | None) -> list[str]:
    """Return the keys of a component's conf; none if Nimbus is going to refuse it anyway."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return []
    return [*found] if isinstance(found, dict) else []
