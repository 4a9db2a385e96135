"""Signing in by SASL as Storm's clients do: bytes in, bytes out, until a principal is known.

    message = 1 byte status, 4 bytes length, payload
    client  START name | OK or COMPLETE response | ...
    server            | OK challenge            | COMPLETE, and from now on frames of calls

A server says BAD when it does not believe the client and ERROR when it does not understand it; the payload
says why. Two mechanisms: `Plain` here, DIGEST-MD5 in `digest`. No I/O, no clock; nonces come in as arguments.

Source: thrift:lib/java/src/main/java/org/apache/thrift/transport/TSaslServerTransport.java
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from storm_compat.thrift import ThriftError

MAX_PAYLOAD_BYTES = 16 * 1024
"""Answers of real clients have some hundred bytes."""

MAX_NAME_CHARS = 256

HEADER_BYTES = 5


class Status(IntEnum):
    """What a message says about the negotiation."""

    START = 1
    OK = 2
    BAD = 3
    ERROR = 4
    COMPLETE = 5


class Rejected(ThriftError):
    """The client does not get in; ``reply`` tells it so."""

    def __init__(self, reason: str, status: Status = Status.BAD) -> None:
        super().__init__(reason)
        self.reply = message(status, reason.encode())


@dataclass(frozen=True, slots=True)
class Proof:
    """A client proved to be ``authentication_id``; ``payload`` is the last word to it."""

    authentication_id: str
    authorization_id: str = ""
    """Whose name it wants to act in; empty: its own."""

    payload: bytes = b""


class Mechanism(Protocol):
    """One way to prove who one is, for one negotiation."""

    def step(self, response: bytes) -> bytes | Proof:
        """Return the next challenge, or the proof that ends it.

        Raises:
            Rejected: the response proves nothing.
        """


class Negotiation:
    """One client signing in. Feed it `wanted_bytes` at a time until there is a `principal`."""

    def __init__(
        self,
        mechanisms: Mapping[str, Callable[[], Mechanism]],
        may_act_for: Callable[[str, str], bool] = lambda own, other: False,
    ) -> None:
        self._mechanisms = mechanisms
        self._may_act_for = may_act_for
        self._mechanism: Mechanism | None = None
        self._status: Status | None = None  # of the message whose payload is to come
        self.wanted_bytes = HEADER_BYTES
        self.principal: str | None = None

    def handle(self, data: bytes) -> bytes:
        """Return what to send, often nothing.

        Raises:
            Rejected: the client does not get in.
        """
        if self._status is None:
            size = self._header(data)
            if size:
                self.wanted_bytes = size
                return b""
            data = b""
        status, self._status, self.wanted_bytes = self._status, None, HEADER_BYTES
        if self._mechanism is None:
            return self._begin(status, data)
        if status not in {Status.OK, Status.COMPLETE}:
            raise Rejected(f"Expected COMPLETE or OK, got {status.name if status else status}", Status.ERROR)
        outcome = self._mechanism.step(data)
        if isinstance(outcome, bytes):
            return message(Status.OK, outcome)
        self.principal = self._principal_of(outcome)
        return message(Status.COMPLETE, outcome.payload)

    def _header(self, data: bytes) -> int:
        """Return how long the payload is."""
        try:
            self._status = Status(data[0])
        except ValueError:
            raise Rejected(f"Invalid status {data[0]}", Status.ERROR) from None
        size = int.from_bytes(data[1:], signed=True)
        if not 0 <= size <= MAX_PAYLOAD_BYTES:
            raise Rejected(f"Invalid payload header length: {size}", Status.ERROR)
        return size

    def _begin(self, status: Status | None, name: bytes) -> bytes:
        if status is not Status.START:
            raise Rejected(
                f"Expecting START status, received {status.name if status else status}", Status.ERROR
            )
        make = self._mechanisms.get(name.decode(errors="replace"))
        if make is None:
            raise Rejected(
                f"Unsupported mechanism type {name[:40].decode(errors='replace')}; "
                f"supported here: {', '.join(self._mechanisms)}"
            )
        self._mechanism = make()
        return b""

    def _principal_of(self, proof: Proof) -> str:
        own, other = proof.authentication_id, proof.authorization_id
        if other and other != own and not self._may_act_for(own, other):
            raise Rejected(
                f"principal {own} is not authorized to impersonate principal {other}. "
                "nimbus.impersonation.acl says who may"
            )
        return other or own


class Plain:
    """PLAIN, RFC 4616: name and password as they are. Without ``passwords`` anybody knows the word."""

    ANYBODYS_PASSWORD = "password"

    def __init__(self, passwords: Mapping[str, str] | None) -> None:
        self._passwords = passwords

    def step(self, response: bytes) -> Proof:
        try:
            other, own, password = response.decode().split("\0")
        except ValueError:
            raise Rejected(
                "PLAIN: expected authorization id, name and password, with NUL between them"
            ) from None
        if not own or max(len(own), len(other)) > MAX_NAME_CHARS:
            raise Rejected(f"PLAIN: a name has 1 to {MAX_NAME_CHARS} characters")
        wanted = self.ANYBODYS_PASSWORD if self._passwords is None else self._passwords.get(own)
        is_same = hmac.compare_digest(password.encode(), (wanted or "").encode())
        if not is_same or not wanted:
            raise Rejected("PLAIN: wrong user name or password")
        return Proof(own, other)


def message(status: Status, payload: bytes) -> bytes:
    """Return what stands on the wire."""
    return bytes([status]) + len(payload).to_bytes(4) + payload
