"""Bytes from and to a client, over TCP or over TLS on top of it.

TLS is done on `ssl.SSLObject`, in memory: asyncio's own starts before a connection is known to the server, so
that clients who never finish a handshake would count as nobody.
"""

from __future__ import annotations

import asyncio
import ssl

_CHUNK_BYTES = 65536


class Wire:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._ahead = b""

    async def read(self, most: int) -> bytes:
        """Return what there is, waiting for it; empty at the end."""
        if not self._ahead:
            return await self._receive(most)
        data, self._ahead = self._ahead[:most], self._ahead[most:]
        return data

    async def read_exactly(self, size: int) -> bytes:
        """Return ``size`` bytes.

        Raises:
            IncompleteReadError: the client has left before.
        """
        data = b""
        while len(data) < size:
            chunk = await self.read(size - len(data))
            if not chunk:
                raise asyncio.IncompleteReadError(data, size)
            data += chunk
        return data

    def put_back(self, data: bytes) -> None:
        """Let ``data`` be read again, first."""
        self._ahead = data + self._ahead

    async def send(self, data: bytes) -> None:
        """Return when the client, or the system on its way there, has taken nearly all."""
        self._writer.write(data)
        await self._writer.drain()

    async def finish(self) -> None:
        """Send no more, and close once the client has taken everything."""
        self._writer.close()
        await self._writer.wait_closed()

    async def part(self) -> None:
        """Send no more and drop what still comes, until the client leaves.

        Closing with input unread resets the connection, and the client would lose the last reply.
        """
        self._writer.write_eof()
        while await self._reader.read(_CHUNK_BYTES):
            pass

    async def _receive(self, most: int) -> bytes:
        return await self._reader.read(most)


class TlsWire(Wire):
    """A TLS connection; nothing can be read or sent before `handshake`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        super().__init__(reader, writer)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> None:
        """Return when both sides agree.

        Raises:
            SSLError: they do not.
            IncompleteReadError: the client has left.
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    raise asyncio.IncompleteReadError(b"", None) from None
            except ssl.SSLError:
                await self._flush()  # the alert that says why
                raise
            else:
                return await self._flush()

    def subject(self) -> tuple[tuple[tuple[str, str], ...], ...]:
        """Return the subject of the client's certificate as `ssl` gives it; empty if it showed none."""
        return (self._tls.getpeercert() or {}).get("subject", ())  # type: ignore[return-value]  # one key of many

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def _receive(self, most: int) -> bytes:
        while True:
            try:
                return self._tls.read(most)
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._feed():
                    return b""
            except ssl.SSLZeroReturnError:
                return b""

    async def _feed(self) -> bool:
        """Hand on what has come; return whether anything did."""
        data = await self._reader.read(_CHUNK_BYTES)
        self._incoming.write(data)
        return bool(data)

    async def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())
        await self._writer.drain()
