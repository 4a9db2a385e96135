"""Whose call it is, as seen from everything that a call starts."""

from __future__ import annotations

import asyncio

from storm_compat.caller import NOBODY, Caller, calling, current

ALICE = Caller(principal="alice", transport="digest", peer="127.0.0.1:4711")
BOB = Caller(principal="bob", transport="tls")


def test_outside_of_calls_nobody_is_the_caller() -> None:
    assert current() == NOBODY == Caller(principal=None, transport="plain", peer="")


def test_the_caller_is_current_for_the_body_only() -> None:
    with calling(ALICE):
        assert current() is ALICE
        with calling(BOB):
            assert current() is BOB
        assert current() is ALICE
    assert current() is NOBODY


def test_calls_at_the_same_time_do_not_see_each_other() -> None:
    async def call(caller: Caller) -> list[Caller]:
        with calling(caller):
            await asyncio.sleep(0)
            return [current(), await asyncio.to_thread(current)]

    async def both() -> list[list[Caller]]:
        return await asyncio.gather(call(ALICE), call(BOB))

    assert asyncio.run(both()) == [[ALICE, ALICE], [BOB, BOB]]
