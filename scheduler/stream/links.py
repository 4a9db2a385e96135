"""What goes from one container to another, and the queue of it.

A frame is 4 bytes big-endian length and one msgpack array:

    [rows, reports, congestions]
    row         [destination task, source task, stream index, values, trail]
    trail       [home container, root key, edge, ...] three numbers per tree, empty if unanchored
    report      [root key, xor, peers, failed] to the home of a tree
    congestion  [task, is_congested]

Everything a round has for a peer goes in one frame.  Streams are numbered by
`stream_numbers`, the same on both sides because both know the topology.
"""

from __future__ import annotations

import struct

import msgspec

from scheduler.errors import PeerError
from scheduler.topology import Topology

MAX_FRAME_BYTES = 256 * 1024 * 1024  # larger than any round of legal messages
_LENGTH = struct.Struct(">I")

Row = tuple[int, int, int, bytes, list[int]]
Report = tuple[int, int, int, bool]
Congestion = tuple[int, bool]
Frame = tuple[list[Row], list[Report], list[Congestion]]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


def stream_numbers(topology: Topology) -> dict[tuple[str, str], int]:
    """Return (component, stream) -> number, in the order of component and stream ids."""
    pairs = sorted((c.component, stream) for c in topology.components for stream in c.streams)
    return {pair: number for number, pair in enumerate(pairs)}


class Link:
    """The way to one other container: what waits for it, and whether it can be reached."""

    __slots__ = ("bit", "congestions", "container_id", "is_up", "queued_bytes", "reports", "rows")

    def __init__(self, container_id: int) -> None:
        self.container_id = container_id
        self.bit = 1 << container_id
        self.is_up = False
        self.rows: list[Row] = []
        self.reports: list[Report] = []
        self.congestions: list[Congestion] = []
        self.queued_bytes = 0
        """Bytes of frames that the connection has not taken yet; kept by the shell."""

    @property
    def has_news(self) -> bool:
        """Whether there is something to send."""
        return bool(self.rows or self.reports or self.congestions)

    def take_frame(self) -> bytes:
        """Return all that waits as one frame, and forget it."""
        body = _encode((self.rows, self.reports, self.congestions))
        # New lists: the old ones go at once, and clear() would keep their memory.
        self.rows, self.reports, self.congestions = [], [], []
        return _LENGTH.pack(len(body)) + body

    def drop_anchored(self) -> None:
        """Forget what belongs to trees that failed with the peer; unanchored rows wait for its successor."""
        self.rows = [row for row in self.rows if not row[4]]
        self.reports.clear()
        self.congestions.clear()
        self.queued_bytes = 0


class FrameSplitter:
    """Cut the bytes of a connection into the bodies of frames."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = _LENGTH.size

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies completed by ``data``, oldest first.

        Raises:
            PeerError: a length that no peer of ours sends.
        """
        self._chunks.append(data)
        self._have += len(data)
        if self._have < self._need:
            return []
        buffer = b"".join(self._chunks)
        bodies = []
        position = 0
        while len(buffer) - position >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, position)
            if length > MAX_FRAME_BYTES:
                raise PeerError(f"a frame of {length} bytes exceeds {MAX_FRAME_BYTES}")
            stop = position + _LENGTH.size + length
            if stop > len(buffer):
                self._need = stop - position
                break
            bodies.append(buffer[position + _LENGTH.size : stop])
            position = stop
        else:
            self._need = _LENGTH.size
        rest = buffer[position:]
        self._chunks = [rest] if rest else []
        self._have = len(rest)
        return bodies


def decode_frame(body: bytes) -> Frame:
    """Return the rows, reports and congestions of a frame's body.

    Raises:
        PeerError: it is none.
    """
    try:
        frame: Frame = _decode(body)
        return frame
    except msgspec.MsgspecError as exc:
        raise PeerError(f"a frame between containers cannot be read: {exc}") from exc
