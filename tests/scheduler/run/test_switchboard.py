"""Who may call the topology process, and what becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from scheduler.control.messages import Ask, Halt, Hello, Message, Nudge, SetActive, encode
from scheduler.run.client import read_message
from scheduler.run.switchboard import HELLO_BYTES, HOST, MAX_STRANGERS, Switchboard

HELLO = Hello("wc-1", "open sesame")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Story = Callable[["Calls", Callable[[], Awaitable[Streams]]], Awaitable[None]]


class Calls:
    """A switchboard, and what it handed on."""

    def __init__(self, hello_s: float) -> None:
        self.board = Switchboard(HELLO, on_message=self.message, on_closed=self.closed, hello_s=hello_s)
        self.heard: list[tuple[int, Message | None]] = []
        self.news = asyncio.Event()

    def message(self, caller: int, message: Message) -> None:
        self.heard.append((caller, message))
        self.news.set()
        if isinstance(message, Halt):
            raise RuntimeError(message.reason)

    def closed(self, caller: int) -> None:
        self.heard.append((caller, None))
        self.news.set()

    async def until(self, count: int) -> None:
        while len(self.heard) < count:
            self.news.clear()
            await self.news.wait()


def play(story: Story, *, hello_s: float = 60.0) -> None:
    async def run() -> None:
        calls = Calls(hello_s)
        port = await calls.board.open()
        writers = []

        async def connect() -> Streams:
            reader, writer = await asyncio.open_connection(HOST, port)
            writers.append(writer)
            return reader, writer

        await story(calls, connect)
        calls.board.close()
        for writer in writers:
            writer.close()

    asyncio.run(run())


def test_messages_are_handed_on_under_the_callers_number() -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        _, writer = await connect()
        writer.write(encode(HELLO) + encode(Ask()) + encode(Nudge()))
        await calls.until(2)
        writer.close()
        await calls.until(3)
        assert calls.heard == [(1, Ask()), (1, Nudge()), (1, None)]

    play(story)


def test_each_caller_is_sent_what_is_for_it() -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        streams = [await connect() for _ in range(3)]
        for count, (_, writer) in enumerate(streams, start=1):
            writer.write(encode(HELLO) + encode(Ask()))
            await calls.until(count)
        calls.board.send((1, 3, 99), SetActive(is_active=True))
        calls.board.send((2,), Halt("enough"))
        assert await read_message(streams[0][0]) == SetActive(is_active=True)
        assert await read_message(streams[1][0]) == Halt("enough")
        assert await read_message(streams[2][0]) == SetActive(is_active=True)

    play(story)


def test_who_is_hung_up_on_gets_all_that_was_sent_and_is_not_heard_any_more() -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(encode(HELLO) + encode(Ask()))
        await calls.until(1)
        writer.write(encode(Nudge()) * 100)
        calls.board.send((1,), Halt("replaced"))
        calls.board.hang_up(1)
        assert await read_message(reader) == Halt("replaced")
        await calls.until(2)
        assert calls.heard == [(1, Ask()), (1, None)]

    play(story)


@pytest.mark.parametrize(
    "frames",
    [
        encode(Hello("wc-1", "wrong")) + encode(Ask()),
        encode(Hello("wc-1", "öffne dich")) + encode(Ask()),
        encode(Hello("wc-2", "open sesame")) + encode(Ask()),
        encode(Ask()),
        (HELLO_BYTES + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x00",
    ],
)
def test_without_the_right_first_frame_nothing_is_handed_on(frames: bytes) -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(frames)
        assert await reader.read() == b""
        assert calls.heard == []

    play(story)


def test_who_does_not_say_hello_in_time_is_hung_up_on() -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(encode(HELLO)[:10])
        assert await reader.read() == b""
        assert calls.heard == []

    play(story, hello_s=0.05)


def test_a_message_that_cannot_be_handled_costs_only_its_own_connection() -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(encode(HELLO) + encode(Halt("boom")))
        assert await reader.read() == b""
        _, other = await connect()
        other.write(encode(HELLO) + encode(Ask()))
        await calls.until(3)
        assert calls.heard == [(1, Halt("boom")), (1, None), (2, Ask())]

    play(story)


def test_strangers_keep_nobody_out() -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, _ = await connect()
        for _ in range(MAX_STRANGERS):
            await connect()
        assert await reader.read() == b""
        _, writer = await connect()
        writer.write(encode(HELLO) + encode(Ask()))
        await calls.until(1)

    play(story)


def test_refusals_are_logged_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    async def story(calls: Calls, connect: Callable[[], Awaitable[Streams]]) -> None:
        for _ in range(9):
            reader, writer = await connect()
            writer.write(encode(Ask()))
            await reader.read()

    play(story)
    assert [r.getMessage().rpartition("=")[2] for r in caplog.records] == ["1", "2", "4", "8"]
