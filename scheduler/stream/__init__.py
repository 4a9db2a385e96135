"""The stream manager's mind: which tuple goes to which task, what is acked, who is held back.

In here: routing, groupings, acks, flow control and the links to other
containers, as bytes and events in, bytes and commands out; the only folder
on a tuple's way, so its costs are counted per tuple.  Not in here: sockets,
pipes, clocks, logs, the state store.
"""

from __future__ import annotations

from importlib import util
from importlib.machinery import EXTENSION_SUFFIXES


def is_compiled() -> bool:
    """Return whether the way of a tuple is compiled in this installation; see setup.py."""
    spec = util.find_spec(f"{__name__}.tuples")
    return spec is not None and str(spec.origin).endswith(tuple(EXTENSION_SUFFIXES))
