"""Who has to go when there is no room: stories about three clients."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest

from storm_compat.caller import Caller
from storm_compat.thrift.connections import Connection, Connections
from storm_compat.thrift.refusal import Refused


class World:
    def __init__(self, *, max_count: int = 2, max_held_bytes: int = 100) -> None:
        self.all = Connections(max_count=max_count, max_held_bytes=max_held_bytes)
        self.cut: list[str] = []

    def client(self, name: str, *, since: float | None = 0.0, has_called: bool = False) -> Connection:
        task = Mock(spec=asyncio.Task)
        connection = Connection(Caller(peer=name), task, lambda: self.cut.append(name), since)
        connection.has_called = has_called
        return connection

    def holding(self, name: str, size: int, *, is_moving: bool) -> Connection:
        connection = self.client(name)
        connection.is_moving = is_moving
        assert self.all.admit(connection)
        self.all.hold(connection, size)
        return connection


def test_while_there_is_room_nobody_goes() -> None:
    world = World()
    assert world.all.admit(world.client("a"))
    assert world.all.admit(world.client("b"))
    assert (world.cut, len(world.all)) == ([], 2)


def test_who_waited_longest_goes_first_of_those_that_never_called() -> None:
    world = World(max_count=3)
    for client in (
        world.client("old, called", since=1, has_called=True),
        world.client("young", since=3),
        world.client("old", since=2),
    ):
        world.all.admit(client)
    for name in ("d", "e"):
        assert world.all.admit(world.client(name, since=9, has_called=True))
    assert world.all.admit(world.client("f", since=10))
    assert world.cut == ["old", "young", "old, called"]


def test_when_all_are_being_served_the_new_one_does_not_get_in() -> None:
    world = World(max_count=1)
    world.all.admit(world.client("a", since=None))
    assert not world.all.admit(world.client("b"))
    assert (world.cut, len(world.all)) == ([], 1)


def test_the_greediest_that_takes_its_time_goes_and_what_it_held_is_free() -> None:
    world = World(max_count=9)
    world.holding("worked on", 60, is_moving=False)
    world.holding("slow", 30, is_moving=True)
    world.holding("small", 5, is_moving=True)
    world.holding("last", 20, is_moving=True)
    assert (world.cut, world.all.held_bytes) == (["slow"], 85)


def test_the_greediest_is_told_if_it_is_the_one_that_came() -> None:
    world = World()
    with pytest.raises(Refused, match="120 bytes are held for clients, 120 of them for this one"):
        world.holding("a", 120, is_moving=True)
    assert (world.cut, world.all.held_bytes) == ([], 0)


def test_who_is_forgotten_holds_nothing() -> None:
    world = World()
    connection = world.holding("a", 70, is_moving=True)
    world.all.forget(connection)
    world.all.forget(connection)
    assert (len(world.all), world.all.held_bytes) == (0, 0)
