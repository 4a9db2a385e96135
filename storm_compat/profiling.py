"""Storm's profiling actions, as far as they mean something without a JVM. Pure.

Of Storm's six only JVM_RESTART does: it ends a worker, which is started
again.  The others dump or record the inside of a JVM; they are refused with
a hint, not accepted and forgotten.
"""

from __future__ import annotations

from typing import Any

from scheduler.layout import FIRST_SLOT
from storm_compat.errors import InvalidSetting, NotForUs
from storm_compat.thrift import idl


def to_restart(request: Any) -> list[int]:
    """Return the containers, each once, that a ProfileRequest asks to be started again.

    Raises:
        NotForUs: it asks for something else.
        InvalidSetting: it names no worker.
    """
    storm = idl.load()
    if request is None or request.nodeInfo is None or not request.nodeInfo.port:
        raise InvalidSetting("The request names no worker: nodeInfo must have a port, such as 6700")
    if request.action != storm.ProfileAction.JVM_RESTART:
        names = {number: name for name, number in storm.ProfileAction._NAMES_TO_VALUES.items()}  # noqa: SLF001
        raise NotForUs(
            f"{names.get(request.action, request.action)} needs a JVM, and workers here have none. "
            "JVM_RESTART starts a worker again; for stacks of Python components use a tool such as py-spy"
        )
    return sorted({int(port) - FIRST_SLOT + 1 for port in request.nodeInfo.port})
