"""Components that a container has to end, with real processes."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scheduler.packing.round_robin import round_robin
from scheduler.run.components import MAX_UNREAD, ComponentRunner, Components
from scheduler.run.loop import Loop
from scheduler.stream.router import StreamManager
from tests.scheduler.stream.cluster import spout, topology

pytestmark = [pytest.mark.slow, pytest.mark.timeout(20)]


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def sleeper(tmp_path: Path, reports: list[str]) -> Iterator[ComponentRunner]:
    """The runner of a component that neither says nor reads anything."""
    component = replace(spout("a", 1), command=(sys.executable, "-c", "import time; time.sleep(60)"))
    shape = topology(component)
    components = Components(
        Loop(),
        StreamManager(shape, round_robin(shape, 1), 1, 11, random.Random(1)),
        resources=tmp_path,
        pid_dir=tmp_path,
        report=lambda task, text: reports.append(text),
        write_line=lambda local, label, text: None,
    )
    components.start_all(time.monotonic())
    (runner,) = components.runners.values()
    yield runner
    components.stop_all(grace_s=0.0)
    if runner.process is not None:
        runner.process.close()


def test_a_component_that_never_reads_its_answers_is_ended(
    sleeper: ComponentRunner, reports: list[str]
) -> None:
    process = sleeper.process
    assert process is not None
    sleeper.local.urgent += [b"[1]\nend\n"] * MAX_UNREAD
    sleeper.check(time.monotonic())
    (report,) = reports
    assert report == (
        f"does not read its input: {MAX_UNREAD + 1} answers to its emits wait. "
        "Let it read them, or emit with need_task_ids false"
    )
    while process.poll() is None:
        time.sleep(0)
    assert process.poll() == -signal.SIGKILL
