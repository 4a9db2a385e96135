"""The real Thrift server behind one door, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from storm_compat.thrift import idl
from storm_compat.thrift.doors import Door
from storm_compat.thrift.server import ServerLimits, ThriftServer


@contextmanager
def serving(
    handler: object, door: Door | None = None, limits: ServerLimits | None = None
) -> Iterator[tuple[str, int]]:
    """Serve a handler of the Nimbus service, and give its address; no door lets everybody in."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = ThriftServer(idl.load().Nimbus, handler, limits)

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(10)

    try:
        yield run(server.start("127.0.0.1", 0, door))
    finally:
        run(server.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
