"""The ways in: what a client has to do before its first call, and how its messages stand on the wire.

FramedDoor   nothing                     framed     anybody, so no principal unless one is lent
SaslDoor     PLAIN or DIGEST-MD5         framed     who it signed in as
TlsDoor      a handshake                 bare       the subject of its certificate
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Protocol

from storm_compat.caller import Caller, Transport
from storm_compat.thrift.inbox import Bare, Framed, Inbox
from storm_compat.thrift.refusal import Refused
from storm_compat.thrift.sasl import Mechanism, Negotiation, Rejected
from storm_compat.thrift.wire_scan import ScanLimits
from storm_compat.thrift.wires import TlsWire, Wire

logger = logging.getLogger(__name__)

ANONYMOUS = "CN=ANONYMOUS"
"""Who a TLS client without a certificate is; Storm's word."""

# RFC 2253 and Java know these by short names.
_DN_KEYWORDS = {
    "commonName": "CN", "countryName": "C", "localityName": "L", "stateOrProvinceName": "ST",
    "organizationName": "O", "organizationalUnitName": "OU", "streetAddress": "STREET",
    "domainComponent": "DC", "userId": "UID",
}  # fmt: skip


class Door(Protocol):
    """One way in; serves any number of clients."""

    inbox: Inbox

    def wire(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Wire:
        """Return how to speak to a client that has just come."""

    async def enter(self, wire: Wire, peer: str) -> Caller:
        """Return who it is, once it has done what is asked for here.

        Raises:
            Refused: it is not let in; the reply says so as it stands on the wire.
            OSError, IncompleteReadError: it is gone.
        """


class FramedDoor:
    """Lets everybody in; ``principal`` is whose name all of them get."""

    def __init__(self, max_bytes: int, *, principal: str | None = None) -> None:
        self.inbox: Inbox = Framed(max_bytes)
        self._principal = principal

    def wire(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Wire:
        return Wire(reader, writer)

    async def enter(self, wire: Wire, peer: str) -> Caller:
        return Caller(principal=self._principal, transport="plain", peer=peer)


class SaslDoor:
    """Lets those in who sign in with one of the mechanisms.

    Args:
        max_bytes: of a message.
        mechanisms: name -> maker of one for one negotiation.
        may_act_for: (who signed in, whose name is wanted, host) -> whether that is fine.
    """

    def __init__(
        self,
        max_bytes: int,
        transport: Transport,
        mechanisms: Mapping[str, Callable[[], Mechanism]],
        may_act_for: Callable[[str, str, str], bool],
    ) -> None:
        self.inbox: Inbox = Framed(max_bytes)
        self._transport = transport
        self._mechanisms = mechanisms
        self._may_act_for = may_act_for

    def wire(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Wire:
        return Wire(reader, writer)

    async def enter(self, wire: Wire, peer: str) -> Caller:
        host = peer.rpartition(":")[0]
        negotiation = Negotiation(self._mechanisms, lambda own, other: self._may_act_for(own, other, host))
        while negotiation.principal is None:
            try:
                reply = negotiation.handle(await wire.read_exactly(negotiation.wanted_bytes))
            except Rejected as rejection:
                raise Refused(f"it could not sign in: {rejection}", rejection.reply) from rejection
            await wire.send(reply)
        logger.debug("%s signed in as %s", peer, negotiation.principal)
        return Caller(principal=negotiation.principal, transport=self._transport, peer=peer)


class TlsDoor:
    """Lets those in whom the context lets in."""

    def __init__(self, max_bytes: int, limits: ScanLimits, context: ssl.SSLContext) -> None:
        self.inbox: Inbox = Bare(max_bytes, limits)
        self._context = context

    def wire(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Wire:
        return TlsWire(reader, writer, self._context)

    async def enter(self, wire: Wire, peer: str) -> Caller:
        assert isinstance(wire, TlsWire)
        try:
            await wire.handshake()
        except ssl.SSLError as error:
            # The alert is the last message.
            raise Refused(f"no TLS connection came about: {error.reason or error}", b"") from error
        name = distinguished_name(wire.subject()) or ANONYMOUS
        return Caller(principal=name, transport="tls", peer=peer)


def distinguished_name(subject: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Return a subject as RFC 2253 writes it, which is what Java calls the name of a principal."""
    return ",".join(
        "+".join(f"{_DN_KEYWORDS.get(key, key)}={_escaped(value)}" for key, value in parts)
        for parts in reversed(subject)
    )


def _escaped(value: str) -> str:
    text = "".join(f"\\{character}" if character in ',+"\\<>;' else character for character in value)
    if text.startswith(("#", " ")):
        text = f"\\{text}"
    if text.endswith(" ") and len(value) > 1:
        text = f"{text[:-1]}\\ "
    return text
