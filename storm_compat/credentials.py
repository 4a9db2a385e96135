"""Whose credentials may be uploaded to a topology. Pure; the values themselves are never looked at.

Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java (uploadNewCredentials)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storm_compat.errors import NotAuthorized


def refuse_foreign(topology_id: str, conf: Mapping[str, Any], expected_owner: str | None) -> None:
    """Return if the topology belongs to who the caller thinks it does; None: it did not say.

    Raises:
        NotAuthorized: it belongs to somebody else; Storm's text.
    """
    principal, user = conf.get("topology.submitter.principal"), conf.get("topology.submitter.user")
    if expected_owner is None or expected_owner in (principal, user):
        return
    owner = principal or user
    raise NotAuthorized(
        f"{topology_id} is expected to be owned by {expected_owner} but is actually owned by {owner}"
    )
