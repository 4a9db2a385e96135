"""What rules have in common: answering a component's emits, and looking at their shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from multilang.conformance.host import Broken, Host, is_aside, short

SINK_TASKS: Final = (7, 8)


def wants_task_ids(emit: Any) -> bool:
    """Return whether a component waits for the tasks that an emit went to; not saying is saying yes."""
    return not emit.get("task") and emit.get("need_task_ids", True) is not False


def serve(host: Host, tup_ids: Sequence[str], *, answer_late_s: float = 0.0) -> list[Any]:
    """Answer a bolt's wishes until it has acked or failed all of ``tup_ids``; return its emits.

    Raises:
        Broken: it did not, or did so twice, or said what it may not.
    """
    open_ids = Counter(tup_ids)
    emits: list[Any] = []
    while +open_ids:
        message = host.until(
            lambda message: not is_aside(message), f"an ack or fail of {next(iter(+open_ids))!r}"
        )
        command = message.get("command")
        if command == "emit":
            check_emit(message, tup_ids)
            emits.append(message)
            if wants_task_ids(message):
                host.pass_time(answer_late_s)
                host.say([SINK_TASKS[len(emits) % 2]])
        elif command in ("ack", "fail"):
            tup_id = message.get("id")
            if not isinstance(tup_id, str):
                raise Broken(f"the id of {command} must be the text it came as, not {short(tup_id)}")
            if open_ids[tup_id] <= 0:
                known = "a second time" if tup_id in open_ids else "which was never given to it"
                raise Broken(f"{command} of the tuple {tup_id!r} {known}")
            open_ids[tup_id] -= 1
        elif command != "sync":  # bolts may say sync at any time
            raise Broken(f"a bolt says emit, ack, fail, log, error, metrics or sync, not {short(message)}")
    return emits


def obey(host: Host, command: str, tup_id: Any = "") -> list[Any]:
    """Give a spout a command and answer its wishes until its sync; return its emits.

    Raises:
        Broken: there is no sync, or it said what it may not.
    """
    host.say({"command": command, "id": tup_id})
    return hear_sync(host, command)


def hear_sync(host: Host, command: str) -> list[Any]:
    """Answer a spout's wishes until its sync after a command; return its emits."""
    emits: list[Any] = []
    while True:
        message = host.until(lambda message: not is_aside(message), f"the sync after {command}")
        if message.get("command") == "sync":
            return emits
        if message.get("command") != "emit":
            raise Broken(f"a spout says emit, log, error, metrics or sync, not {short(message)}")
        check_emit(message, None)
        emits.append(message)
        if wants_task_ids(message):
            host.say([SINK_TASKS[len(emits) % 2]])


def check_emit(emit: Any, tup_ids: Sequence[str] | None) -> None:
    """Look at the shape of an emit; ``tup_ids`` are what a bolt may anchor to, None for a spout.

    Raises:
        Broken: it is not as the protocol has it.
    """
    if not isinstance(emit.get("tuple"), list):
        raise Broken(f"the tuple of an emit must be a list: {short(emit)}")
    stream = emit.get("stream")
    if stream is not None and (not isinstance(stream, str) or not stream):
        raise Broken(f"the stream of an emit must be text, or null for the default one: {short(emit)}")
    task = emit.get("task")
    if task is not None and (not isinstance(task, int) or isinstance(task, bool)):
        raise Broken(f"the task of a direct emit must be a whole number: {short(emit)}")
    wants = emit.get("need_task_ids")
    if wants is not None and not isinstance(wants, bool):
        raise Broken(f"need_task_ids must be true or false: {short(emit)}")
    anchors = emit.get("anchors")
    if tup_ids is None:
        if anchors:
            raise Broken(f"a spout has nothing to anchor to: {short(emit)}")
        return
    listed = [anchors] if isinstance(anchors, str) else anchors or []
    if not isinstance(listed, list) or not all(isinstance(anchor, str) for anchor in listed):
        raise Broken(f"anchors must be ids of tuples, as text: {short(emit)}")
    strange = set(listed) - set(tup_ids)
    if strange:
        raise Broken(f"anchored to what was never given to it, {sorted(strange)}: {short(emit)}")
