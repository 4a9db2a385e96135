"""One question to a topology process, from an asyncio program such as nimbus.

    store: where it listens, and the secret --> Hello, then Ask or Nudge --> Answer

A connection serves one question: topology processes are on the same machine
or near, and are asked a few times a second at most.
"""

from __future__ import annotations

import asyncio

import msgspec

from scheduler.control.messages import (
    MAX_FRAME_BYTES,
    Answer,
    AnyMessage,
    Ask,
    Hello,
    Nudge,
    RestartContainer,
    decode,
    encode,
)
from scheduler.errors import NoSuchNode, PeerError, StateError
from scheduler.state.records import MasterRecord, path_of, read
from scheduler.state.store import StateStore


async def ask(store: StateStore, topology_id: str, *, timeout_s: float) -> Answer:
    """Return what the topology process knows of its topology.

    Raises:
        PeerError: there is none that can be reached, or it does not answer in time; says which.
    """
    return await _converse(store, topology_id, b"", timeout_s)


async def nudge(store: StateStore, topology_id: str, *, timeout_s: float) -> None:
    """Return once the topology process has read its status anew.

    Raises:
        PeerError: as `ask`; the status is read within a second of its coming back all the same.
    """
    # The question is answered after the nudge was obeyed: frames are taken in order.
    await _converse(store, topology_id, encode(Nudge()), timeout_s)


async def restart(store: StateStore, topology_id: str, container_id: int, *, timeout_s: float) -> None:
    """Return once the topology process is about to end a container, to start it again.

    Raises:
        PeerError: as `ask`.
    """
    await _converse(store, topology_id, encode(RestartContainer(container_id)), timeout_s)


async def read_message(reader: asyncio.StreamReader, limit_bytes: int = MAX_FRAME_BYTES) -> AnyMessage:
    """Return the next message of a connection.

    Raises:
        EOFError: the connection ends, between frames or within one.
        PeerError: a frame is longer than ``limit_bytes`` or none of ours.
    """
    length = int.from_bytes(await reader.readexactly(4), "big")
    if length > limit_bytes:
        raise PeerError(f"a frame of {length} bytes, {limit_bytes} are allowed")
    body = await reader.readexactly(length)
    try:
        return decode(body)
    except msgspec.MsgspecError as exc:
        raise PeerError(f"a frame of {length} bytes that is no control message: {exc}") from exc


async def _converse(store: StateStore, topology_id: str, order: bytes, timeout_s: float) -> Answer:
    where = f"the topology process of {topology_id}"
    try:
        master = read(store, path_of(topology_id, "master"), MasterRecord)
        secret = store.get(path_of(topology_id, "secret"))[0].decode()
    except NoSuchNode as exc:
        raise PeerError(f"{where} does not run now: {exc}") from exc
    except StateError as exc:
        raise PeerError(f"{where} cannot be found: {exc}") from exc
    where = f"{where} (pid {master.pid}, {master.host}:{master.port})"
    try:
        async with asyncio.timeout(timeout_s):
            frames = encode(Hello(topology_id, secret)) + order + encode(Ask())
            return await _exchange(master, frames, where)
    except TimeoutError as exc:
        raise PeerError(f"{where} does not answer within {timeout_s:g} s") from exc
    except EOFError as exc:
        raise PeerError(f"{where} hung up without an answer; its log says why") from exc
    except OSError as exc:
        raise PeerError(f"{where} cannot be reached: {exc}") from exc


async def _exchange(master: MasterRecord, frames: bytes, where: str) -> Answer:
    reader, writer = await asyncio.open_connection(master.host, master.port)
    try:
        writer.write(frames)
        message = await read_message(reader)
    finally:
        writer.close()
    if not isinstance(message, Answer):
        raise PeerError(f"{where} answers with {type(message).__name__}")
    return message
