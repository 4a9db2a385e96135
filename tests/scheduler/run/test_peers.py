"""Which connections become links to other containers, over real sockets."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import msgspec
import pytest

from scheduler.packing.round_robin import round_robin
from scheduler.plan import PhysicalPlan
from scheduler.run.loop import Loop
from scheduler.run.peers import _MAX_STRANGERS, PeerHello, Peers
from scheduler.stream.router import StreamManager
from tests.scheduler.stream.cluster import bolt, spout, topology

pytestmark = pytest.mark.timeout(20)


class Side:
    """One of two containers of a topology, without components."""

    def __init__(self, container_id: int) -> None:
        shape = topology(spout("a", 1), bolt("b", 2, reads=["a"]))
        self.loop = Loop()
        self.manager = StreamManager(
            shape, round_robin(shape, 2), container_id, 10 + container_id, random.Random(1)
        )
        self.hello = PeerHello(shape.topology_id, container_id, 10 + container_id, "open sesame")
        self.peers = Peers(self.loop, self.manager, me=self.hello)
        self.peers.start(time.monotonic())

    @property
    def is_linked(self) -> bool:
        return all(link.is_up for link in self.manager.links.values())

    @contextmanager
    def caller(self, data: bytes = b"") -> Iterator[socket.socket]:
        with socket.create_connection((self.peers.address.host, self.peers.address.port)) as connection:
            connection.setblocking(False)
            connection.sendall(data)
            self.turn()
            yield connection

    def turn(self) -> None:
        now = time.monotonic()
        self.loop.round(now, wake=now, waiters_until=0.0)


def until(check: Callable[[], bool], *sides: Side) -> None:
    deadline = time.monotonic() + 10
    while not check():
        assert time.monotonic() < deadline
        for side in sides:
            side.turn()


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    both = Side(1), Side(2)
    yield both
    for side in both:
        side.peers.close()


def linked(first: Side, second: Side) -> None:
    plan = PhysicalPlan(first.hello.topology_id, 0, (first.peers.address, second.peers.address))
    for side in (first, second):
        side.peers.follow(plan, time.monotonic())
    until(lambda: first.is_linked and second.is_linked, first, second)


def test_two_containers_that_know_the_secret_are_linked(sides: tuple[Side, Side]) -> None:
    linked(*sides)


@pytest.mark.parametrize("change", [{"secret": "wrong"}, {"topology_id": "other"}, {"container_id": 7}])
def test_a_wrong_hello_makes_no_link(sides: tuple[Side, Side], change: dict[str, object]) -> None:
    first, second = sides
    hello = msgspec.structs.replace(second.hello, **change)
    with first.caller(framed(msgspec.msgpack.encode(hello))) as caller:
        until(lambda: is_closed(caller), first)
    assert not first.is_linked


def test_a_container_that_was_replaced_takes_no_link_from_its_successor(sides: tuple[Side, Side]) -> None:
    first, second = sides
    linked(first, second)
    ghost = msgspec.structs.replace(second.hello, incarnation=99)
    with first.caller(framed(msgspec.msgpack.encode(ghost))) as caller:
        until(lambda: is_closed(caller), first)
    assert first.is_linked
    first.turn()
    second.turn()
    assert second.is_linked


def test_a_stranger_may_not_announce_a_large_frame(sides: tuple[Side, Side]) -> None:
    with sides[0].caller((1024 * 1024).to_bytes(4, "big")) as caller:
        until(lambda: is_closed(caller), sides[0])


def test_a_linked_container_may_send_large_frames(sides: tuple[Side, Side]) -> None:
    first, second = sides
    linked(first, second)
    (link,) = first.manager.links.values()
    (back,) = second.manager.links.values()
    # There is no such task. That is reported, so it has come through.
    link.rows.append((999, 1, 0, b"x" * (1024 * 1024), [1, 5, 6]))
    first.peers.send_all(time.monotonic())
    until(lambda: bool(back.reports), first, second)
    assert first.is_linked
    assert second.is_linked


def test_strangers_keep_no_container_out(sides: tuple[Side, Side]) -> None:
    first, second = sides
    with ExitStack() as stack:
        callers = [stack.enter_context(second.caller()) for _ in range(_MAX_STRANGERS + 3)]
        until(lambda: all(map(is_closed, callers[:3])), second)
        linked(first, second)


def test_refusals_are_logged_less_and_less_often(
    sides: tuple[Side, Side], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(9):
        with sides[0].caller(framed(b"nonsense")) as caller:
            until(lambda caller=caller: is_closed(caller), sides[0])  # type: ignore[misc]
    counts = [record.getMessage().rpartition("=")[2] for record in caplog.records]
    assert counts == ["1", "2", "4", "8"]


def test_what_a_container_sent_before_it_left_the_plan_counts(sides: tuple[Side, Side]) -> None:
    first, second = sides
    linked(first, second)
    now = time.monotonic()
    first.manager.links[2].rows.append((2, 1, 0, b'["x"]', []))
    first.peers.send_all(now)
    first.peers.close()
    second.peers.follow(PhysicalPlan(first.hello.topology_id, 1, (second.peers.address,)), now)
    assert not second.manager.links[1].is_up
    assert len(second.manager.tasks[2].pend) == 1


def test_what_a_container_sent_before_it_ended_counts_though_it_cannot_be_sent_anything(
    sides: tuple[Side, Side],
) -> None:
    first, second = sides
    linked(first, second)
    now = time.monotonic()
    second.manager.links[1].congestions.append((2, True))
    second.peers.send_all(now)
    first.manager.links[2].rows.append((2, 1, 0, b'["x"]', []))
    first.peers.send_all(now)
    first.peers.close()  # with something unread, so that the other side hears of it by the next it sends
    for is_congested in (False, True):
        second.manager.links[1].congestions.append((2, is_congested))
        second.peers.send_all(now)
    until(lambda: not second.manager.links[1].is_up, second)
    assert len(second.manager.tasks[2].pend) == 1


def test_all_that_a_container_sent_arrives_though_it_ends_at_once(sides: tuple[Side, Side]) -> None:
    first, second = sides
    linked(first, second)
    rows = 64  # of a megabyte each, more than the system's buffers take
    # There is no such task. That is reported, so it has come through.
    first.manager.links[2].rows += [(999, 1, 0, b"x" * (1024 * 1024), [1, 5, 6])] * rows
    back = second.manager.links[1]
    reader = threading.Thread(target=until, args=(lambda: len(back.reports) == rows, second))
    reader.start()
    first.peers.send_all(time.monotonic())
    first.peers.write_rest()
    first.peers.close()
    reader.join()
    assert len(back.reports) == rows


def test_who_does_not_read_does_not_keep_a_container_from_ending(sides: tuple[Side, Side]) -> None:
    first, second = sides
    linked(first, second)
    first.manager.links[2].rows.append((999, 1, 0, b"x" * (64 * 1024 * 1024), [1, 5, 6]))
    first.peers.send_all(time.monotonic())
    first.peers.write_rest()
    assert first.manager.links[2].is_up
    first.peers.close()
