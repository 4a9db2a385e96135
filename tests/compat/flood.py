"""A client that means harm: sends spoilt frames and sees to it that each has been read.

    python -m tests.compat.flood HOST PORT COUNT SEED

Prints a JSON object: how many frames were read, how many were answered, how many ended their connection.
"""

from __future__ import annotations

import json
import random
import socket
import sys
from dataclasses import asdict, dataclass

from storm_compat.thrift.wire_scan import WireError, scan_message
from tests.fuzz import corpus
from tests.fuzz.spoil import spoilt

BATCH = 100
KINDS = 4_000
TIMEOUT_S = 120.0
_SENTINEL_SEQID = 0x7E7E7E7E
_SENTINEL = b"\x80\x01\0\x01\0\0\0\x09getLeader" + _SENTINEL_SEQID.to_bytes(4) + b"\0"


@dataclass
class Tally:
    """What became of the frames."""

    read: int = 0
    answered: int = 0
    closed: int = 0


def frames(count: int, seed: int) -> list[bytes]:
    """Return spoilt messages in sound frames, of `KINDS` different ones; every tenth ends its connection.

    None of them can begin a blob or an upload, which would be honest work.
    """
    dice = random.Random(seed)
    seeds = corpus.contents("messages")
    sound, broken = [], []
    while min(len(sound), len(broken)) < KINDS // 2:
        data = spoilt(dice.choice(seeds), dice)
        if b"begin" not in data:
            (sound if _is_sound(data) else broken).append(len(data).to_bytes(4) + data)
    return [dice.choice(broken if dice.random() < 0.1 else sound) for _ in range(count)]


def _is_sound(data: bytes) -> bool:
    """Return whether a message has an end, so that a server may go on behind it."""
    try:
        scan_message(data)
    except WireError:
        return False
    return True


def flood(address: tuple[str, int], wanted: list[bytes]) -> Tally:
    """Send all; what follows a frame that ended its connection is sent again on the next one."""
    tally = Tally()
    at = 0
    while at < len(wanted):
        with socket.create_connection(address, timeout=TIMEOUT_S) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_open = True
            while is_open and at < len(wanted):
                batch = wanted[at : at + BATCH]
                is_open, answers = _send(sock, batch)
                # A frame that ends the connection may do so without an answer; then it comes first next time.
                read = len(batch) if is_open else max(answers, 1)
                tally.read += read
                tally.answered += answers
                tally.closed += not is_open
                at += read
    return tally


def _send(sock: socket.socket, batch: list[bytes]) -> tuple[bool, int]:
    """Return whether the connection lives on, and how many answers came before the last or the end."""
    answers = 0
    buffered = bytearray()
    try:
        sock.sendall(b"".join(batch) + len(_SENTINEL).to_bytes(4) + _SENTINEL)
        while True:
            chunk = sock.recv(65536)
            if not chunk:
                return False, answers
            buffered += chunk
            while len(buffered) >= 4 and len(buffered) >= (end := 4 + int.from_bytes(buffered[:4])):
                if _is_sentinel(bytes(buffered[4:end])):
                    return True, answers
                answers += 1
                del buffered[:end]
    except (BrokenPipeError, ConnectionResetError):
        return False, answers


def _is_sentinel(message: bytes) -> bool:
    return message[8:17] == b"getLeader" and message[17:21] == _SENTINEL_SEQID.to_bytes(4)


if __name__ == "__main__":
    host, port, count, seed = sys.argv[1], *map(int, sys.argv[2:])
    json.dump(asdict(flood((host, port), frames(count, seed))), sys.stdout)
