"""Fixtures of pytest for authors of components and topologies; loaded by its entry point.

    component    run a class in this process, step by step
    topology     run a whole topology in this process, in virtual time
    cluster      run topologies for real, in containers

Imports nothing of ours before a test asks for one of them, so that those who
ask for none pay nothing.  A fixture of the same name in a conftest.py comes
first; ``-p no:heronry`` leaves all of them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from multilang.testing import BoltRun, SpoutRun, Start
    from scheduler.testing.played import PlayedTopology
    from storm_compat.testing.drafts import Part
    from storm_compat.testing.real import RealCluster


@pytest.fixture
def component() -> Iterator[Start]:
    """Start component classes: ``component(Split, inputs=["sentence"]).send(["a b"])``."""
    from multilang.testing import run

    with ExitStack() as stack:

        def start(component_class: Any, **options: Any) -> BoltRun | SpoutRun:
            started: BoltRun | SpoutRun = run(component_class, **options)
            stack.callback(started.close)
            return started

        yield cast("Start", start)


class PlayTopology:
    """What the fixture `topology` is: to be called; has what a description is made of, too."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, topology: Any, **options: Any) -> PlayedTopology:
        """Return a topology that runs in this process; see `storm_compat.testing.play.play`."""
        from storm_compat.testing.play import play

        return self._stack.enter_context(play(topology, **options))

    def spout(self, component_class: type, *args: Any, **options: Any) -> Part:
        """Return a spout for a description; see `storm_compat.testing.drafts.spout`."""
        from storm_compat.testing.drafts import spout

        return spout(component_class, *args, **options)

    def bolt(self, component_class: type, *args: Any, **options: Any) -> Part:
        """Return a bolt for a description; see `storm_compat.testing.drafts.bolt`."""
        from storm_compat.testing.drafts import bolt

        return bolt(component_class, *args, **options)


@pytest.fixture
def topology() -> Iterator[PlayTopology]:
    """Run topologies in this process, in virtual time: ``topology(WordCount).run(10)``."""
    with ExitStack() as stack:
        yield PlayTopology(stack)


@pytest.fixture
def cluster() -> Iterator[RealCluster]:
    """Run topologies for real: ``cluster.submit(WordCount)``; nothing is left after the test."""
    from storm_compat.testing.real import RealCluster

    with RealCluster() as real:
        yield real
