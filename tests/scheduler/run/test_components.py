"""Components that a container has to end, with real processes."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from multilang.session import State
from scheduler.packing.round_robin import round_robin
from scheduler.run.components import MAX_UNREAD, ComponentRunner, Components
from scheduler.run.loop import READ, Loop
from scheduler.stream import spouts
from scheduler.stream.notices import Erred
from scheduler.stream.router import StreamManager
from tests.scheduler.stream.cluster import bolt, spout, topology

pytestmark = [pytest.mark.slow, pytest.mark.timeout(20)]


@pytest.fixture
def reports() -> list[str]:
    return []


@contextmanager
def started(
    code: str,
    folder: Path,
    reports: list[str],
    *,
    conf: Mapping[str, object] | None = None,
    is_bolt: bool = False,
) -> Iterator[ComponentRunner]:
    """Run Python code, or a script of ``folder``, as the only component of a topology."""
    component = bolt("a", 1, reads=[]) if is_bolt else spout("a", 1)
    words = (code,) if code.endswith(".py") else ("-c", code)
    shape = topology(replace(component, command=(sys.executable, *words)), **(conf or {}))
    manager = StreamManager(shape, round_robin(shape, 1), 1, 11, random.Random(1))

    def obey_notices(_now: float) -> None:
        reports.extend(notice.text for notice in manager.take_notices() if isinstance(notice, Erred))

    components = Components(
        Loop(),
        manager,
        resources=folder,
        folder=folder,
        pid_dir=folder,
        report=lambda task, text: reports.append(text),
        write_line=lambda local, label, text: None,
        obey_notices=obey_notices,
    )
    components.start_all(time.monotonic())
    (runner,) = components.runners.values()
    yield runner
    components.stop_all(grace_s=0.0)
    if runner.process is not None:
        while runner.process.poll() is None:
            time.sleep(0)
        runner.process.close()


@pytest.fixture
def sleeper(tmp_path: Path, reports: list[str]) -> Iterator[ComponentRunner]:
    """The runner of a component that neither says nor reads anything."""
    with started("import time; time.sleep(60)", tmp_path, reports) as runner:
        yield runner


@pytest.mark.parametrize(
    ("source", "conf", "limit"),
    [
        ("pystorm", {}, spouts.KNOWN_WINDOW),
        ("pystorm", {"heronry.accelerate": True}, spouts.WIDE_WINDOW),
        ("multilang.client", {}, spouts.WIDE_WINDOW),
    ],
)
def test_a_spout_is_asked_as_often_at_once_as_its_library_allows(
    source: str, conf: dict[str, object], limit: int, tmp_path: Path, reports: list[str]
) -> None:
    (tmp_path / "words.py").write_text(f"import {source}\n")
    with started("words.py", tmp_path, reports, conf=conf) as runner:
        assert runner.local.window_limit == limit


def test_the_last_words_of_a_component_come_before_the_news_of_its_end(
    tmp_path: Path, reports: list[str]
) -> None:
    code = 'print(\'{"pid": 1}\\nend\\n{"command": "error", "msg": "too much"}\\nend\')'
    with started(code, tmp_path, reports) as runner:
        process = runner.process
        assert process is not None
        while process.poll() is None:
            time.sleep(0)
        # Told of its end before anything of its output was read.
        runner._on_exit(0, time.monotonic())
    assert [text.partition(" ")[0] for text in reports] == ["too", sys.executable]


def test_an_end_that_nothing_tells_of_is_seen_by_looking(
    tmp_path: Path, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)  # as on systems without it
    with started("raise SystemExit(7)", tmp_path, reports) as runner:
        process = runner.process
        assert process is not None
        while process.poll() is None:
            time.sleep(0)
        runner.check(time.monotonic())
        assert runner.state == "waiting"
    (report,) = reports
    assert "ended with exit code 7" in report


def test_a_component_that_does_not_answer_in_time_is_ended_once(tmp_path: Path, reports: list[str]) -> None:
    conf = {"heronry.multilang.start.timeout.secs": 1}
    with started("import time; time.sleep(60)", tmp_path, reports, conf=conf) as runner:
        loop, process = runner._host.loop, runner.process
        assert process is not None
        while not reports:
            now = time.monotonic()
            loop.round(now, wake=now + 0.1, waiters_until=0.0)
            if process.poll() is not None:
                runner.kill("for another reason")
    (report,) = reports
    reason, news, *_ = report.split("\n")
    assert reason == "has not answered the handshake within 1 s (heronry.multilang.start.timeout.secs)"
    assert news.startswith(sys.executable)
    assert "was ended by signal 9 (SIGKILL)" in news


def test_a_restart_that_is_wanted_is_no_failure(sleeper: ComponentRunner, reports: list[str]) -> None:
    process = sleeper.process
    assert process is not None
    sleeper.restart(time.monotonic())
    while process.poll() is None:
        time.sleep(0)
    sleeper._on_exit(0, time.monotonic())
    assert process.poll() == -signal.SIGTERM
    assert sleeper.process is not None
    assert sleeper.process.pid != process.pid
    assert (sleeper.state, sleeper.restart_count, reports) == ("starting", 1, [])
    first_of_all = sleeper.process
    first_of_all.kill()
    while first_of_all.poll() is None:
        time.sleep(0)
    sleeper._on_exit(0, time.monotonic())
    assert sleeper.state == "waiting"  # the next end is a failure again
    assert len(reports) == 1
    sleeper.restart(time.monotonic())
    assert sleeper.state == "waiting"


def test_a_component_that_never_reads_its_answers_is_ended(
    sleeper: ComponentRunner, reports: list[str]
) -> None:
    process = sleeper.process
    assert process is not None
    sleeper.local.urgent += [b"[1]\nend\n"] * MAX_UNREAD
    sleeper.check(time.monotonic())
    while process.poll() is None:
        time.sleep(0)
    assert process.poll() == -signal.SIGKILL
    sleeper._on_exit(0, time.monotonic())
    (report,) = reports
    assert report.startswith(
        f"does not read its input: {MAX_UNREAD + 1} answers to its emits wait. "
        "Let it read them, or emit with need_task_ids false\n"
    )


def test_one_that_was_told_to_end_takes_no_descriptor_of_others_along(sleeper: ComponentRunner) -> None:
    process, loop = sleeper.process, sleeper._host.loop
    assert process is not None
    sleeper.stop()
    # The input that was closed gives its number to whatever is opened next.
    ends = [end for _ in range(20) for end in os.pipe()]
    assert process.stdin in ends
    loop.add(process.stdin, READ, lambda _events, _now: None, is_waiter=False)
    process.kill()
    while process.poll() is None:
        time.sleep(0)
    sleeper._on_exit(0, time.monotonic())
    assert loop.has(process.stdin)
    for end in ends:
        os.close(end)


def test_one_that_was_told_to_end_before_it_answered_the_handshake_is_not_started_again(
    sleeper: ComponentRunner, reports: list[str]
) -> None:
    process = sleeper.process
    assert process is not None
    sleeper.stop()
    sleeper.opened()
    process.kill()
    while process.poll() is None:
        time.sleep(0)
    sleeper._on_exit(0, time.monotonic())
    assert (sleeper.state, reports) == ("stopped", [])


def test_a_container_that_was_stopped_itself_blames_no_component_for_silence(
    tmp_path: Path, reports: list[str]
) -> None:
    code = "import time; print('{\"pid\": 1}\\nend', flush=True); time.sleep(60)"
    conf = {"topology.subprocess.timeout.secs": 5}
    with started(code, tmp_path, reports, conf=conf, is_bolt=True) as runner:
        host, now = runner._host, time.monotonic()
        while runner.local.session.state is not State.OPEN:
            now = host.loop.round(now, wake=None, waiters_until=0.0)
        host.check_all(now)
        host.check_all(now + 21)
        assert reports == []
        assert runner.local.urgent  # it is asked for a sign of life
        for second in range(22, 27):
            host.check_all(now + second)
        assert runner.process is not None
        while runner.process.poll() is None:
            time.sleep(0)
        runner._on_exit(0, now + 27)
        (report,) = reports
        assert report.startswith("no message for ")
