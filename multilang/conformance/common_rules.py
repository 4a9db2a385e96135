"""What every component must do: greet, keep to the framing, and end."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, Final

from multilang.conformance.host import CONF, CONTEXT, Broken, Host, encoded, short
from multilang.conformance.rule import BOLT, BOTH, HEARTBEAT, Kind, Rule, Scene, rule
from multilang.conformance.talk import hear_sync, obey, serve
from multilang.framing import END


@rule("greets", BOTH, why="without a pid the host takes it for hung")
def greets(scene: Scene) -> None:
    with scene.start() as host:
        answer = host.greet()
        if not isinstance(answer["pid"], int) or isinstance(answer["pid"], bool):
            raise Broken(f"the pid must be a whole number: {short(answer)}")


@rule("pid-file", BOTH, why="Storm's supervisor ends what has a file there")
def leaves_a_pid_file(scene: Scene) -> None:
    with scene.start() as host:
        pid = host.greet()["pid"]
        _use(scene, host)
        if not (host.pid_dir / str(pid)).exists():
            there = sorted(path.name for path in host.pid_dir.iterdir())
            raise Broken(f"there is no file {pid} in pidDir, only {there}")


@rule("large-conf", BOTH, why="confs hold whatever users put there")
def takes_a_large_conf(scene: Scene) -> None:
    conf = {
        **CONF,
        "unknown.key": None,
        "nested": {"list": [1, 2.5, None, {"deep": [[]]}]},
        "text": 'ünïcode \u2028 \U0001f426 "quoted" \\ /',
        "large": "x" * 1_000_000,
        "big": 2**70,
    }
    context = {**CONTEXT, "unknown": {"key": [True]}}
    with scene.start() as host:
        host.greet(conf, context)
        _use(scene, host)


@rule("old-context", BOTH, is_advice=True, why="hosts before 0.10 tell no names and no fields")
def takes_a_context_without_names(scene: Scene) -> None:
    old = {"taskid": 4, "task->component": CONTEXT["task->component"]}
    with scene.start() as host:
        host.greet(CONF, old)
        _use(scene, host)


@rule("input-in-pieces", BOTH, why="pipes cut messages anywhere")
def takes_input_in_pieces(scene: Scene) -> None:
    with scene.start() as host:
        host.write_slowly(encoded(host.handshake()) + END, 97)
        host.until(lambda message: "pid" in message, "an object with its pid")
        for piece_bytes in (1, 2, 5):
            message = _input(scene, f"{piece_bytes}")
            host.write_slowly(encoded(message) + END, piece_bytes)
            _answer(scene, host, message)


@rule("java-escapes", BOTH, why="Storm writes / as \\/ and escapes letters")
def takes_escapes_as_java_writes_them(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        message = _input(scene, "1")
        host.write(encoded(message).replace(b"/", b"\\/").replace(b"source", b"s\\u006furce") + END)
        _answer(scene, host, message)


@rule("ends", BOTH, why="the host closes its input and does not want to kill it")
def ends_with_its_input(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        _use(scene, host)
        host.end_input()
        host.wait_for_end()


@rule("ends-early", BOTH, why="a topology may be killed while it starts")
def ends_while_it_is_started(scene: Scene) -> None:
    with scene.start() as host:
        host.end_input()
        host.wait_for_end()


@rule("ends-cut", BOTH, why="a host may die in the middle of a message")
def ends_in_the_middle_of_a_message(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        _use(scene, host)
        host.write(encoded(_input(scene, "2"))[:-5])
        host.end_input()
        host.wait_for_end()


@rule("leaves-nobody", BOTH, why="a process that nobody knows of runs for ever")
def leaves_nobody_behind(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        _use(scene, host)
        host.end_input()
        host.wait_for_end()
        deadline = time.monotonic() + host.patience_s
        while time.monotonic() < deadline:
            if not host.others() and not _has_group(host.process.pid):
                return
            time.sleep(0.02)
        raise Broken("a process that it started was still there after it had ended")


@rule("only-messages", BOTH, why="whatever else is on stdout can cut a message in two")
def says_only_messages(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        for number in range(20):
            _use(scene, host, str(number))
        host.end_input()
        host.wait_for_end()
        host.pass_time(0.05)
        for message in host.asides:
            if message["command"] == "log":
                _check_log(message)


@rule("slow-host", BOLT, why="a host may be busy; nothing may be lost meanwhile")
def waits_for_a_host_that_does_not_read(scene: Scene) -> None:
    tup_ids = [str(number) for number in range(500)]
    with scene.start() as host:
        host.greet()
        host.is_reading = False
        host.say(*(scene.tuple(tup_id) for tup_id in tup_ids))
        host.pass_time(0.5)
        host.is_reading = True
        serve(host, tup_ids)


def _has_group(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _input(scene: Scene, tup_id: str) -> Any:
    return {"command": "next", "id": ""} if scene.subject.kind is Kind.SPOUT else scene.tuple(tup_id)


def _answer(scene: Scene, host: Host, message: Any) -> None:
    if scene.subject.kind is Kind.SPOUT:
        hear_sync(host, "next")
    else:
        serve(host, [message["id"]])


def _use(scene: Scene, host: Host, tup_id: str = "1") -> None:
    """See that the component works."""
    if scene.subject.kind is Kind.SPOUT:
        obey(host, "next")
        return
    host.say(scene.tuple(tup_id))
    serve(host, [tup_id])
    host.say(HEARTBEAT)
    host.until(lambda message: message.get("command") == "sync", "the sync after a heartbeat")


def _check_log(message: Any) -> None:
    if not isinstance(message.get("msg"), str):
        raise Broken(f"the msg of a log must be text: {short(message)}")
    level = message.get("level")
    if level is not None and level not in range(5):
        raise Broken(f"the level of a log is 0 (trace) to 4 (error): {short(message)}")


RULES: Final[Sequence[Rule]] = (
    greets,
    leaves_a_pid_file,
    takes_a_large_conf,
    takes_a_context_without_names,
    takes_input_in_pieces,
    takes_escapes_as_java_writes_them,
    says_only_messages,
    waits_for_a_host_that_does_not_read,
    ends_with_its_input,
    ends_while_it_is_started,
    ends_in_the_middle_of_a_message,
    leaves_nobody_behind,
)
