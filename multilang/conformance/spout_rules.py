"""What spouts must do: answer each command by one sync, in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from multilang.conformance.host import Broken, Host, is_aside, short
from multilang.conformance.rule import SPOUT, Rule, Scene, Skipped, rule
from multilang.conformance.talk import hear_sync, obey, wants_task_ids

_SEARCHED = 20
"""So many ``next`` are tried to get an emit."""


@rule("sync-once", SPOUT, why="the host counts syncs; one too few and it waits for ever")
def answers_each_command_once(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        for _ in range(10):
            obey(host, "next")
        host.quiet(0.3)


@rule("acks-of-others", SPOUT, why="acks may come for what a killed life emitted")
def takes_acks_and_fails_of_anything(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        for command in ("ack", "fail"):
            for tup_id in ("never emitted", "", 0, -1):
                obey(host, command, tup_id)
        host.quiet(0.2)
        obey(host, "next")


@rule("acks-of-its-own", SPOUT, why="each ack and fail must be answered")
def takes_acks_and_fails_of_its_own(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        emits = _some_emits(host)
        tup_ids = [emit["id"] for emit in emits if emit.get("id") is not None]
        if not tup_ids:
            raise Skipped("it emitted nothing with an id")
        for number, tup_id in enumerate(tup_ids):
            obey(host, "ack" if number % 2 else "fail", tup_id)
        obey(host, "next")


@rule("rest", SPOUT, why="activate and deactivate are commands like others")
def rests_and_wakes(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        for command in ("activate", "next", "deactivate", "activate", "next", "deactivate"):
            obey(host, command)
        host.quiet(0.2)


@rule("unknown-command", SPOUT, is_advice=True, why="newer hosts have more commands")
def passes_over_unknown_commands(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        host.say({"command": "a command of the future", "id": ""})
        hear_sync(host, "an unknown command")
        obey(host, "next")


@rule(
    "in-turn",
    SPOUT,
    is_advice=True,
    why="a host that may send several commands at once waits less",
)
def takes_commands_in_turn(scene: Scene) -> None:
    count = 10
    with scene.start() as host:
        host.greet()
        host.say(*[{"command": "next", "id": ""}] * count)
        syncs = 0
        while syncs < count:
            message = host.until(lambda message: not is_aside(message), f"{count} syncs after as many next")
            if message.get("command") == "sync":
                syncs += 1
            elif wants_task_ids(message):
                host.quiet(0.02)  # while it waits for an answer it may not go on to the next command
                host.say([7])
        host.quiet(0.3)


@rule("task-ids", SPOUT, why="the answer to an emit may take its time")
def waits_for_task_ids(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        asked = False
        for _ in range(_SEARCHED):
            host.say({"command": "next", "id": ""})
            while True:
                message = host.until(lambda message: not is_aside(message), "the sync after next")
                if message.get("command") == "sync":
                    break
                if wants_task_ids(message):
                    asked = True
                    host.pass_time(0.05)
                    host.say([7, 8])
            if asked:
                return
        raise Skipped("it asked for no task ids")


@rule("ids", SPOUT, is_advice=True, why="an emit without an id is not replayed when it is lost")
def emits_what_can_be_told_again(scene: Scene) -> None:
    with scene.start() as host:
        host.greet()
        emits = _some_emits(host)
        if not emits:
            raise Skipped("it emitted nothing")
        if not any(emit.get("id") is not None for emit in emits):
            raise Broken(f"an emit without an id is never replayed: {short(emits[0])}")


def _some_emits(host: Host) -> list[Any]:
    emits: list[Any] = []
    for _ in range(_SEARCHED):
        emits += obey(host, "next")
        if len(emits) >= 2:
            break
    return emits


RULES: Final[Sequence[Rule]] = (
    answers_each_command_once,
    takes_acks_and_fails_of_anything,
    takes_acks_and_fails_of_its_own,
    rests_and_wakes,
    passes_over_unknown_commands,
    waits_for_task_ids,
    emits_what_can_be_told_again,
    takes_commands_in_turn,
)
