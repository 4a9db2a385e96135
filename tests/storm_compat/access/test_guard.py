"""Calls that are asked about before they are made, over a registry with one topology."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storm_compat.access.authorizer import Authorizer
from storm_compat.access.guard import Guarded, groups_of
from storm_compat.caller import Caller, calling
from storm_compat.thrift import idl
from tests.storm_compat.fakes import World, play

storm: Any = idl.load()
CONF = {
    "nimbus.authorizer": "x.SimpleACLAuthorizer",
    "nimbus.admins": ["root"],
    "nimbus.users": ["amy", "bob"],
}


class Handler:
    """Notes what gets through."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.machine = "here"

    def killTopology(self, name: str) -> None:  # noqa: N802  Storm's name
        self.calls.append(("killTopology", name))

    async def getTopologyInfo(self, topology_id: str) -> str:  # noqa: N802  Storm's name
        await asyncio.sleep(0)
        self.calls.append(("getTopologyInfo", topology_id))
        return "info"

    def setLogConfig(self, key: str, config: object) -> None:  # noqa: N802  Storm's name
        self.calls.append(("setLogConfig", key))

    def submitTopology(self, name: str) -> None:  # noqa: N802  Storm's name
        self.calls.append(("submitTopology", name))


def story(tmp_path: Path, tell: Callable[[Guarded, Handler, str], Any]) -> None:
    async def run() -> None:
        world = World(tmp_path)
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission("wc", principal="amy"))
            handler = Handler()
            guarded = Guarded(handler, Authorizer.from_conf(CONF, groups_of), topologies)
            await tell(guarded, handler, topology_id)

    play(run)


def refused(text: str) -> Any:
    return pytest.raises(storm.AuthorizationException, match=rf"msg='{text}'")


def test_who_submitted_a_topology_may_do_everything_with_it_and_others_may_not(tmp_path: Path) -> None:
    async def tell(guarded: Guarded, handler: Handler, topology_id: str) -> None:
        with calling(Caller(principal="amy", transport="digest")):
            guarded.killTopology("wc")
            assert await guarded.getTopologyInfo(topology_id) == "info"
            guarded.setLogConfig(topology_id, None)
            guarded.setLogConfig("wc", None)
        assert [name for name, _ in handler.calls] == [
            "killTopology", "getTopologyInfo", "setLogConfig", "setLogConfig",
        ]  # fmt: skip
        handler.calls.clear()
        with calling(Caller(principal="bob", transport="digest")):
            with refused("killTopology on topology wc is not authorized"):
                guarded.killTopology("wc")
            with refused("getTopologyInfo on topology wc is not authorized"):
                await guarded.getTopologyInfo(topology_id)
            with refused("setLogConfig on topology wc is not authorized"):
                guarded.setLogConfig(topology_id, None)
        assert handler.calls == []

    story(tmp_path, tell)


def test_what_users_do_is_asked_with_the_name_they_give(tmp_path: Path) -> None:
    async def tell(guarded: Guarded, handler: Handler, topology_id: str) -> None:
        with calling(Caller(principal="bob")):
            guarded.submitTopology("new")
        for stranger in (None, "eve"):
            with (
                calling(Caller(principal=stranger)),
                refused("submitTopology on topology new is not authorized"),
            ):
                guarded.submitTopology("new")
        assert handler.calls == [("submitTopology", "new")]

    story(tmp_path, tell)


def test_a_topology_that_does_not_exist_is_not_alive_whoever_asks(tmp_path: Path) -> None:
    async def tell(guarded: Guarded, handler: Handler, topology_id: str) -> None:
        for principal in ("amy", "root", None):
            with calling(Caller(principal=principal)):
                with pytest.raises(storm.NotAliveException, match="msg='nosuch is not alive'"):
                    guarded.killTopology("nosuch")
                with pytest.raises(storm.NotAliveException, match="msg='nosuch'"):
                    await guarded.getTopologyInfo("nosuch")
                with pytest.raises(storm.NotAliveException):
                    guarded.setLogConfig(None, None)

    story(tmp_path, tell)


def test_what_the_handler_lacks_is_still_lacking_and_what_is_no_call_is_its_own(tmp_path: Path) -> None:
    async def tell(guarded: Guarded, handler: Handler, topology_id: str) -> None:
        assert getattr(guarded, "rebalance", None) is None
        assert guarded.machine == "here"

    story(tmp_path, tell)


def test_groups_of_a_user_this_machine_does_not_know_are_none() -> None:
    assert groups_of("nobody-of-that-name") == frozenset()
    assert groups_of("nul\0") == frozenset()
    assert "root" in groups_of("root")
