"""The data links of a container: who connects to whom, and who may.

Of two containers the one with the lower id connects.  Its first frame says
who it is and knows the topology's secret; the answer is the same from the
other side.  A peer whose incarnation is not the plan's is no peer.  Who has
not said who it is may send little, and makes room for others.
"""

from __future__ import annotations

import hmac
import logging
import socket
import time

import msgspec

from scheduler.errors import PeerError
from scheduler.plan import Address, PhysicalPlan
from scheduler.run.loop import READ, Loop
from scheduler.run.transport import FramedSocket
from scheduler.stream.router import StreamManager

log = logging.getLogger(__name__)

_RETRY_S = 0.1
_HELLO_DEADLINE_S = 5.0
_MAX_STRANGERS = 64
_HELLO_BYTES = 4096
_WRITE_S = 1.0


class PeerHello(msgspec.Struct, frozen=True, tag=True):
    """First frame of a data link, from both sides."""

    topology_id: str
    container_id: int
    incarnation: int
    secret: str


class Peers:
    """Keeps a link to every other container of the physical plan."""

    def __init__(self, loop: Loop, manager: StreamManager, *, me: PeerHello, host: str = "127.0.0.1") -> None:
        self._loop = loop
        self._manager = manager
        self._me = me
        self._hello = _frame(me)
        self._plan: dict[int, Address] = {}
        self._links: dict[int, FramedSocket] = {}
        self._incarnations: dict[int, int] = {}
        self._strangers: dict[FramedSocket, None] = {}
        """Who has not said hello yet, oldest first."""
        self._refused_count = 0
        self._names: dict[FramedSocket, PeerHello] = {}
        self._listener = socket.create_server((host, 0), backlog=64)
        self._listener.setblocking(False)
        loop.add(self._listener.fileno(), READ, self._on_connection, is_waiter=True)
        name = self._listener.getsockname()
        self.address = Address(me.container_id, me.incarnation, name[0], name[1])

    def start(self, now: float) -> None:
        """Hold back everything that goes to containers not linked yet."""
        for container_id in self._manager.links:
            self._manager.link_down(container_id, now)

    def follow(self, plan: PhysicalPlan, now: float) -> None:
        """Link to the containers of ``plan``, and give up those that are gone or have been replaced."""
        self._plan = {a.container_id: a for a in plan.containers if a.container_id != self._me.container_id}
        for container_id in self._plan:
            self._manager.add_link(container_id, now)
        for container_id in list(self._links):
            wanted = self._plan.get(container_id)
            if wanted is None or wanted.incarnation != self._incarnations[container_id]:
                self._links[container_id].read_rest(now)  # what it sent before it ended counts
                if container_id in self._links:
                    self._drop(container_id, "it was replaced", now)
        planned = self._manager.placement.container_ids
        for container_id in self._manager.links.keys() - self._plan.keys() - planned:
            self._manager.remove_link(container_id, now)
        for address in self._plan.values():
            self._dial(address, now)

    def send_all(self, now: float) -> None:
        """Send what this round has for each peer, as one frame each."""
        for container_id, link in self._manager.links.items():
            connection = self._links.get(container_id)
            if connection is None or not link.is_up:
                continue
            if link.has_news:
                connection.send(link.take_frame())
            link.queued_bytes = connection.queued_bytes
            self._manager.gates.measure_link(link, now)

    def write_rest(self) -> None:
        """Wait until all that was sent is written, for a second at most."""
        deadline = time.monotonic() + _WRITE_S
        for connection in list(self._links.values()):
            connection.write_rest(deadline)

    def close(self) -> None:
        """Close all links and stop listening."""
        for connection in [*self._links.values(), *self._strangers]:
            connection.close()
        self._loop.remove(self._listener.fileno())
        self._listener.close()

    def _dial(self, address: Address, now: float) -> None:
        if address.container_id in self._links or address.container_id < self._me.container_id:
            return
        if self._plan.get(address.container_id) != address:
            return
        if any(n.container_id == address.container_id for n in self._names.values()):
            return  # on its way already
        try:
            connection = FramedSocket.connect(
                self._loop, address.host, address.port, self._on_hello, self._on_stranger_lost
            )
        except OSError as exc:
            log.debug("peer unreachable container=%d reason=%s", address.container_id, exc)
            self._loop.call_at(now + _RETRY_S, lambda then: self._dial(address, then))
            return
        self._strangers[connection] = None
        self._names[connection] = PeerHello(
            self._me.topology_id, address.container_id, address.incarnation, ""
        )
        connection.send(self._hello)

    def _on_connection(self, _events: int, now: float) -> None:
        def give_up(stranger: FramedSocket) -> None:
            if stranger in self._strangers:
                del self._strangers[stranger]
                stranger.close()

        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return
        callers = [stranger for stranger in self._strangers if stranger not in self._names]
        if len(callers) >= _MAX_STRANGERS:
            give_up(callers[0])
        connection = FramedSocket(
            self._loop, accepted, self._on_hello, self._on_stranger_lost, max_frame_bytes=_HELLO_BYTES
        )
        self._strangers[connection] = None

        self._loop.call_at(now + _HELLO_DEADLINE_S, lambda _: give_up(connection))

    def _on_hello(self, connection: FramedSocket, body: bytes, now: float) -> None:
        if connection not in self._strangers:
            self._on_frame(connection, body, now)
            return
        try:
            hello = msgspec.msgpack.decode(body, type=PeerHello)
        except msgspec.MsgspecError as exc:
            raise PeerError(f"no hello of a container: {exc}") from exc
        me = self._me
        expected = self._names.get(connection)
        if not hmac.compare_digest(hello.secret.encode(), me.secret.encode()):
            raise PeerError("a hello with a wrong secret")
        if hello.topology_id != me.topology_id or hello.container_id not in self._manager.links:
            raise PeerError(f"a hello from container {hello.container_id} of {hello.topology_id}")
        # Where the plan does not have it yet, it may be faster than the plan.
        known = expected or self._plan.get(hello.container_id)
        if known is not None and known.incarnation != hello.incarnation:
            raise PeerError(f"container {hello.container_id} was replaced meanwhile")
        del self._strangers[connection]
        connection.trust()
        self._names[connection] = hello
        if hello.container_id in self._links:
            self._drop(hello.container_id, "it connected anew", now)
            self._names[connection] = hello
        if expected is None:
            connection.send(self._hello)
        self._links[hello.container_id] = connection
        self._incarnations[hello.container_id] = hello.incarnation
        self._manager.link_up(hello.container_id, now)
        log.info("linked container=%d", hello.container_id)

    def _on_frame(self, connection: FramedSocket, body: bytes, now: float) -> None:
        self._manager.receive_frame(self._names[connection].container_id, body, now)

    def _on_stranger_lost(self, connection: FramedSocket, reason: str, now: float) -> None:
        self._strangers.pop(connection, None)
        name = self._names.pop(connection, None)
        if name is None:
            self._refused_count += 1
            if self._refused_count & (self._refused_count - 1) == 0:  # strangers must not fill the disk
                log.warning("connection refused reason=%s refused_count=%d", reason, self._refused_count)
            return
        if self._links.get(name.container_id) is connection:
            self._drop(name.container_id, reason, now)
        address = self._plan.get(name.container_id)
        if address is not None:
            self._loop.call_at(now + _RETRY_S, lambda then: self._dial(address, then))

    def _drop(self, container_id: int, reason: str, now: float) -> None:
        connection = self._links.pop(container_id)
        self._incarnations.pop(container_id, None)
        self._names.pop(connection, None)
        connection.close()
        if self._manager.links[container_id].ends_well:
            log.info("link ended container=%d", container_id)
        else:
            log.warning("link lost container=%d reason=%s", container_id, reason)
        self._manager.link_down(container_id, now)


def _frame(hello: PeerHello) -> bytes:
    body = msgspec.msgpack.encode(hello)
    return len(body).to_bytes(4, "big") + body
