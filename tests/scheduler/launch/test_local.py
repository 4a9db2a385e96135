"""Containers as real processes: started, adopted, awaited, ended with all they left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from scheduler.errors import LaunchError
from scheduler.launch import processes
from scheduler.launch.local import LocalLauncher
from scheduler.layout import Layout
from scheduler.state.records import ProcessRecord

pytestmark = [pytest.mark.slow, pytest.mark.timeout(30)]

CHECKOUT = Path(__file__).parents[3]
SAY_READY = "print('ready', flush=True); "
SLEEP = f"import time; {SAY_READY}time.sleep(60)"
STUBBORN = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAY_READY}time.sleep(60)"
# A child in a session of its own that ignores SIGTERM, as a component may be, and a grandchild like it.
FAMILY = (
    "import subprocess, sys, time\n"
    f"stubborn = {STUBBORN!r}\n"
    'middle = \'import subprocess, sys, time; subprocess.Popen([sys.executable, "-c", %r],'
    " start_new_session=True); time.sleep(60)' % stubborn\n"
    "subprocess.Popen([sys.executable, '-c', middle], start_new_session=True)\n"
    "time.sleep(60)\n"
)


class Program:
    """Every container runs the same text of Python, or one of its own."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.texts: dict[tuple[str, int], str] = {}

    def __call__(self, topology_id: str, container_id: int) -> list[str]:
        return [sys.executable, "-c", self.texts.get((topology_id, container_id), self.text)]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "root")


@pytest.fixture
def program() -> Program:
    return Program(SLEEP)


@pytest.fixture
def launcher(layout: Layout, program: Program) -> Iterator[LocalLauncher]:
    launcher = LocalLauncher(layout, argv=program)
    yield launcher
    for topology_id in ("a", "a-1", "b"):
        launcher.sweep(topology_id)
    for child in list(launcher._children.values()):
        asyncio.run(launcher.wait(child.record))
    assert marked(launcher) == []


def marked(launcher: LocalLauncher) -> list[str]:
    root = launcher.mark("x", 0).split("/")[0]
    return sorted(mark for mark in processes.marks()[0].values() if mark.startswith(f"{root}/"))


def until(is_so: Callable[[], bool]) -> None:
    """Return when the world is as it should be; the test's timeout is the limit."""
    while not is_so():
        time.sleep(0.01)


def until_ready(layout: Layout, topology_id: str, container_id: int) -> None:
    log = layout.worker_log(topology_id, container_id) if container_id else layout.topology_log(topology_id)
    until(lambda: "ready" in log.read_text())


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_command_lines_are_simple(layout: Layout) -> None:
    launcher = LocalLauncher(layout, python="/opt/python")
    root = str(layout.root)
    assert launcher._our_argv("-a b-1-2", 0) == [
        "/opt/python", "-m", "scheduler.run.topology", "--root", root, "--topology=-a b-1-2",
    ]  # fmt: skip
    assert launcher._our_argv("a", 3) == [
        "/opt/python", "-m", "scheduler.run.container", "--root", root, "--topology=a", "--container", "3",
    ]  # fmt: skip


def test_our_modules_are_found_from_a_checkout_without_pythonpath(
    layout: Layout, program: Program, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir("/")

    # -m with a module that ends at once; what it prints shows where it was found.
    def argv(_: str, __: int) -> list[str]:
        return [sys.executable, "-v", "-m", "scheduler.plan"]

    ours = LocalLauncher(layout, argv=argv)
    record = ours.start("a", 1)
    assert asyncio.run(ours.wait(record)) == 0
    assert str(CHECKOUT / "scheduler") in layout.worker_log("a", 1).read_text()


def test_a_container_gets_a_session_nothing_to_read_its_log_and_no_descriptor_of_ours(
    layout: Layout, program: Program, launcher: LocalLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    monkeypatch.setenv(processes.MARKER, "that/of/ours")
    monkeypatch.setenv("KEPT", "yes")
    program.text = (
        "import os, sys\n"
        "print('session', os.getsid(0) == os.getpid(), 'stdin', sys.stdin.read() == '')\n"
        "print('open', sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1])\n"
        "e = os.environ\n"
        "print('buffered', 'PYTHONUNBUFFERED' not in e, e['KEPT'], e['HERONRY_CONTAINER'].split('/')[1:])\n"
        "print('to stderr', file=sys.stderr)\n"
    )
    log = layout.worker_log("a", 2)
    log.parent.mkdir(parents=True)
    log.write_text("earlier life\n")
    with (layout.root / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)  # as a C library may leave it
        record = launcher.start("a", 2)
        assert asyncio.run(launcher.wait(record)) == 0
    assert sorted(log.read_text().splitlines()) == [
        "buffered True yes ['a', '2']",
        "earlier life",
        "open [0, 1, 2]",
        "session True stdin True",
        "to stderr",
    ]


def test_the_topology_process_writes_into_its_own_log(
    layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    program.text = "print('hello')"
    asyncio.run(launcher.wait(launcher.start("a", 0)))
    assert layout.topology_log("a").read_text() == "hello\n"


def test_a_program_that_is_not_there_is_named(layout: Layout) -> None:
    launcher = LocalLauncher(layout, python="/not/there/python")
    with pytest.raises(
        LaunchError, match=r"container 1 of a cannot be started with /not/there/python: .*No such"
    ):
        launcher.start("a", 1)


def test_a_log_that_cannot_be_written_is_named(layout: Layout, launcher: LocalLauncher) -> None:
    layout.root.mkdir()
    layout.logs.write_text("a file where a folder should be")
    with pytest.raises(LaunchError, match=r"container 1 of a cannot write its log: .* at .*worker\.log"):
        launcher.start("a", 1)


@pytest.mark.parametrize("topology_id", ["", "a/b", "a\0b"])
def test_an_id_that_would_blur_the_mark_is_refused(launcher: LocalLauncher, topology_id: str) -> None:
    with pytest.raises(LaunchError, match="cannot be the id of a topology"):
        launcher.start(topology_id, 1)
    with pytest.raises(LaunchError, match="cannot be the id of a topology"):
        launcher.sweep(topology_id)


def test_wait_tells_the_exit_code_or_the_signal_and_leaves_no_zombie(
    program: Program, launcher: LocalLauncher
) -> None:
    program.text = "raise SystemExit(3)"
    first = launcher.start("a", 1)
    assert asyncio.run(launcher.wait(first)) == 3
    program.text = SLEEP
    second = launcher.start("a", 1)
    os.kill(second.pid, signal.SIGKILL)
    assert asyncio.run(launcher.wait(second)) == -9
    assert not exists(first.pid)
    assert not exists(second.pid)
    assert asyncio.run(launcher.wait(second)) is None  # told once already


def test_several_may_wait_for_one_process(program: Program, launcher: LocalLauncher) -> None:
    record = launcher.start("a", 1)

    async def both() -> list[int | None]:
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(launcher.wait(record)) for _ in range(2)]
            await asyncio.sleep(0)
            os.kill(record.pid, signal.SIGKILL)
        return [wait.result() for wait in waits]

    assert asyncio.run(both()) == [-9, -9]


def test_a_wait_that_is_given_up_leaves_no_descriptor_and_can_be_repeated(launcher: LocalLauncher) -> None:
    record = launcher.start("a", 1)

    async def give_up() -> tuple[int, int]:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  names are enough
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await launcher.wait(record)
        return before, len(os.listdir("/proc/self/fd"))  # noqa: PTH208  names are enough

    before, after = asyncio.run(give_up())
    assert before == after
    os.kill(record.pid, signal.SIGTERM)
    assert asyncio.run(launcher.wait(record)) == -15


def test_without_pidfd_the_end_is_found_by_asking(launcher: LocalLauncher) -> None:
    record = launcher.start("a", 1)

    async def wait() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(
                processes.ended(record.pid, is_over=lambda: not launcher.is_alive(record), use_pidfd=False)
            )
            await asyncio.sleep(0)
            os.kill(record.pid, signal.SIGKILL)

    asyncio.run(wait())
    assert not launcher.is_alive(record)


def test_a_pid_that_was_taken_over_is_another_process(layout: Layout, launcher: LocalLauncher) -> None:
    record = launcher.start("a", 1)
    other = replace(record, birth=record.birth - 0.01)  # one tick of the kernel
    assert (launcher.is_alive(record), launcher.is_alive(other)) == (True, False)
    assert asyncio.run(launcher.wait(other)) is None
    asyncio.run(launcher.stop(other, grace_s=0.0))
    assert launcher.is_alive(record)


def test_a_process_of_somebody_else_is_never_taken_for_ours(layout: Layout, launcher: LocalLauncher) -> None:
    # Same pid and same birth, as after a restart of the machine: the mark tells.
    me = ProcessRecord(pid=os.getpid(), birth=processes.birth(os.getpid()) or 0.0)
    assert not launcher.is_alive(me)
    asyncio.run(launcher.stop(me, grace_s=0.0))


def test_what_a_killed_launcher_started_lives_on_and_is_adopted(
    layout: Layout, launcher: LocalLauncher
) -> None:
    program = (
        "import sys, time, pathlib, msgspec\n"
        "from scheduler.launch.local import LocalLauncher\n"
        "from scheduler.layout import Layout\n"
        f"argv = lambda t, c: [sys.executable, '-c', {SLEEP!r}]\n"
        "record = LocalLauncher(Layout(pathlib.Path(sys.argv[1])), argv=argv).start('a', 1)\n"
        "print(msgspec.json.encode(record).decode(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(layout.root)], cwd=CHECKOUT, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        record = msgspec.json.decode(parent.stdout.readline(), type=ProcessRecord)
        until_ready(layout, "a", 1)
        parent.kill()
    assert launcher.is_alive(record)

    async def adopt() -> int | None:
        async with asyncio.TaskGroup() as group:
            wait = group.create_task(launcher.wait(record))
            await asyncio.sleep(0)
            await launcher.stop(record, grace_s=10.0)
        return wait.result()

    assert asyncio.run(adopt()) is None
    assert not launcher.is_alive(record)


def test_stop_lets_a_process_end_by_itself(layout: Layout, program: Program, launcher: LocalLauncher) -> None:
    program.text = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True); time.sleep(60)\n"
    )
    record = launcher.start("a", 1)
    until_ready(layout, "a", 1)

    async def stop() -> int | None:
        async with asyncio.TaskGroup() as group:
            wait = group.create_task(launcher.wait(record))
            await asyncio.sleep(0)
            await launcher.stop(record, grace_s=20.0)
        return wait.result()

    assert asyncio.run(stop()) == 5
    asyncio.run(launcher.stop(record, grace_s=20.0))


def test_stop_kills_after_the_grace_and_takes_the_family_along(
    layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    program.text = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FAMILY}"
    record = launcher.start("a", 1)
    until_ready(layout, "a", 1)
    assert len(marked(launcher)) == 3
    asyncio.run(launcher.stop(record, grace_s=0.05))
    assert marked(launcher) == []
    assert not exists(record.pid)


def test_stop_spares_the_container_that_takes_the_place_meanwhile(launcher: LocalLauncher) -> None:
    record = launcher.start("a", 1)
    is_replaced = threading.Event()

    async def replace() -> ProcessRecord:
        await launcher.wait(record)
        successor = launcher.start("a", 1)
        is_replaced.set()
        return successor

    async def stop() -> ProcessRecord:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        loop.run_in_executor(None, is_replaced.wait)  # a machine so busy that the sweep comes late
        async with asyncio.TaskGroup() as group:
            successor = group.create_task(replace())
            await asyncio.sleep(0)
            await launcher.stop(record, grace_s=20.0)
        return successor.result()

    assert launcher.is_alive(asyncio.run(stop()))


def test_sweep_finds_what_a_dead_container_left_in_other_sessions(
    layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    program.text = FAMILY
    record = launcher.start("a", 1)
    until_ready(layout, "a", 1)
    os.kill(record.pid, signal.SIGKILL)
    asyncio.run(launcher.wait(record))
    assert len(marked(launcher)) == 2
    assert launcher.sweep("a", 1) == 2
    assert marked(launcher) == []
    assert launcher.sweep("a", 1) == 0


def test_sweep_takes_who_hides_the_mark_but_stayed_in_the_group(
    layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    program.text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}], env={{}})"
    record = launcher.start("a", 1)
    until_ready(layout, "a", 1)
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    hidden = [pid for pid in pids if _group(pid) == record.pid]
    assert len(hidden) == 2
    assert launcher.sweep("a", 1) == 1
    asyncio.run(launcher.wait(record))
    until(lambda: all(processes.has_ended(pid) for pid in hidden))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def test_sweep_meets_that_container_alone(
    tmp_path: Path, layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    spared = [
        launcher.start("a-1", 1),
        launcher.start("a", 10),
        launcher.start("a", 0),
        launcher.start("b", 1),
    ]
    elsewhere = LocalLauncher(Layout(tmp_path / "root2"), argv=program)
    foreign = elsewhere.start("a", 1)
    meant = launcher.start("a", 1)

    assert launcher.sweep("a", 1) == 1
    assert asyncio.run(launcher.wait(meant)) == -9
    assert [launcher.is_alive(record) for record in spared] == [True] * 4
    assert launcher.sweep("a") == 2
    for record in spared[1:3]:
        assert asyncio.run(launcher.wait(record)) == -9
    assert [launcher.is_alive(spared[0]), launcher.is_alive(spared[3])] == [True, True]
    assert elsewhere.is_alive(foreign)
    assert elsewhere.sweep("a") == 1
    asyncio.run(elsewhere.wait(foreign))


def test_two_names_of_one_root_are_one_root(tmp_path: Path, layout: Layout, launcher: LocalLauncher) -> None:
    layout.root.mkdir()
    (tmp_path / "link").symlink_to(layout.root)
    assert LocalLauncher(Layout(tmp_path / "link")).mark("a", 1) == launcher.mark("a", 1)


def test_containers_of_a_topology_process_carry_their_own_marks_and_the_sweeper_spares_itself(
    layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    program.texts["a", 0] = (
        "import asyncio, sys, pathlib\n"
        "from scheduler.launch.local import LocalLauncher\n"
        "from scheduler.layout import Layout\n"
        f"argv = lambda t, c: [sys.executable, '-c', {SLEEP!r}]\n"
        f"launcher = LocalLauncher(Layout(pathlib.Path({str(layout.root)!r})), argv=argv)\n"
        "records = [launcher.start('a', n) for n in (1, 2)]\n"
        "print('swept', launcher.sweep('a', 1), *map(launcher.is_alive, records))\n"
        "print('swept', launcher.sweep('a'), 'and lives', flush=True)\n"
        "launcher.start('a', 3)\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read(); import time; time.sleep(60)\n"
    )
    launcher.start("a", 0)
    until_ready(layout, "a", 0)
    assert layout.topology_log("a").read_text() == "swept 1 False True\nswept 1 and lives\nready\n"
    assert marked(launcher) == [launcher.mark("a", 0), launcher.mark("a", 3)]
    assert launcher.sweep("a") == 2


def test_sweep_sees_who_is_still_between_two_programs(launcher: LocalLauncher) -> None:
    # Just started: for some moments the kernel has no environment to show.
    for _ in range(30):
        record = launcher.start("a", 1)
        assert launcher.sweep("a", 1) == 1
        assert asyncio.run(launcher.wait(record)) == -9


def test_sweep_ends_those_too_that_are_born_meanwhile(
    layout: Layout, program: Program, launcher: LocalLauncher
) -> None:
    # Children in sessions of their own, one a millisecond, all gone by themselves after some seconds.
    program.text = (
        "import os, time\n"
        "for n in range(1000):\n"
        "    if not os.fork(): os.setsid(); time.sleep(5); os._exit(0)\n"
        "    if n == 50: print('ready', flush=True)\n"
        "    time.sleep(0.001)\n"
    )
    record = launcher.start("a", 1)
    until_ready(layout, "a", 1)
    assert launcher.sweep("a", 1) > 50
    assert marked(launcher) == []
    assert asyncio.run(launcher.wait(record)) == -9


def test_marks_are_the_same_without_proc(launcher: LocalLauncher) -> None:
    record = launcher.start("a", 1)
    until(lambda: processes.mark_of(record.pid) is not None)
    for found in (processes.marks_from_psutil()[0], processes.marks()[0]):
        assert {pid for pid, mark in found.items() if mark == launcher.mark("a", 1)} == {record.pid}
