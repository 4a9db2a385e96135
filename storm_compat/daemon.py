"""The nimbus process: owns a root, answers Thrift calls, watches over the topologies.

    lock the root -> is the port free -> clean up and adopt -> listen -> write ready.json -> serve -> a signal
    -> stop listening -> end every process of every topology -> remove ready.json

SIGINT, SIGTERM and, unless it is ignored as under nohup, SIGHUP end it, and
with it all topologies, whose records stay: the next nimbus on the same root
starts them again.  Killed in any other way it leaves them running, and the
next one adopts them.

Decides nothing about topologies.  Sets up no logging: whoever calls does.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scheduler.control.messages import Answer
from scheduler.errors import LockHeld, PeerError, SchedulerError
from scheduler.launch.base import Launcher
from scheduler.launch.local import LocalLauncher
from scheduler.layout import FIRST_SLOT, Layout
from scheduler.run import client, limits, logs
from scheduler.state.files import FileStore
from scheduler.state.store import StateStore
from storm_compat import conf as confs
from storm_compat import web
from storm_compat.access.authorizer import Authorizer
from storm_compat.access.doors import REQUEST_BYTES, open_doors, server_limits
from storm_compat.access.guard import Guarded, groups_of
from storm_compat.access.ways_in import WayIn, warnings, ways_in, without_secrets
from storm_compat.blob_acl import BlobAuthorizer
from storm_compat.blobs import BlobLimits, Blobs
from storm_compat.blobs_of_topologies import BlobsOfTopologies
from storm_compat.depot import Depot
from storm_compat.errors import CompatError, PortInUse, RootInUse
from storm_compat.failures import misshapen
from storm_compat.nimbus import Nimbus
from storm_compat.stats import Machine
from storm_compat.thrift import idl
from storm_compat.thrift.server import ServerLimits, ThriftServer
from storm_compat.topologies import Topologies
from storm_compat.uploads import Uploads
from storm_compat.web import HttpSettings, Listeners

if TYPE_CHECKING:
    from aiohttp.web import Application

logger = logging.getLogger(__name__)

STORM_VERSION: Final = "2.8.2"
"""What clients are told. It must be a plain release number: streamparse parses it, and takes anything else
for a release before 1.0."""

ASK_TIMEOUT_S: Final = 1.0
CLEAN_INBOX_EVERY_S: Final = 60.0
CLEAN_BLOBS_EVERY_S: Final = 60.0
KEEP_READY_EVERY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Ready:
    """A nimbus that accepts calls; ready.json says the same."""

    host: str
    port: int
    root: Path
    ways: tuple[WayIn, ...] = ()
    """All that is listened to, with the ports that were found."""

    warnings: tuple[str, ...] = ()
    """For the person at the terminal."""

    ui: str | None = None
    """HOST:PORT of the REST API."""

    logviewer: str | None = None
    """HOST:PORT that links to logs lead to; the REST API's, if they have no port of their own."""

    @property
    def address(self) -> str:
        return _address(self.host, self.port)

    @property
    def other_addresses(self) -> dict[str, str]:
        """Return transport -> address of all but the first way in."""
        return {way.transport: _address(way.host, way.port) for way in self.ways[1:]}


async def run(
    layout: Layout,
    host: str = "127.0.0.1",
    port: int = 6627,
    *,
    on_ready: Callable[[Ready], None] = lambda ready: None,
    overrides: Mapping[str, Any] | None = None,
    launcher: Launcher | None = None,
    http: HttpSettings | None = None,
) -> int:
    """Serve until a signal as above and return the exit code, 0.

    Args:
        layout: its root is made, readable by its owner only, if it is missing.
        host: listened on; where other machines reach it, clients must sign in.
        port: 0 takes any free one.
        on_ready: called once calls are accepted.
        overrides: keys of a storm.yaml, over Storm's defaults.
        launcher: in place of the one for this machine.
        http: where the REST API and the logs are served; None: nowhere.

    Raises:
        RootInUse: another nimbus owns the root.
        PortInUse: nothing can be listened to there.
        InvalidConf: an override breaks its key's rules, or names a file that cannot be used.
        Exposed: other machines would reach a port where nobody is asked who he is.
        NotLoopback: ``http`` is not for this machine only.
        StateError, OSError: the root cannot be used.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            loop.add_signal_handler(number, stopped.set)
            stack.callback(loop.remove_signal_handler, number)
        layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A root that was there before may be open to others.
        for folder in (layout.logs, layout.topology("any").parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        store = FileStore(layout.state)
        stack.enter_context(_owned(layout, store))
        _refuse_used(host, port)
        listeners = None if http is None else stack.enter_context(web.listening(http))
        serving = _serving(
            layout,
            store,
            launcher or LocalLauncher(layout),
            (host, port),
            overrides or {},
            listeners=listeners,
        )
        on_ready(await stack.enter_async_context(serving))
        await stopped.wait()
        logger.info("nimbus ends: root=%s", layout.root)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run nimbus as a process of its own and return its exit code: 1 if it cannot start, saying why."""
    parser = argparse.ArgumentParser(prog="heronry-nimbus", description="Runs a cluster on this machine.")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6627)
    options = parser.parse_args(arguments)
    logs.setup("nimbus")
    try:
        return asyncio.run(run(Layout(options.root.absolute()), options.host, options.port))
    except (CompatError, SchedulerError, OSError) as exc:
        logger.error("nimbus cannot run: reason=%s", exc)
        return 1


@contextmanager
def _owned(layout: Layout, store: StateStore) -> Iterator[None]:
    """Own the root; a file of an earlier owner does not outlive this."""
    with ExitStack() as stack:
        try:
            stack.enter_context(store.lock("nimbus", f"pid {os.getpid()}"))
        except LockHeld as exc:
            raise RootInUse(
                str(layout.root), f"{exc.holder or 'unknown pid'}, {_address_in(layout)}"
            ) from exc
        layout.ready_file.unlink(missing_ok=True)
        stack.callback(layout.ready_file.unlink, missing_ok=True)
        yield


def _address_in(layout: Layout) -> str:
    """Return what the owner of a root says about where it listens."""
    try:
        return f"listening on {json.loads(layout.ready_file.read_bytes())['nimbus']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "not accepting calls yet"


def _refuse_used(host: str, port: int) -> None:
    """Raise before anything is started if nimbus cannot listen there.

    Raises:
        PortInUse: it cannot; says why.
    """
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except (OSError, OverflowError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise PortInUse(host, port, reason.partition(" (while ")[0]) from exc  # cut: the address, once more


@asynccontextmanager
async def _serving(
    layout: Layout,
    store: StateStore,
    launcher: Launcher,
    address: tuple[str, int],
    overrides: Mapping[str, Any],
    *,
    listeners: Listeners | None,
) -> AsyncIterator[Ready]:
    """Serve inside of the context; on leaving it in good order, end everything."""
    everything = _cluster_conf(layout, *address, overrides) | web.conf_of(listeners)
    ways = ways_in(everything, *address)
    conf = without_secrets(everything)
    depot = Depot(store, layout)
    uploads = Uploads(layout.inbox)
    topologies = Topologies(depot, layout, launcher, _Masters(store), conf, owner=_owner())
    blob_limits = BlobLimits(
        session_idle_s=float(conf.get("nimbus.blobstore.expiration.secs") or 600),
        chunk_bytes=int(conf["storm.blobstore.inputstream.buffer.size.bytes"]),
    )
    blobs = Blobs(
        depot.blob_files,
        BlobsOfTopologies(depot, topologies.all),
        BlobAuthorizer.from_conf(conf),
        blob_limits,
        on_update=topologies.blob_updated,
    )
    if piece_count := depot.blob_files.recover():
        logger.warning("removed what an earlier nimbus left of uploads of blobs: pieces=%s", piece_count)
    async with topologies:
        nimbus = Nimbus(topologies, uploads, depot, _machine(conf, *address), conf, blobs=blobs)
        guarded = Guarded(nimbus, Authorizer.from_conf(conf, groups_of), topologies)
        wanted = server_limits(everything)
        others = blob_limits.max_session_count + (0 if listeners is None else web.MAX_CONNECTIONS)
        room = limits.allow_descriptors(wanted.max_connection_count + others) - others
        server = ThriftServer(
            idl.load().Nimbus,
            guarded,
            replace(wanted, max_connection_count=max(room, 1)),
            misshapen=misshapen,
        )
        opened = await open_doors(server, ways, everything, wanted)
        host, port = opened[0].host, opened[0].port
        conf["nimbus.thrift.port"] = port
        nimbus.machine = _machine(conf, host, port)
        nimbus.machine_by_transport = {way.transport: _seen_from(way, nimbus.machine, conf) for way in opened}
        ready = Ready(host, port, layout.root, tuple(opened), tuple(warnings(opened, everything)))
        if listeners is not None:
            ready = replace(
                ready,
                ui=listeners.address,
                logviewer=listeners.log_address,
                warnings=(*ready.warnings, *listeners.notes),
            )
        _write_ready(layout, ready)
        logger.info("nimbus accepts calls: address=%s version=%s", ready.address, STORM_VERSION)
        for warning in ready.warnings:
            logger.warning("%s", warning)
        try:
            async with asyncio.TaskGroup() as group:
                cleaner = group.create_task(_clean_inbox(uploads))
                blob_cleaner = group.create_task(_clean_blobs(blobs))
                keeper = group.create_task(_keep_ready(layout, ready))
                http = group.create_task(web.serve(listeners, partial(_pages, guarded, topologies, conf)))
                yield ready
                for task in (cleaner, blob_cleaner, keeper, http):
                    task.cancel()
        finally:
            await server.close()
            blobs.close()
            await topologies.stop()


def _pages(nimbus: Any, topologies: Topologies, conf: Mapping[str, Any], listeners: Listeners) -> Application:
    """Return what is served over HTTP; imported when the first client has come."""
    from storm_compat.rest.app import application

    return application(
        nimbus, topologies, conf, log_address=listeners.log_address, may_write=listeners.may_write
    )


class _Masters:
    """The topology processes, reached through what the store says of them."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    async def ask(self, topology_id: str) -> Answer | None:
        try:
            return await client.ask(self._store, topology_id, timeout_s=ASK_TIMEOUT_S)
        except PeerError as exc:
            logger.debug("a topology process did not answer: topology=%s reason=%s", topology_id, exc)
            return None

    async def nudge(self, topology_id: str) -> None:
        try:
            await client.nudge(self._store, topology_id, timeout_s=ASK_TIMEOUT_S)
        except PeerError as exc:
            logger.debug("a topology process was not nudged: topology=%s reason=%s", topology_id, exc)

    async def restart(self, topology_id: str, container_id: int) -> bool:
        try:
            await client.restart(self._store, topology_id, container_id, timeout_s=ASK_TIMEOUT_S)
        except PeerError as exc:
            logger.debug("a container was not restarted: topology=%s reason=%s", topology_id, exc)
            return False
        return True


async def _clean_inbox(uploads: Uploads) -> None:
    while True:
        try:
            count = uploads.clean(time.time())
        except OSError as exc:
            logger.warning("could not clean the inbox: reason=%s", exc)
        else:
            if count:
                logger.info("cleaned the inbox: files=%s", count)
        await asyncio.sleep(CLEAN_INBOX_EVERY_S)


async def _clean_blobs(blobs: Blobs) -> None:
    while True:
        if count := blobs.clean(time.time()):
            logger.info("ended idle sessions of blobs: sessions=%s", count)
        await asyncio.sleep(CLEAN_BLOBS_EVERY_S)


async def _keep_ready(layout: Layout, ready: Ready, every_s: float = KEEP_READY_EVERY_S) -> None:
    """Write ready.json again if somebody removes it: the topology processes would take nimbus for dead."""
    while True:
        await asyncio.sleep(every_s)
        if not layout.ready_file.exists():
            try:
                _write_ready(layout, ready)
            except OSError as exc:
                logger.warning("could not write ready.json again: reason=%s", exc)
            else:
                logger.warning("wrote ready.json again, which somebody had removed: root=%s", layout.root)


def _cluster_conf(layout: Layout, host: str, port: int, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return Storm's defaults with what holds here, and the overrides over both."""
    here = {
        "storm.local.dir": str(layout.root),
        "storm.log.dir": str(layout.logs),
        "nimbus.seeds": [_advertised(host)],
        "nimbus.thrift.port": port,
        # Whoever says what a frame may have means both directions; Storm's default is for replies only here.
        REQUEST_BYTES: overrides.get("nimbus.thrift.max_buffer_size") or ServerLimits().max_frame_bytes,
        "supervisor.slots.ports": [FIRST_SLOT + index for index in range(4 * _cpu_count())],
    }
    return confs.cluster(overrides, here)


def _machine(conf: Mapping[str, Any], host: str, port: int) -> Machine:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        host=conf.get("storm.local.hostname") or _advertised(host),
        port=port,
        version=STORM_VERSION,
        started_at_s=time.time(),
        cpu_count=_cpu_count(),
        tls_port=int(conf.get("nimbus.thrift.tls.port") or 0),
        memory_mb=memory_bytes // 1024**2,
    )


def _seen_from(way: WayIn, machine: Machine, conf: Mapping[str, Any]) -> Machine:
    """Return the machine as those must see it who came in there; TLS has a field of its own for its port."""
    host = conf.get("storm.local.hostname") or _advertised(way.host)
    return replace(machine, host=host, port=machine.port if way.transport == "tls" else way.port)


def _advertised(host: str) -> str:
    """Return the host that clients are sent to: they follow it even when they are connected already."""
    return socket.gethostname() if host in ("", "0.0.0.0", "::") else host


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _write_ready(layout: Layout, ready: Ready) -> None:
    """Write ready.json whole: whoever finds it can connect."""
    document = {
        "nimbus": ready.address,
        "others": ready.other_addresses,
        "ui": ready.ui,
        "logviewer": ready.logviewer,
        "pid": os.getpid(),
        "root": str(layout.root),
        "version": STORM_VERSION,
    }
    part = layout.ready_file.with_name(".ready.json.part")
    part.write_text(json.dumps(document) + "\n", encoding="utf-8")
    part.rename(layout.ready_file)


def _owner() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry in the password file, as in many containers
        return str(os.getuid())


def _cpu_count() -> int:
    return os.cpu_count() or 1


if __name__ == "__main__":
    sys.exit(main())
