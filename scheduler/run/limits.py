"""How many files this process may have open: sockets and pipes count, and the usual 1024 are soon used up."""

from __future__ import annotations

import resource

SPARE = 256
"""Descriptors for everything that is not counted: logs, state, the loop, a start under way."""


def allow_descriptors(count: int) -> int:
    """Let this process open ``count`` files and some more, as far as the system lets us.

    Returns:
        for how many there is room now; fewer than ``count`` where the hard limit is in the way.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return count if soft == resource.RLIM_INFINITY else min(count, max(soft - SPARE, 1))
