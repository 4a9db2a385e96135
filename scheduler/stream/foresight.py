"""Which task ids may be told before the tuple is there. Pure.

A component that waits for the task ids of each emit costs a round trip a
tuple.  Where its library keeps lists that come early (`multilang.library`),
it is sent a supply of them, and finds the answer in its input at once.  That
is right only where neither the values nor the stream of a tuple have a say:

* one stream whose groupings do not look at values; where they choose, as a
  shuffle does, they choose now, and the tuple to come goes there;
* or several streams whose tuples all go to the same tasks, such as none.

Direct streams do not count: whoever names the task is not answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from multilang import codec
from scheduler.stream.routing import Route, Slots

SUPPLY_COUNT = 64
"""Lists sent ahead: half of it is what a fast component emits while it is not looked at."""

_SUPPLY_BYTES = 8192
_LEAST_COUNT = 4
_NO_VALUES = msgspec.Raw(b"[]")


@dataclass(frozen=True, slots=True)
class Foresight:
    """How to answer emits that are still to come."""

    choose: Callable[[], Slots]
    """Returns where the next tuple will go of those nothing was told of yet."""

    supply_count: int
    """Answers sent ahead at most; new ones are sent when half of them are used up."""


def foresee(routes: Mapping[str, Route]) -> Foresight | None:
    """Return how to choose targets before there is a tuple; None where nobody can."""
    plain = [route for route in routes.values() if not route.has_direct]
    if not plain:
        return None
    first = plain[0]
    if (always := first.fixed) is not None:
        if not all(r.fixed is not None and _tasks(r.fixed) == _tasks(always) for r in plain):
            return None

        def choose() -> Slots:
            return always
    elif len(plain) == 1 and not first.reads_values:

        def choose() -> Slots:
            return first.choose(_NO_VALUES)
    else:
        return None
    # Long lists, of a grouping to all of very many tasks, would fill the component's pipe and memory.
    count = min(SUPPLY_COUNT, _SUPPLY_BYTES // len(render(choose())))
    return Foresight(choose, count) if count >= _LEAST_COUNT else None


def render(slots: Slots) -> bytes:
    """Return the answer to an emit that went there."""
    return codec.render_task_ids(_tasks(slots))


def _tasks(slots: Slots) -> list[int]:
    return [target.task for target, _ in slots]
