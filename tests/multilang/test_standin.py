"""Our library in processes of its own, with real pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from multilang import standin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

CHILD = Path(__file__).parent / "client" / "child.py"


class Host:
    """A component's other end."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), *arguments] if len(arguments) == 1 else arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **standin.environment({}), **(environment or {})},
        )
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def greet(self, pid_dir: Path, **conf: Any) -> dict[str, Any]:
        """Shake hands and return the answer."""
        self.say({"pidDir": str(pid_dir), "conf": conf, "context": {"taskid": 1, "componentid": "c"}})
        answer: dict[str, Any] = self.hear()
        return answer

    def say(self, *messages: Any) -> None:
        """Send messages in one write."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(json.dumps(m).encode() + b"\nend\n" for m in messages))
        self.process.stdin.flush()

    def give(self, *values: Any, tup_id: str = "1") -> None:
        """Send a tuple."""
        self.say({"id": tup_id, "comp": "s", "stream": "default", "task": 2, "tuple": list(values)})

    def give_each(self, *words: str) -> None:
        """Send tuples of one word, which is also their id, in one write."""
        self.say(*({"id": w, "comp": "s", "stream": "default", "task": 2, "tuple": [w]} for w in words))

    def hear(self) -> Any:
        """Return the next message."""
        assert self.process.stdout is not None
        while b"\nend\n" not in self._unread:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise EOFError(self.process.communicate()[1].decode())
            self._unread += data
        block, _, self._unread = self._unread.partition(b"\nend\n")
        return json.loads(block)

    def hear_until(self, command: str) -> list[Any]:
        """Return all messages up to the first with that command."""
        heard = [self.hear()]
        while heard[-1].get("command") != command:
            heard.append(self.hear())
        return heard


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with Host(request.param) as host:
        assert host.greet(tmp_path) == {"pid": host.process.pid}
        assert (tmp_path / str(host.process.pid)).exists()
        assert host.hear()["command"] == "log"
        yield host


@pytest.mark.parametrize("host", ["Printing"], indirect=True)
def test_prints_are_logged_and_other_programs_keep_out_of_the_protocol(host: Host) -> None:
    host.give("world")
    heard = host.hear_until("ack")
    assert [message["command"] for message in heard] == ["log", "emit", "ack"]
    assert "hello world" in heard[0]["msg"]
    host.process.stdin.close()  # type: ignore[union-attr]
    assert host.process.wait(30) == 2
    assert b"from another program" in host.process.stderr.read()  # type: ignore[union-attr]


@pytest.mark.parametrize("host", ["Logging"], indirect=True)
def test_handlers_that_log_to_stdout_and_programs_that_are_given_it_do_no_harm(host: Host) -> None:
    host.give("hello")
    heard = host.hear_until("ack")
    assert {message["command"] for message in heard} == {"log", "ack"}
    assert any("own - hello" in message.get("msg", "") for message in heard)
    host.process.stdin.close()  # type: ignore[union-attr]
    assert host.process.wait(30) == 2
    assert b"from another program" in host.process.stderr.read()  # type: ignore[union-attr]


@pytest.mark.parametrize("host", ["Forking"], indirect=True)
def test_a_child_that_a_component_forks_says_what_it_has_to_say_and_nothing_twice(host: Host) -> None:
    words = [*map(str, range(60)), "fork"]  # the last ones are answered together
    host.give_each(*words)
    heard: list[Any] = []
    while not heard or heard[-1] != {"command": "ack", "id": "fork"}:
        heard.append(host.hear())
    assert [m["tuple"][0] for m in heard if m["command"] == "emit"] == words
    assert [m["msg"] for m in heard if m["command"] == "log"] == ["the child"]


@pytest.mark.parametrize("host", ["Slow"], indirect=True)
def test_what_is_emitted_does_not_wait_for_a_component_that_is_slow(host: Host) -> None:
    host.say(
        *({"id": str(n), "comp": "s", "stream": "default", "task": 2, "tuple": [n, 30 * n]} for n in range(2))
    )
    assert host.hear()["command"] == "emit"
    assert host.hear() == {"command": "ack", "id": "0"}
    # The second tuple sleeps for half a minute; its emit is here before.
    assert host.hear()["tuple"] == [1]
    assert host.process.poll() is None


@pytest.mark.parametrize("host", ["Slow", "Busy"], indirect=True)
def test_a_component_that_becomes_slow_after_many_quick_tuples_is_noticed(host: Host) -> None:
    for number in range(1000):
        host.give(number, 0)
        host.hear_until("ack")
    host.say(
        *(
            {"id": str(n), "comp": "s", "stream": "default", "task": 2, "tuple": [n, seconds]}
            for n, seconds in enumerate((0.002, 30))
        )
    )
    assert [message.get("tuple") for message in host.hear_until("ack")] == [[0], None]
    # The second tuple takes half a minute; its emit is here before.
    assert host.hear()["tuple"] == [1]
    assert host.process.poll() is None


@pytest.mark.parametrize("host", ["Raising"], indirect=True)
def test_an_exception_is_told_failed_and_ends_with_code_1(host: Host) -> None:
    host.say(
        *({"id": w, "comp": "s", "stream": "default", "task": 2, "tuple": [w]} for w in ("a", "raise", "b"))
    )
    heard = host.hear_until("fail")
    assert [message["command"] for message in heard] == [
        "emit",
        "ack",
        "emit",
        "log",
        "error",
        "sync",
        "fail",
    ]
    assert heard[-1]["id"] == "raise"
    assert "ValueError: as told" in heard[-3]["msg"]
    assert host.process.wait(30) == 1


@pytest.mark.parametrize("host", ["Raising"], indirect=True)
def test_a_component_that_leaves_says_all_that_it_had_to_say(host: Host) -> None:
    host.give_each(*["a"] * 300, "leave")
    heard = host.hear_until("emit")
    while heard[-1].get("tuple") != ["leave"]:
        heard += host.hear_until("emit")
    assert sum(message["command"] == "emit" for message in heard) == 301
    assert host.process.wait(30) == 7


NEXT = {"command": "next", "id": ""}
ACK = {"command": "ack", "id": 5}


def blocking_spout(host: Host, pid_dir: Path, **conf: Any) -> None:
    """Shake hands with the spout that says how often it was asked."""
    host.greet(pid_dir, **conf)
    host.hear()


def said(host: Host, count: int) -> list[Any]:
    """Return what a spout says up to so many syncs: the values of its emits, and their number."""
    heard = [message for _ in range(count) for message in host.hear_until("sync")]
    return [message["tuple"] for message in heard if message["command"] == "emit"]


@pytest.mark.parametrize("conf", [{"sleep": 0.2}, {"compute": 0.1}])
def test_acks_wait_for_one_next_that_blocks_and_not_for_all_that_were_said(
    conf: dict[str, float], tmp_path: Path
) -> None:
    with Host("Blocking") as host:
        blocking_spout(host, tmp_path, **conf)
        host.say(*[NEXT] * 64, ACK, NEXT, NEXT)
        assert said(host, 67) == [[1], ["acked", 5], [2]]
        host.say(NEXT)
        assert said(host, 1) == [[3]]


def test_a_next_that_blocks_and_raises_counts_alike(tmp_path: Path) -> None:
    with Host("Blocking") as host:
        blocking_spout(host, tmp_path, sleep=0.2, **{"raise": True})
        host.say(*[NEXT] * 64, ACK, NEXT)
        heard = [message for _ in range(66) for message in host.hear_until("sync")]
    errors = [message["msg"].partition("\n")[2] for message in heard if message["command"] == "error"]
    assert [error.rpartition(": ")[2].strip() for error in errors] == ["1", "2"]


def test_a_slow_ack_keeps_no_next_from_being_asked(tmp_path: Path) -> None:
    with Host("Blocking") as host:
        blocking_spout(host, tmp_path, sleep_in_ack=0.05)
        host.say(ACK, NEXT, NEXT)
        assert said(host, 3) == [["acked", 5], [1], [2]]


@pytest.mark.parametrize("host", ["Many"], indirect=True)
def test_a_flood_goes_out_while_it_is_made(host: Host) -> None:
    for _ in range(2):
        host.say(NEXT)
        assert said(host, 1) == [[number, "x" * 50] for number in range(20_000)]


@pytest.mark.parametrize("host", ["Tickless"], indirect=True)
def test_batches_are_handled_without_ticks_while_no_input_comes(host: Host) -> None:
    host.give_each("a", "b")
    heard = host.hear_until("ack") + host.hear_until("ack")
    assert sorted(message["tuple"] for message in heard if message["command"] == "emit") == [
        ["a", 1],
        ["b", 1],
    ]
    assert sorted(message["id"] for message in heard if message["command"] == "ack") == ["a", "b"]


@pytest.mark.parametrize("host", ["Tickless"], indirect=True)
def test_an_exception_in_the_thread_of_batches_fails_them_and_ends_with_code_1(host: Host) -> None:
    host.give_each("raise")
    heard = host.hear_until("fail")
    assert heard[-1]["id"] == "raise"
    assert any("ValueError" in message.get("msg", "") for message in heard)
    assert host.process.wait(30) == 1


@pytest.mark.parametrize("host", ["Threads"], indirect=True)
def test_threads_may_emit_while_no_input_comes(host: Host) -> None:
    assert [host.hear()["tuple"] for _ in range(5)] == [[0], [1], [2], [3], [4]]
    host.give("x")
    assert host.hear_until("ack")[0]["tuple"] == ["x"]


@pytest.mark.parametrize("host", ["Raising"], indirect=True)
def test_a_host_that_goes_away_ends_the_component_with_code_2(host: Host) -> None:
    host.process.stdout.close()  # type: ignore[union-attr]
    host.process.stdin.close()  # type: ignore[union-attr]
    assert host.process.wait(30) == 2
    assert b"Traceback" not in host.process.stderr.read()  # type: ignore[union-attr]


def test_heartbeats_are_answered_between_tuples(tmp_path: Path) -> None:
    with Host("Raising") as host:
        host.greet(tmp_path)
        host.say({"id": "5", "comp": None, "stream": "__heartbeat", "task": -1, "tuple": []})
        assert host.hear_until("sync")[-1] == {"command": "sync"}


def test_msgspec_alone_is_enough(tmp_path: Path) -> None:
    """Even in an environment without it, the host's is found; nothing else is asked for."""
    script = (
        "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "before = set(sys.modules)\n"
        "import pystorm, msgspec\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "foreign = new - sys.stdlib_module_names\n"
        "import json; print(json.dumps(sorted(foreign)))"
    )
    variables = {**os.environ, **standin.environment({})}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True
    )
    modules = {name for name in json.loads(done.stdout) if not name.startswith("_")}
    assert modules <= {"__main__", "msgspec", "multilang", "pystorm", "cython_runtime"}


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "from pystorm.component import no_such_thing",
            "pystorm.component.no_such_thing",
        ),
        ("from pystorm.serializers.json_serializer import wrap", "pystorm.serializers.json_serializer.wrap"),
    ],
)
def test_what_is_not_there_is_said_at_import(statement: str, message: str) -> None:
    variables = {**os.environ, **standin.environment({})}
    done = subprocess.run(
        [sys.executable, "-c", statement], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "take heronry.accelerate out of the conf" in done.stderr


def test_a_python_that_is_too_old_is_said_at_import_whatever_it_understands() -> None:
    script = "import sys; sys.version_info = (2, 7, 18); sys.version = '2.7.18 (default)'; import pystorm"
    variables = {**os.environ, **standin.environment({})}
    done = subprocess.run(
        [sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        f"heronry.accelerate needs Python 3.11 or newer, and this component runs on 2.7.18 ({sys.executable})"
        in done.stderr
    )
