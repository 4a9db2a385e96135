"""The queue of one task: what is written next, and what is counted."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from multilang.session import State
from scheduler.stream.local_task import LocalTask, RemoteTask


def bolt_task(limit: int | None = None) -> LocalTask:
    local = LocalTask(7, "a", is_spout=False, inputs=[("s", "default")])
    local.limit = limit
    local.session.state = State.OPEN
    return local


def deliver(local: LocalTask, number: int, size: int = 1) -> None:
    local.pend[number] = None
    local.parts += (b"<", b"%d" % number, b":", b"v" * size, b">")


def written(local: LocalTask) -> list[bytes]:
    """Return everything that can be written now, one entry per write."""
    found = []
    while (data := local.take()) is not None:
        found.append(bytes(data))
        local.wrote(data, len(data))
    return found


def test_a_round_is_one_write() -> None:
    local = bolt_task()
    deliver(local, 2)
    deliver(local, 4)
    assert written(local) == [b"<2:v><4:v>"]
    assert written(local) == []
    assert local.queued_bytes == 0


def test_tuples_wait_for_the_pid_and_those_that_were_passed_on_come_first() -> None:
    local = bolt_task()
    local.session.state = State.GREETING
    local.deliver_urgently(b"handshake")
    deliver(local, 2)
    local.deliver_early(b"<8:v>", is_passed_on=False)
    local.deliver_early(b"<4:v>", is_passed_on=True)
    local.deliver_early(b"<6:v>", is_passed_on=True)
    assert written(local) == [b"handshake"]
    local.session.state = State.OPEN
    assert written(local) == [b"<4:v><6:v><8:v>", b"<2:v>"]
    assert local.queued_bytes == 0


def test_urgent_messages_overtake_tuples_but_not_a_cut_one() -> None:
    local = bolt_task()
    deliver(local, 2)
    data = local.take()
    assert data is not None
    local.wrote(data, 3)
    deliver(local, 4)
    local.deliver_urgently(b"[ids]")
    local.deliver_urgently(b"[more]")
    assert local.queued_bytes == 2 + len(b"[ids][more]")
    assert written(local) == [b"v>", b"[ids][more]<4:v>"]
    assert local.queued_bytes == 0


def test_a_write_that_takes_nothing_changes_nothing() -> None:
    local = bolt_task()
    deliver(local, 2)
    data = local.take()
    assert data is not None
    local.wrote(data, 0)
    assert local.queued_bytes == 5
    assert written(local) == [b"<2:v>"]


def test_what_waits_counts_only_after_the_round() -> None:
    local = bolt_task()
    deliver(local, 2)
    assert local.queued_bytes == 0
    local.collect()
    assert local.queued_bytes == 5


def test_with_a_limit_only_so_many_unacked_are_given() -> None:
    local = bolt_task(limit=2)
    for number in (2, 4, 6):
        deliver(local, number)
    assert written(local) == [b"<2:v><4:v>"]
    assert local.queued_bytes == 5
    del local.pend[2]
    assert written(local) == [b"<6:v>"]
    assert local.queued_bytes == 0


def test_a_bonus_adds_to_the_limit() -> None:
    local = bolt_task(limit=1)
    deliver(local, 2)
    deliver(local, 4)
    assert written(local) == [b"<2:v>"]
    local.limit_bonus = 1
    assert written(local) == [b"<4:v>"]


def test_forgetting_the_queue_leaves_nothing() -> None:
    local = bolt_task(limit=1)
    for number in (2, 4):
        deliver(local, number)
    data = local.take()
    assert data is not None
    local.wrote(data, 2)
    local.deliver_urgently(b"x")
    deliver(local, 6)
    local.forget_queue()
    assert written(local) == []
    assert local.queued_bytes == 0


def test_delivery_ids_start_at_their_input() -> None:
    local = LocalTask(7, "a", is_spout=False, inputs=[("s", "default"), ("r", "default")])
    assert (local.step, local.counters) == (3, [0, 1, 2])


def test_local_and_remote_tasks_tell_themselves_apart() -> None:
    assert (bolt_task().is_local, RemoteTask(8, 2).is_local) == (True, False)


@settings(max_examples=100, deadline=None)
@given(
    acts=st.lists(st.tuples(st.sampled_from("dduwac"), st.integers(0, 40)), max_size=60),
    limit=st.none() | st.integers(1, 4),
)
def test_every_byte_comes_once_in_whole_messages_and_is_counted(
    acts: list[tuple[str, int]], limit: int | None
) -> None:
    local = bolt_task(limit)
    out, given_bytes, number = b"", 0, 0
    for act, size in [*acts, *[("w", 10_000), ("a", 0)] * 120]:
        if act == "d":
            number += 1
            deliver(local, number, size)
            given_bytes += 3 + len(b"%d" % number) + size
        elif act == "u":
            local.deliver_urgently(b"[" + b"u" * size + b"]")
            given_bytes += 2 + size
        elif act == "w" and (data := local.take()) is not None:
            count = min(size, len(data))
            out += bytes(data[:count])
            local.wrote(data, count)
        elif act == "c":
            local.collect()
        elif act == "a" and local.pend:
            del local.pend[next(iter(local.pend))]
        assert local.queued_bytes == given_bytes - len(out) - sum(map(len, local.parts))
    assert len(out) == given_bytes
    numbers = []
    while out:
        stop = out.index(b">" if out.startswith(b"<") else b"]") + 1
        if out.startswith(b"<"):
            numbers.append(int(out[1 : out.index(b":")]))
        out = out[stop:]
    assert numbers == list(range(1, number + 1))
