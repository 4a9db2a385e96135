"""The HTTP server of the nimbus process: REST API, logs and metrics, on one or two ports of the loopback.

    ui.port         8080, or any free one; /api/v1, /metrics
    logviewer.port  8000; the same routes, because links of Storm's clients lead there

The ports are taken before nimbus is ready, so that whoever is told of them can connect. What serves them is
imported when the first client comes: it takes 11 MiB and a tenth of a second that most clusters of an
afternoon never need.

It has no principals, so it listens on loopback addresses only. A failure here is logged, and nimbus goes on.
"""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from storm_compat.errors import HttpPortInUse, InvalidConf, NotLoopback

if TYPE_CHECKING:
    from aiohttp import web

logger = logging.getLogger(__name__)

# What aiohttp would log are mistakes of clients, with tracebacks; they are told, and nobody else must care.
_protocol_logger = logging.getLogger(f"{__name__}.protocol")
_protocol_logger.setLevel(logging.CRITICAL)

HOST: Final = "127.0.0.1"
UI_PORT: Final = 8080
LOGVIEWER_PORT: Final = 8000
MAX_CONNECTIONS: Final = 256
"""For one more the door is shut: they are descriptors that Thrift's clients need, too."""

IDLE_S: Final = 60.0
LAST_WORDS_S: Final = 1.0
"""How long answers under way may take when nimbus ends."""

Address = tuple[str, int]
Build = Callable[["Listeners"], "web.Application"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where to listen, and what for."""

    ui: Address | None = None
    """None: `UI_PORT` if that is free, else any; port 0 is any free one."""

    logviewer: Address | None = None
    """None: `LOGVIEWER_PORT` if that is free and no ``ui`` is named; else the logs are at ``ui`` only."""

    may_write: bool = False
    """Take orders, not only questions."""

    @classmethod
    def from_conf(cls, overrides: Mapping[str, Any]) -> HttpSettings:
        """Return what a storm.yaml says: ui.host, ui.port, logviewer.port, ui.actions.enabled.

        Raises:
            InvalidConf: a port is no port; says which.
        """
        host = overrides.get("ui.host")
        ui, logviewer = _port(overrides, "ui.port"), _port(overrides, "logviewer.port")
        if ui is None and host is not None:
            ui = UI_PORT
        return cls(
            ui=None if ui is None else (str(host or HOST), ui),
            logviewer=None if logviewer is None else (str(host or HOST), logviewer),
            may_write=overrides.get("ui.actions.enabled") is True,
        )


@dataclass(slots=True)
class Listeners:
    """The ports that were taken; connections wait there until somebody serves them."""

    ui: socket.socket
    may_write: bool
    logviewer: socket.socket | None = None
    notes: list[str] = field(default_factory=list)
    """What a person should know about them."""

    @property
    def all(self) -> list[socket.socket]:
        return [self.ui] if self.logviewer is None else [self.ui, self.logviewer]

    @property
    def address(self) -> str:
        """Return HOST:PORT of the REST API."""
        return text_of(self.ui)

    @property
    def log_address(self) -> str:
        """Return HOST:PORT that links to logs lead to."""
        return text_of(self.logviewer or self.ui)


@contextmanager
def listening(settings: HttpSettings) -> Iterator[Listeners]:
    """Hold the ports.

    Raises:
        HttpPortInUse: one that was asked for cannot be had.
        NotLoopback: others than this machine could reach it.
    """
    listeners = _ui(settings)
    try:
        if settings.logviewer is not None:
            listeners.logviewer = _taken(settings.logviewer)
        elif settings.ui is None:
            try:
                listeners.logviewer = _taken((HOST, LOGVIEWER_PORT))
            except HttpPortInUse as exc:
                listeners.notes.append(f"Logs are at {listeners.address}, because port {exc.port} is taken")
        yield listeners
    finally:
        for listener in listeners.all:
            listener.close()


def conf_of(listeners: Listeners | None) -> dict[str, Any]:
    """Return what the cluster's conf says of the ports; null where there are none."""
    if listeners is None:
        return {"ui.host": None, "ui.port": None, "logviewer.port": None, "ui.actions.enabled": False}
    return {
        "ui.host": listeners.ui.getsockname()[0],
        "ui.port": listeners.ui.getsockname()[1],
        "logviewer.port": (listeners.logviewer or listeners.ui).getsockname()[1],
        "ui.actions.enabled": listeners.may_write,
    }


async def serve(listeners: Listeners | None, build: Build) -> None:
    """Serve until cancelled, from the first client on; ``build`` is called then, in this loop.

    Returns early if there is nothing to listen to, or if serving failed; that is logged.
    """
    if listeners is None:
        return
    try:
        await _first_client(listeners.all)
        await asyncio.to_thread(importlib.import_module, "storm_compat.rest.app")
        from aiohttp import web

        application = build(listeners)
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_protocol_logger,
            keepalive_timeout=IDLE_S,
            shutdown_timeout=LAST_WORDS_S,
        )
        await runner.setup()
        servers: list[asyncio.Server] = []
        try:
            make = _at_most(runner.server)
            loop = asyncio.get_running_loop()
            servers += [await loop.create_server(make, sock=listener) for listener in listeners.all]
            logger.info("serves HTTP: ui=%s logviewer=%s", listeners.address, listeners.log_address)
            await asyncio.Event().wait()
        finally:
            for server in servers:
                server.close()
            await runner.cleanup()
    except Exception:
        logger.exception("HTTP is not served any more: ui=%s", listeners.address)


def text_of(listener: socket.socket) -> str:
    """Return HOST:PORT, an IPv6 host in brackets."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port(overrides: Mapping[str, Any], key: str) -> int | None:
    port = overrides.get(key)
    if port is None or (isinstance(port, int) and not isinstance(port, bool) and 0 <= port < 65536):
        return port
    raise InvalidConf(f"{key} must be a port, 0 to 65535, but is {port!r}")


def _ui(settings: HttpSettings) -> Listeners:
    if settings.ui is not None:
        return Listeners(_taken(settings.ui), settings.may_write)
    try:
        return Listeners(_taken((HOST, UI_PORT)), settings.may_write)
    except HttpPortInUse as exc:
        listeners = Listeners(_taken((HOST, 0)), settings.may_write)
        listeners.notes.append(f"The REST API is at {listeners.address}, because port {exc.port} is taken")
        return listeners


def _taken(address: Address) -> socket.socket:
    """Return a socket that listens there."""
    host, port = ("127.0.0.1" if address[0] == "localhost" else address[0]), address[1]
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise NotLoopback(host)
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128
        )
    except (OSError, OverflowError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise HttpPortInUse(host, port, reason.partition(" (while ")[0]) from exc
    listener.setblocking(False)
    return listener


async def _first_client(listeners: Sequence[socket.socket]) -> None:
    """Return when somebody has connected, whom the kernel lets wait."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    for listener in listeners:
        loop.add_reader(listener, came.set)
    try:
        await came.wait()
    finally:
        for listener in listeners:
            loop.remove_reader(listener)


class _Full(asyncio.Protocol):
    """Turns a client away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def _at_most(server: Any) -> Callable[[], asyncio.BaseProtocol]:
    """Return a factory that makes handlers of ``server`` as long as there are not too many."""

    def make() -> asyncio.BaseProtocol:
        if len(server.connections) >= MAX_CONNECTIONS:
            logger.warning("turned a client away: %s HTTP connections are open", MAX_CONNECTIONS)
            return _Full()
        handler: asyncio.BaseProtocol = server()
        return handler

    return make
