"""Where the topology process is called by its containers and by nimbus.

A caller gets a number once its first frame has shown the topology's secret;
from then on its messages are handed on under that number.  Whoever breaks the
framing, or takes longer than 5 s for the first frame, is hung up on; nobody
else notices.  Nor can strangers fill the place: where too many have said
nothing yet, the oldest makes room.  Knows nothing of what the messages mean.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import logging
from collections.abc import Callable, Iterable

from scheduler.control.messages import MAX_FRAME_BYTES, AnyMessage, Hello, encode
from scheduler.errors import PeerError
from scheduler.run.client import read_message

HOST = "127.0.0.1"
HELLO_BYTES = 64 * 1024
HELLO_S = 5.0
MAX_STRANGERS = 256  # more than asyncio accepts at once, so that nobody goes before it was listened to

log = logging.getLogger(__name__)


class Switchboard:
    """Listens on a free port of this machine.

    Args:
        on_message: takes the caller's number and what it said.
        on_closed: takes the number of a caller that is gone; not called for those without a number.
    """

    def __init__(
        self,
        hello: Hello,
        *,
        on_message: Callable[[int, AnyMessage], None],
        on_closed: Callable[[int], None],
        hello_s: float = HELLO_S,
    ) -> None:
        self._hello = hello
        self._on_message = on_message
        self._on_closed = on_closed
        self._hello_s = hello_s
        self._numbers = itertools.count(1)
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._strangers: dict[int, asyncio.StreamWriter] = {}
        self._refused_count = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Start to listen; return the port."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    def send(self, callers: Iterable[int], message: AnyMessage) -> None:
        """Send a message to each caller that is still there; never waits."""
        frame = encode(message)
        for caller in callers:
            writer = self._writers.get(caller)
            if writer is None:
                continue
            writer.write(frame)
            if writer.transport.get_write_buffer_size() > MAX_FRAME_BYTES:
                log.warning("caller does not read caller=%s", caller)
                writer.transport.abort()

    def hang_up(self, caller: int) -> None:
        """Close the connection once all that was sent is written; what still comes is not heard."""
        if writer := self._writers.pop(caller, None):
            writer.close()

    def close(self) -> None:
        """Hang up on all, and listen no more."""
        if self._server:
            self._server.close()
        for caller in list(self._writers):
            self.hang_up(caller)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = next(self._numbers)
        is_known = False
        self._strangers[caller] = writer
        if len(self._strangers) > MAX_STRANGERS:
            self._strangers.pop(next(iter(self._strangers))).transport.abort()
        try:
            async with asyncio.timeout(self._hello_s):
                self._check(await read_message(reader, HELLO_BYTES))
            if self._strangers.pop(caller, None) is None:
                return  # it had to make room
            is_known = True
            self._writers[caller] = writer
            while True:
                message = await read_message(reader)
                if caller not in self._writers:
                    break
                self._on_message(caller, message)
        except EOFError:
            pass
        except asyncio.CancelledError:
            pass  # only the end of the loop cancels us, and asyncio's streams would complain of it
        except TimeoutError:
            self._note_refused(caller, f"no hello within {self._hello_s:g} s")
        except (PeerError, OSError) as exc:
            if is_known:
                log.warning("caller hung up on caller=%s reason=%s", caller, exc)
            else:
                self._note_refused(caller, str(exc))
        except Exception:
            log.exception("message not handled caller=%s", caller)
        finally:
            self._strangers.pop(caller, None)
            self._writers.pop(caller, None)
            writer.close()
            if is_known:
                self._on_closed(caller)

    def _note_refused(self, caller: int, reason: str) -> None:
        """Log every refusal at first, then fewer and fewer: strangers must not fill the disk."""
        self._refused_count += 1
        if self._refused_count & (self._refused_count - 1) == 0:
            log.warning(
                "caller hung up on caller=%s reason=%s refused_count=%s", caller, reason, self._refused_count
            )

    def _check(self, message: AnyMessage) -> None:
        if not isinstance(message, Hello):
            raise PeerError(f"the first frame is {type(message).__name__}, not Hello")
        is_secret = hmac.compare_digest(message.secret.encode(), self._hello.secret.encode())
        if message.topology_id != self._hello.topology_id or not is_secret:
            raise PeerError("wrong topology or secret")
