"""What the tasks of a word count may have reported, for pages to show."""

from scheduler.control.messages import Answer, ContainerState, ErrorReport
from tests.storm_compat.views import NOW, report

ANSWER = Answer(
    True,
    [ContainerState(1, 5, True, 0, 7.5, "h", 1), ContainerState(2, 6, True, 3, 8.0, "h", 2)],
    [
        report(
            3,
            "count",
            emitted={"default": 5},
            transferred={"default": 2},
            executed={"words:default": 9},
            acked={"words:default": 8},
            failed={"words:default": 1},
            latency_ms_sum={"words:default": 6.0},
            latency_count={"words:default": 4},
            pending_count=1,
            queued_bytes=100,
            restart_count=2,
        ),
        report(
            4, "count", executed={"words:default": 1}, acked={"words:default": 1}, held_ms=1500, busy_ms=250
        ),
        report(
            5,
            "words",
            emitted={"default": 9, "__own": 4},
            transferred={"default": 18, "__own": 4},
            acked={"default": 7},
            failed={"default": 2},
            latency_ms_sum={"default": 3.0},
            latency_count={"default": 2},
        ),
    ],
    [ErrorReport("count", 4, "old", NOW - 9), ErrorReport("count", 4, "new", NOW - 1)],
)
