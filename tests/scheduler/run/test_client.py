"""What nimbus is told when a topology process answers, or does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.control.messages import Answer, Ask, Halt, Hello, Message, Nudge, encode
from scheduler.errors import PeerError
from scheduler.run import client
from scheduler.run.switchboard import HOST, Switchboard
from scheduler.state.files import FileStore
from scheduler.state.records import MasterRecord, path_of, write

ID = "wc-1-17"
ANSWER = Answer(is_complete=True, containers=[], tasks=[], errors=[])


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path)
    store.set(path_of(ID, "secret"), b"open sesame")
    return store


@pytest.fixture
def silent(store: FileStore) -> Iterator[socket.socket]:
    """Somebody who takes connections and never says anything."""
    with socket.create_server((HOST, 0)) as server:
        write(store, path_of(ID, "master"), MasterRecord(HOST, server.getsockname()[1], 1))
        yield server


def converse(
    store: FileStore, reply: Message, *, secret: str = "open sesame"
) -> tuple[Answer, list[Message]]:
    """Ask and nudge somebody who answers with ``reply``; return the answer and what it heard."""
    heard: list[Message] = []

    def on_message(caller: int, message: Message) -> None:
        heard.append(message)
        if isinstance(message, Ask):
            board.send((caller,), reply)

    board = Switchboard(Hello(ID, secret), on_message=on_message, on_closed=lambda _: None)

    async def run() -> Answer:
        write(store, path_of(ID, "master"), MasterRecord(HOST, await board.open(), 1))
        try:
            answer = await client.ask(store, ID, timeout_s=20)
            await client.nudge(store, ID, timeout_s=20)
        finally:
            board.close()
        return answer

    return asyncio.run(run()), heard


def test_a_question_is_answered_and_a_nudge_is_obeyed_when_it_returns(store: FileStore) -> None:
    assert converse(store, ANSWER) == (ANSWER, [Ask(), Nudge(), Ask()])


def test_the_wrong_secret_is_reported(store: FileStore) -> None:
    with pytest.raises(PeerError, match="hung up without an answer; its log says why"):
        converse(store, ANSWER, secret="another")


def test_the_wrong_answer_is_reported(store: FileStore) -> None:
    with pytest.raises(PeerError, match="answers with Halt"):
        converse(store, Halt("no"))


def test_no_topology_process_is_reported(store: FileStore) -> None:
    with pytest.raises(PeerError, match=f"the topology process of {ID} does not run now: nothing is stored"):
        asyncio.run(client.ask(store, ID, timeout_s=5))


def test_a_dead_topology_process_is_reported(store: FileStore, silent: socket.socket) -> None:
    silent.close()
    with pytest.raises(PeerError, match=r"\(pid 1, 127.0.0.1:\d+\) cannot be reached: .*refused|Connect"):
        asyncio.run(client.ask(store, ID, timeout_s=5))


def test_a_silent_topology_process_is_reported_in_time(store: FileStore, silent: socket.socket) -> None:
    with pytest.raises(PeerError, match=r"does not answer within 0.05 s"):
        asyncio.run(client.nudge(store, ID, timeout_s=0.05))


def test_a_frame_that_is_too_long_is_not_read() -> None:
    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(encode(Halt("x" * 100)))
        await client.read_message(reader, 50)

    with pytest.raises(PeerError, match=r"a frame of 1\d\d bytes, 50 are allowed"):
        asyncio.run(run())
