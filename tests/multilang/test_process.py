import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multilang import codec
from multilang.command import Launch
from multilang.errors import LaunchFailed
from multilang.events import Ack, Emit, ErrorReported, Event, Ready, Sync
from multilang.process import ShellProcess
from multilang.session import Kind, ShellSession

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

PYSTORM_CHILD = Path(__file__).parent / "children" / "pystorm_words.py"
BLOCKING_CHILD = Path(__file__).parent.parent / "children" / "blocking_child.py"
CONTAINER = """
import os, pathlib, time
from multilang.command import Launch
from multilang.process import ShellProcess

process = ShellProcess(Launch(("sleep", "1000"), pathlib.Path("/"), dict(os.environ)))
print(process.pid, flush=True)
time.sleep(1000)
"""
LIMIT_S = 30.0
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux' kernel")


@contextlib.contextmanager
def started(*command: str, cwd: Path = Path("/")) -> Iterator[ShellProcess]:
    process = ShellProcess(Launch(command, cwd, dict(os.environ)))
    try:
        yield process
    finally:
        process.kill()
        wait_for_end(process)
        process.close()


def wait_for_end(process: ShellProcess) -> int:
    with contextlib.suppress(ChildProcessError):  # the exit was taken already
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    exit_code = process.poll()
    assert exit_code is not None
    return exit_code


def read_some(fd: int) -> bytes:
    ready, _, _ = select.select([fd], [], [], LIMIT_S)
    assert ready, "nothing came"
    return os.read(fd, 65536)


def read_to_end(fd: int) -> bytes:
    return b"".join(iter(lambda: read_some(fd), b""))


def read_line(fd: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += read_some(fd)
    return line


def is_gone(pidfd: int) -> bool:
    ready, _, _ = select.select([pidfd], [], [], LIMIT_S)
    return bool(ready)


# -- talk ---------------------------------------------------------------------


def converse(process: ShellProcess, kind: Kind, pid_dir: Path, said: bytes, event_count: int) -> list[Event]:
    """Return the first events of a component that is greeted and told ``said``."""
    session = ShellSession(kind)
    context = {"taskid": 5, "componentid": "words", "source->stream->fields": {}}
    os.write(process.stdin, session.greet({"topology.name": "t"}, str(pid_dir), context) + said)
    events: list[Event] = []
    while len(events) < event_count:
        data = read_some(process.stdout)
        assert data, process.poll()
        events += session.receive(data)
    return events


def delivery(values: list[object]) -> bytes:
    prefix = codec.render_prefix("sentences", "default", 2)
    return prefix + b"1" + codec.MIDDLE + codec.encode_json(values) + codec.TUPLE_END


def test_a_pystorm_bolt_answers(tmp_path: Path) -> None:
    with started(sys.executable, str(PYSTORM_CHILD), "bolt") as process:
        said = codec.render_heartbeat(7) + delivery(["the moon"])
        events = converse(process, Kind.BOLT, tmp_path, said, 7)

        assert events[0] == Ready(process.pid)
        assert (tmp_path / str(process.pid)).exists()
        assert [type(event) for event in events[-4:]] == [Sync, Emit, Emit, Ack]

        process.close_stdin()
        assert wait_for_end(process) == 2  # pystorm's code for a host that went away


def test_a_component_that_blocks_for_task_ids_answers(tmp_path: Path) -> None:
    with started(sys.executable, str(BLOCKING_CHILD), "split") as process:
        said = delivery(["the moon"]) + codec.render_task_ids([3]) + codec.render_task_ids([4])
        events = converse(process, Kind.BOLT, tmp_path, said + codec.render_tick(8, 5), 5)

        assert events[0] == Ready(process.pid)
        emits = [event for event in events if type(event) is Emit]
        assert [json.loads(bytes(event.values)) for event in emits] == [["the"], ["moon"]]
        assert all(event.wants_task_ids and event.anchors == [1] for event in emits)
        assert events[-2:] == [Ack(1), Ack(8)]


def test_a_spout_that_blocks_for_task_ids_answers(tmp_path: Path) -> None:
    with started(sys.executable, str(BLOCKING_CHILD), "sentence-spout") as process:
        said = codec.ACTIVATE + codec.NEXT + codec.render_task_ids([3]) + codec.render_ack(b"0")
        events = converse(process, Kind.SPOUT, tmp_path, said, 5)

        assert [type(event) for event in events] == [Ready, Sync, Emit, Sync, Sync]
        assert type(events[2]) is Emit
        assert bytes(events[2].message_id) == b"0"


def test_a_component_that_blocks_for_task_ids_tells_its_errors_and_ends_with_0(tmp_path: Path) -> None:
    with started(sys.executable, str(BLOCKING_CHILD), "split") as process:
        events = converse(process, Kind.BOLT, tmp_path, delivery([5]), 2)

        assert type(events[1]) is ErrorReported
        assert "AttributeError" in events[1].text
        assert wait_for_end(process) == 0


# -- pipes --------------------------------------------------------------------


def test_our_ends_of_the_pipes_never_block() -> None:
    with started("sleep", "1000") as process:
        with pytest.raises(BlockingIOError):
            os.read(process.stdout, 1)
        with pytest.raises(BlockingIOError):
            os.read(process.stderr, 1)
        assert 0 < os.write(process.stdin, b"x" * 10_000_000) < 10_000_000
        with pytest.raises(BlockingIOError):
            os.write(process.stdin, b"x" * 65536)


def test_stdout_and_stderr_are_apart_and_stdin_can_be_closed() -> None:
    with started("sh", "-c", "cat; echo done >&2") as process:
        os.write(process.stdin, b"said")
        process.close_stdin()

        assert read_to_end(process.stdout) == b"said"
        assert read_to_end(process.stderr) == b"done\n"
        assert wait_for_end(process) == 0


@needs_linux
def test_a_component_has_nothing_open_but_its_three_pipes() -> None:
    ours = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(ours, True)
    try:
        with (
            started("sleep", "1000"),
            started(sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))") as process,
        ):
            shown = read_to_end(process.stdout).decode()
            # 3 is the folder itself while it is listed.
            assert sorted(json.loads(shown.replace("'", '"'))) == ["0", "1", "2", "3"]
    finally:
        os.close(ours)


def test_close_gives_the_pipes_back() -> None:
    process = ShellProcess(Launch(("cat",), Path("/"), dict(os.environ)))
    fds = (process.stdin, process.stdout, process.stderr)
    process.close_stdin()
    assert wait_for_end(process) == 0

    process.close()
    for fd in fds:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)
    process.close()


# -- start --------------------------------------------------------------------


def start_failure(*command: str, cwd: Path) -> str:
    with pytest.raises(LaunchFailed) as told, started(*command, cwd=cwd):
        pass
    return str(told.value)


def test_the_folder_and_the_environment_are_the_launchs(tmp_path: Path) -> None:
    process = ShellProcess(Launch(("/bin/sh", "-c", "pwd; echo $A"), tmp_path, {"A": "ä"}))

    assert read_to_end(process.stdout).decode() == f"{tmp_path}\nä\n"
    assert wait_for_end(process) == 0
    process.close()


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    text = start_failure("/bin/cat", cwd=tmp_path / "missing")
    assert text.startswith(
        f"cannot start /bin/cat in {tmp_path}/missing: [Errno 2] No such file or directory"
    )

    script = tmp_path / "run"
    script.write_text("no program")
    script.chmod(0o755)
    assert "Exec format error" in start_failure(str(script), cwd=tmp_path)

    script.write_text("#!/nowhere/python\n")
    assert "the interpreter that its first line names" in start_failure(str(script), cwd=tmp_path)


# -- the end ------------------------------------------------------------------


def test_signals_end_a_component_and_show_in_its_exit_code() -> None:
    with started("sleep", "1000") as process:
        assert process.poll() is None
        process.terminate()
        assert wait_for_end(process) == -signal.SIGTERM

    with started("sleep", "1000") as process:
        process.kill()
        assert wait_for_end(process) == -signal.SIGKILL
        process.kill()  # nobody is left: no matter


@needs_linux
def test_kill_reaches_what_a_component_started_even_after_its_own_end() -> None:
    with started("sh", "-c", "sleep 1000 & echo $!; exit 3") as process:
        grandchild = os.pidfd_open(int(read_line(process.stdout)))
        try:
            assert wait_for_end(process) == 3
            assert not select.select([grandchild], [], [], 0)[0]

            process.kill()
            assert is_gone(grandchild)
        finally:
            os.close(grandchild)


@needs_linux
def test_a_component_dies_with_its_container_even_if_that_is_killed() -> None:
    container = subprocess.Popen(
        [sys.executable, "-c", CONTAINER],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert container.stdout is not None
    component = os.pidfd_open(int(read_line(container.stdout.fileno())))
    try:
        container.kill()
        container.wait(LIMIT_S)

        assert is_gone(component)
    finally:
        os.close(component)
        container.stdout.close()
