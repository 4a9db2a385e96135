"""How much of a TopologyInfo fits into a frame that a client takes: 1 MiB, unless it was told otherwise.

A client closes the connection when a frame is longer than its
``nimbus.thrift.max_buffer_size``, and then `storm monitor` and `get-errors` work no more.
Rather than that, executors tell less; pages tell all.  In this order:

    WHOLE       as Storm: four windows of every counter           1400 bytes a bolt: up to 750 of them
    ALL_TIME    the window ":all-time" alone                       480 bytes: 2100
    EMITTED     of that, what was emitted and transferred          230 bytes: 4500
    SOME        as EMITTED, but nothing of those that emitted       75 bytes: 14000; of 5000, 4400 are told of
                least, as if they had not reported yet

(one input, one stream, short names.)  `storm monitor` shows any component with
EMITTED, and those that are told of with SOME.

Sizes are computed from the binary encoding of Thrift, since encoding ten
megabytes to find that they are too many would take longer than all else.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

from scheduler.topology import DEFAULT_STREAM, Component
from storm_compat.stats.view import ALL_TIME, WINDOWS

_FIELD, _STRING, _MAP, _STOP = 3, 4, 6, 1
"""What the binary encoding spends on the heads of a field, a string, a map, and on the end of a struct."""
_I32, _I64, _DOUBLE = 4, 8, 8


class Detail(enum.Enum):
    """How much an executor tells of itself."""

    WHOLE = enum.auto()
    ALL_TIME = enum.auto()
    EMITTED = enum.auto()
    SOME = enum.auto()

    @property
    def windows(self) -> tuple[str, ...]:
        """Return the windows that are told of."""
        return WINDOWS if self is Detail.WHOLE else (ALL_TIME,)

    @property
    def has_specific(self) -> bool:
        """Return whether it is told what became of tuples, and how long that took."""
        return self in {Detail.WHOLE, Detail.ALL_TIME}


def choose(components: Iterable[Component], host: str, limit_bytes: int) -> tuple[Detail, int]:
    """Return the most detail that fits, and how many bytes remain for the counters with SOME."""
    sized = [(component, component.executor_count) for component in components]
    room = limit_bytes - sum(executor_bytes(c, host) * count for c, count in sized)
    for detail in (Detail.WHOLE, Detail.ALL_TIME, Detail.EMITTED):
        if sum(stats_bytes(component, detail) * count for component, count in sized) <= room:
            return detail, room
    return Detail.SOME, room


def executor_bytes(component: Component, host: str) -> int:
    """Return the size of an ExecutorSummary without its counters."""
    info = _FIELD + 2 * (_FIELD + _I32) + _STOP
    texts = 2 * (_FIELD + _STRING) + _length(component.component) + _length(host)
    return info + texts + 2 * (_FIELD + _I32) + _STOP


def stats_bytes(component: Component, detail: Detail) -> int:
    """Return the size of what an executor counted, and of the field it stands in; ackers count nothing."""
    if component.is_system:
        return 0
    by_stream = sum(_STRING + _length(s) + _I64 for s in [*component.streams] or [DEFAULT_STREAM])
    by_input = sum(
        2 * (_FIELD + _STRING) + _length(i.source) + _length(i.stream) + _STOP + _I64
        for i in component.inputs
    )
    inner, count = (by_stream, 3) if component.is_spout else (by_input, 5)
    specific = count * _windows_bytes(detail.windows if detail.has_specific else (), inner)
    return (
        _FIELD
        + 2 * _windows_bytes(detail.windows, by_stream)
        + (_FIELD + _FIELD + specific + _STOP + _STOP)
        + (_FIELD + _DOUBLE)
        + _STOP
    )


def _windows_bytes(windows: Sequence[str], inner_bytes: int) -> int:
    return _FIELD + _MAP + sum(_STRING + _length(window) + _MAP + inner_bytes for window in windows)


def _length(text: str) -> int:
    return len(text.encode())
