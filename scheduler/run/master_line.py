"""The line of a container to its topology process: found in the state store, kept for life.

The topology process may die and come back elsewhere: the container goes on
moving tuples, and looks for it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from scheduler.control import messages
from scheduler.errors import NoSuchNode, PeerError, StateError
from scheduler.run.loop import Loop
from scheduler.run.transport import FramedSocket
from scheduler.state.records import MasterRecord, path_of, read
from scheduler.state.store import StateStore

log = logging.getLogger(__name__)

_RETRY_S = 0.2


class MasterLine:
    """Connects, registers, reconnects; hands each message to ``on_message``."""

    def __init__(
        self,
        loop: Loop,
        store: StateStore,
        *,
        hello: messages.Hello,
        register: messages.Register,
        on_message: Callable[[messages.AnyMessage, float], None],
        on_orphaned: Callable[[str], None],
        orphan_s: float,
    ) -> None:
        self._loop = loop
        self._store = store
        self._hello = hello
        self._register = register
        self._on_message = on_message
        self._on_orphaned = on_orphaned
        self._orphan_s = orphan_s
        self._connection: FramedSocket | None = None
        self._alone_since: float | None = None

    def start(self, now: float) -> None:
        """Connect now, or as soon as there is somebody."""
        self._connect(now)

    def send(self, message: messages.AnyMessage) -> bool:
        """Send if there is a line; return whether there is."""
        if self._connection is None:
            return False
        return self._connection.send(messages.encode(message))

    def register(self, register: messages.Register) -> None:
        """Say from now on, and at once if there is a line, who we are."""
        self._register = register
        self.send(register)

    def close(self) -> None:
        """Hang up for good."""
        if self._connection is not None:
            self._connection.close()

    def _connect(self, now: float) -> None:
        if self._alone_since is None:
            self._alone_since = now
        topology_id = self._hello.topology_id
        try:
            master = read(self._store, path_of(topology_id, "master"), MasterRecord)
            connection = FramedSocket.connect(
                self._loop, master.host, master.port, self._on_frame, self._on_lost
            )
        except (StateError, OSError) as exc:
            self._wait(str(exc), now)
            return
        self._connection = connection
        connection.send(messages.encode(self._hello))
        connection.send(messages.encode(self._register))

    def _wait(self, reason: str, now: float) -> None:
        assert self._alone_since is not None
        alone_s = now - self._alone_since
        if not self._is_known():
            self._on_orphaned("the topology is no longer in the state store")
        elif alone_s > self._orphan_s:
            self._on_orphaned(
                f"there has been no topology process for {alone_s:.0f} s; the last try: {reason}"
            )
        else:
            self._loop.call_at(now + _RETRY_S, self._connect)

    def _is_known(self) -> bool:
        try:
            self._store.get(path_of(self._hello.topology_id, "status"))
        except NoSuchNode:
            return False
        except StateError:
            return True  # a store that cannot be read now says nothing
        return True

    def _on_frame(self, _: FramedSocket, body: bytes, now: float) -> None:
        try:
            message = messages.decode(body)
        except msgspec.MsgspecError as exc:
            raise PeerError(f"the topology process sent what cannot be read: {exc}") from exc
        self._alone_since = None
        self._on_message(message, now)

    def _on_lost(self, _: FramedSocket, reason: str, now: float) -> None:
        log.warning("topology process lost reason=%s", reason)
        self._connection = None
        if self._alone_since is None:
            self._alone_since = now
        self._wait(reason, now)
