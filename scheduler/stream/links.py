"""What goes from one container to another, and the queue of it.

A frame is 4 bytes big-endian length and one msgpack array:

    [rows, reports, congestions, taken, follows]
    row         [destination task, source task, stream, values, trail]
    stream      its index, or the complement (~index, below 0) of a row that was passed on
    trail       [home container, root key, edge, ...] three numbers per tree, empty if unanchored
    report      [root key, xor, peers, failed] to the home of a tree
    congestion  [task, is_congested]
    taken       bytes of frames with rows that the sender of this one has taken since it last said so, and
                `RENDERED_BYTES` for each row
    follows     the version of the packing plan by which its sender routes from now on, or `LEFT`

Everything a round has for a peer goes in one frame, or in several where
that would be too large.  What was sent and not taken yet is on the way: it
is this, not what the system's buffers take, that tells of a slow peer, since
they hold megabytes, all of which it would have to keep once it reads again.
Streams are numbered by
`stream_numbers`, the same on both sides because both know the topology.

``follows`` is a mark on the link: no row that comes behind it was routed by
an older plan.  A container whose tasks leave it lets them end when it has
that mark from all others, and then says of itself that it has left: nothing
of anybody's is under way there, so that its end is no loss.
"""

from __future__ import annotations

import struct

import msgspec

from scheduler.errors import PeerError
from scheduler.topology import Topology

LEFT = -1
"""Instead of a plan's version: the sender has no task any more, and nothing is under way there."""

RENDERED_BYTES = 64
"""About so much longer than its row is a delivery; both ends count it, as if it were on the way already."""

MAX_FRAME_BYTES = 256 * 1024 * 1024  # larger than any row: a message has 64 MiB at most
_BITS = 62
_LENGTH = struct.Struct(">I")

Row = tuple[int, int, int, bytes, list[int]]
Report = tuple[int, int, int, bool]
Congestion = tuple[int, bool]
Frame = tuple[list[Row], list[Report], list[Congestion], int, int]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


def stream_numbers(topology: Topology) -> dict[tuple[str, str], int]:
    """Return (component, stream) -> number, in the order of component and stream ids."""
    pairs = sorted((c.component, stream) for c in topology.components for stream in c.streams)
    return {pair: number for number, pair in enumerate(pairs)}


def pack_frames(
    rows: list[Row],
    reports: list[Report],
    congestions: list[Congestion],
    taken_bytes: int = 0,
    follows: int = 0,
    *,
    max_bytes: int = MAX_FRAME_BYTES,
) -> bytes:
    """Return one frame; several with the rows in order, if one would be larger than ``max_bytes``."""
    body = _encode((rows, reports, congestions, taken_bytes, follows))
    if len(body) <= max_bytes or len(rows) < 2:
        return _LENGTH.pack(len(body)) + body
    half = len(rows) // 2
    # What follows says holds behind all of these rows, some of which may be older: it comes with the last.
    first = pack_frames(rows[:half], [], [], max_bytes=max_bytes)
    return first + pack_frames(rows[half:], reports, congestions, taken_bytes, follows, max_bytes=max_bytes)


class Link:
    """The way to one other container: what waits for it, what is on the way, and whether it can be reached.

    Args:
        quiet_bytes: so much may be taken before the peer is told, if there is nothing else to tell it.
        follows: the version of the packing plan by which we route.
    """

    __slots__ = (
        "_quiet_bytes",
        "_told",
        "bit",
        "congestions",
        "container_id",
        "follows",
        "is_clear",
        "is_up",
        "measured_bytes",
        "on_way_bytes",
        "peer_follows",
        "queued_bytes",
        "reports",
        "rows",
        "taken_bytes",
    )

    def __init__(self, container_id: int, quiet_bytes: int = 0, follows: int = 0) -> None:
        self.container_id = container_id
        # Beyond 62 containers some share a bit, since a report holds 64: then a loss fails more than it must.
        self.bit = 1 << container_id % _BITS
        self.is_up = False
        self.rows: list[Row] = []
        self.reports: list[Report] = []
        self.congestions: list[Congestion] = []
        self.queued_bytes = 0
        """Bytes of frames that the connection has not taken yet; kept by the shell."""
        self.on_way_bytes = 0
        """Bytes of frames with rows that the peer has not said to have taken."""
        self.taken_bytes = 0
        """Bytes of the peer's frames with rows that it was not told of yet."""
        self.measured_bytes = 0
        """What was waiting or on the way when flow control last looked."""
        self._quiet_bytes = quiet_bytes
        self.follows = follows
        """What the peer must know of us."""
        self._told: int | None = None
        self.peer_follows: int | None = None
        self.is_clear = False
        """The peer has left, and no row was sent to it since: nothing is lost with it."""

    @property
    def has_news(self) -> bool:
        """Whether there is something to send."""
        return bool(
            self.rows
            or self.reports
            or self.congestions
            or self.taken_bytes > self._quiet_bytes
            or self._told != self.follows
        )

    @property
    def ends_well(self) -> bool:
        """Whether nothing is lost if the connection ends now: the peer has left, or we have."""
        return self.is_clear or self.follows == LEFT

    def has_followed(self, version: int) -> bool:
        """Return whether the peer sends nothing any more that was routed by a plan before that version."""
        heard = self.peer_follows
        return heard is not None and (heard == LEFT or heard >= version)

    def take_frame(self) -> bytes:
        """Return all that waits as one frame (several, if it is very much), and forget it."""
        frame = pack_frames(self.rows, self.reports, self.congestions, self.taken_bytes, self.follows)
        self._told = self.follows
        if self.rows:
            self.on_way_bytes += len(frame) + len(self.rows) * RENDERED_BYTES
            self.is_clear = False
        # New lists: the old ones go at once, and clear() would keep their memory.
        self.rows, self.reports, self.congestions, self.taken_bytes = [], [], [], 0
        return frame

    def note_frame(self, body: bytes, frame: Frame) -> None:
        """Count a frame that came."""
        if frame[0]:
            self.taken_bytes += _LENGTH.size + len(body) + len(frame[0]) * RENDERED_BYTES
        self.on_way_bytes = max(0, self.on_way_bytes - frame[3])
        if frame[4] != self.peer_follows:
            self.peer_follows = frame[4]
            # What it had not read when it said so is lost with it.
            self.is_clear = frame[4] == LEFT and not self.on_way_bytes

    def drop_anchored(self) -> None:
        """Forget what belongs to trees that failed with the peer; unanchored rows wait for its successor."""
        self.rows = [row for row in self.rows if not row[4]]
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was said over a connection that is gone; all rows wait for the next one."""
        self._told = self.peer_follows = None
        self.is_clear = False
        self.reports.clear()
        self.congestions.clear()
        self.queued_bytes = self.on_way_bytes = self.taken_bytes = self.measured_bytes = 0


class FrameSplitter:
    """Cut the bytes of a connection into the bodies of frames."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self.max_frame_bytes = max_frame_bytes
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
            if length > self.max_frame_bytes:
                raise PeerError(f"a frame of {length} bytes exceeds {self.max_frame_bytes}")
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
    except msgspec.MsgspecError as exc:
        raise PeerError(f"a frame between containers cannot be read: {exc}") from exc
    for row in frame[0]:
        if len(row[4]) % 3:
            raise PeerError(f"a row has a trail of {len(row[4])} numbers, which is no multiple of 3")
    return frame
