"""Signing in by SASL from the client's side, the counterpart of `sasl`: bytes in, bytes out.

    sign_in = SignIn(DigestSecret("alice", "wonder", cnonce=...))
    send(sign_in.begin())
    while not sign_in.is_done:
        send(sign_in.handle(receive(sign_in.wanted_bytes)))

`speech_of` tells what somebody speaks who does not answer like that. No I/O, no clock; nonces come in as
arguments.

Source: thrift:lib/java/src/main/java/org/apache/thrift/transport/TSaslClientTransport.java
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from storm_compat.thrift import ThriftError
from storm_compat.thrift.digest import SERVICE, digest_response, directives
from storm_compat.thrift.sasl import HEADER_BYTES, MAX_PAYLOAD_BYTES, Rejected, Status, message


class Speech(Enum):
    """What the first bytes of an answer look like."""

    FRAME = "Thrift in frames, without signing in"
    SASL = "SASL"
    TLS = "TLS"
    HTTP = "HTTP"


class SignInFailed(ThriftError):
    """Base of what keeps a client out."""


class Denied(SignInFailed):
    """The server does not let us in; the text is its own."""

    def __init__(self, text: str) -> None:
        # It is a stranger's, and goes to a terminal.
        super().__init__("".join(c if c.isprintable() else "?" for c in text) or "it says no more")
        self.is_other_mechanism = text.startswith("Unsupported mechanism")


class NotSasl(SignInFailed):
    """What answers lets nobody sign in; ``speech`` is what it speaks, if that is known."""

    def __init__(self, speech: Speech | None) -> None:
        super().__init__(f"the answer is no SASL but {speech.value if speech else 'something else'}")
        self.speech = speech


class Distrusted(SignInFailed):
    """The server may be another than it should be."""


class Secret(Protocol):
    """What we prove who we are with, in one negotiation."""

    mechanism: str

    def first(self) -> tuple[Status, bytes]:
        """Return the message that follows the mechanism's name."""

    def answer(self, challenge: bytes) -> bytes:
        """Return the answer to a challenge.

        Raises:
            SignInFailed: there is none.
        """

    def check(self, last_word: bytes) -> None:
        """Return if the server proves what it has to.

        Raises:
            Distrusted: it does not.
        """


class SignIn:
    """One client signing in: send `begin`, then feed `wanted_bytes` at a time until it `is_done`."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._status: Status | None = None  # of the message whose payload is to come
        self.wanted_bytes = HEADER_BYTES
        self.is_done = False

    def begin(self) -> bytes:
        return message(Status.START, self._secret.mechanism.encode()) + message(*self._secret.first())

    def handle(self, data: bytes) -> bytes:
        """Return what to send, often nothing.

        Raises:
            SignInFailed: it is over.
        """
        if self._status is None:
            size = self._header(data)
            if size:
                self.wanted_bytes = size
                return b""
            data = b""
        status, self._status, self.wanted_bytes = self._status, None, HEADER_BYTES
        if status is Status.OK:
            return message(Status.OK, self._secret.answer(data))
        if status is not Status.COMPLETE:
            raise Denied(data.decode(errors="replace"))
        self._secret.check(data)
        self.is_done = True
        return b""

    def _header(self, data: bytes) -> int:
        """Return how long the payload is."""
        size = int.from_bytes(data[1:])
        if data[0] not in {Status.OK, Status.BAD, Status.ERROR, Status.COMPLETE} or size > MAX_PAYLOAD_BYTES:
            raise NotSasl(speech_of(data))
        self._status = Status(data[0])
        return size


class PlainSecret:
    """PLAIN, RFC 4616: name and password as they are."""

    mechanism = "PLAIN"

    def __init__(self, user: str, password: str) -> None:
        self._response = f"\0{user}\0{password}".encode()

    def first(self) -> tuple[Status, bytes]:
        return Status.COMPLETE, self._response

    def answer(self, challenge: bytes) -> bytes:
        raise Distrusted("it asks for more than PLAIN has to say")

    def check(self, last_word: bytes) -> None:
        pass  # PLAIN proves nothing to the client


class DigestSecret:
    """DIGEST-MD5, RFC 2831; the server proves that it knows the password, too.

    The host that it names is the realm of the server, whatever we call it: a Java server insists on its own
    name, which is its realm as well, and all of Storm's are called localhost.

    Args:
        cnonce: what no other negotiation gets; printable, without quotes.
    """

    mechanism = "DIGEST-MD5"

    def __init__(self, user: str, password: str, *, cnonce: str) -> None:
        self._password = password
        self._said = {"username": user, "cnonce": cnonce, "nc": "00000001", "qop": "auth"}
        self._is_answered = False

    def first(self) -> tuple[Status, bytes]:
        return Status.OK, b""

    def answer(self, challenge: bytes) -> bytes:
        if self._is_answered:
            raise Distrusted("it asks for another proof")
        asked = _challenge(challenge)
        self._is_answered = True
        realm = asked.get("realm", "")
        self._said |= {"realm": realm, "nonce": asked["nonce"], "digest-uri": f"{SERVICE}/{realm}"}
        quoted = ",".join(
            f'{name}="{_escaped(self._said[name])}"'
            for name in ("username", "realm", "nonce", "cnonce", "digest-uri")
        )
        proof = digest_response(self._said, self._password, "AUTHENTICATE")
        return f"charset=utf-8,{quoted},nc=00000001,qop=auth,response={proof}".encode()

    def check(self, last_word: bytes) -> None:
        if not self._is_answered:
            raise Distrusted("it lets us in without asking for the password")
        right = f"rspauth={digest_response(self._said, self._password, '')}"
        if not hmac.compare_digest(right.encode(), last_word):
            raise Distrusted("it does not prove that it knows the password")


def speech_of(first: bytes) -> Speech | None:
    """Return what the first five bytes of an answer look like; None: nothing that we know."""
    if first[:2] in {b"\x15\x03", b"\x16\x03"}:
        return Speech.TLS
    if first[:4] == b"HTTP":
        return Speech.HTTP
    if first[:1] == b"\0":
        return Speech.FRAME
    # As a frame it would have over 32 MiB, and hardly so round a length.
    if first[:1] in {b"\x02", b"\x03", b"\x04", b"\x05"} and first[1:3] == b"\0\0":
        return Speech.SASL
    return None


def _challenge(payload: bytes) -> Mapping[str, str]:
    try:
        asked = directives(payload)
    except Rejected as rejected:
        raise Distrusted("its challenge is not understood") from rejected
    is_ours = asked.get("algorithm") == "md5-sess" and "auth" in asked.get("qop", "auth").split(",")
    if not asked.get("nonce") or not is_ours:
        raise Distrusted("its challenge asks for something else than md5-sess and qop auth")
    return asked


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
