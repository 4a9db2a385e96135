"""Runs one component class in this process, for its author's tests: no host, no pipes, no processes.

    from multilang.testing import run

    split = run(Split, inputs=["sentence"])
    assert split.send(["the cow"]).emitted == [["the"], ["cow"]]

With pytest the fixture `component` does the same and ends what it started.
Takes classes written on pystorm, streamparse and `multilang.client` alike,
and drives them through the protocol's own messages: what a test sees is what
a host would.
"""

from multilang.testing.bolt_run import BoltRun
from multilang.testing.component_run import ComponentRun, Start, run
from multilang.testing.errors import ComponentEnded, TestingError
from multilang.testing.hosted import Hosted
from multilang.testing.outcome import Emit, LogLine, Metric, Outcome, Recorder
from multilang.testing.spout_run import SpoutRun

__all__ = [
    "BoltRun",
    "ComponentEnded",
    "ComponentRun",
    "Emit",
    "Hosted",
    "LogLine",
    "Metric",
    "Outcome",
    "Recorder",
    "SpoutRun",
    "Start",
    "TestingError",
    "run",
]
