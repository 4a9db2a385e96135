"""A small client of Nimbus, Heronry's or Storm's since 2.3: plain values in, plain values out.

    with NimbusClient(NimbusAddress("127.0.0.1", 6627)) as nimbus:
        for topology in nimbus.cluster().topologies: ...

One connection, opened on entry: framed binary Thrift without more ado, or by SASL or TLS with a way of
`storm_compat.client_ways`.  Whatever goes wrong is a `ClientError`, never an exception of Thrift or of a
socket.  thriftpy2 and the IDL (0.1 s) are imported with the first connection.

    ClientError
        NimbusUnreachable   nothing answers there, or nothing that we can talk to like that, or trust
        TopologyNotAlive    Nimbus knows no topology of that name
        BlobNotFound        Nimbus keeps no blob of that key
        BlobExists          Nimbus keeps a blob of that key already
        NameTaken           a topology of that name exists, maybe killed and not gone yet
        NimbusRefused       not authorized, or an invalid topology; Nimbus' own words
            NotLetIn        it does not believe who we are
        NimbusFailed        Nimbus could not do it; its log says more
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from storm_compat.client_values import ALL_TIME, ClusterSummary, TopologyInfo, cluster_summary, topology_info
from storm_compat.client_ways import FramedWay, Obstacle, Obstructed, Way
from storm_compat.page_values import ComponentPage, TopologyPage, component_page, topology_page
from storm_compat.thrift import idl

if TYPE_CHECKING:
    from storm_compat.client_blobs import BlobClient
    from storm_compat.client_running import RunningClient

DEFAULT_PORT = 6627
SIGN_IN_TIMEOUT_S = 10.0
"""Nimbus gives us no longer, either."""

_REFUSALS = {
    Obstacle.WRONG_PASSWORD,
    Obstacle.OTHER_MECHANISM,
    Obstacle.CERTIFICATE_WANTED,
    Obstacle.CERTIFICATE_REFUSED,
}

CHUNK_BYTES = 307200
"""What Storm's own clients upload at once; it fits into every Nimbus' frame limit."""


@dataclass(frozen=True, slots=True)
class NimbusAddress:
    """Where a Nimbus takes calls."""

    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ClientError(Exception):
    """Base of everything a call can raise."""


class NimbusUnreachable(ClientError):
    """Nothing answers at ``address``, or nothing that we can talk to: then there is an ``obstacle``."""

    def __init__(self, address: NimbusAddress, reason: str, obstacle: Obstacle | None = None) -> None:
        beginning = "no Nimbus answers at" if obstacle is None else "cannot talk to Nimbus at"
        super().__init__(f"{beginning} {address}: {reason}")
        self.address = address
        self.reason = reason
        self.obstacle = obstacle


class TopologyNotAlive(ClientError):
    """Nimbus knows no topology of that name."""


class NameTaken(ClientError):
    """A topology of that name exists, maybe killed and not gone yet."""


class BlobNotFound(ClientError):
    """Nimbus keeps no blob of that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no blob {key!r}")
        self.key = key


class BlobExists(ClientError):
    """Nimbus keeps a blob of that key already."""

    def __init__(self, key: str) -> None:
        super().__init__(f"a blob {key!r} exists already")
        self.key = key


class NimbusRefused(ClientError):
    """The caller may not do that, the topology is invalid, or a blob is needed."""


class NotLetIn(NimbusRefused):
    """Nimbus does not believe who we are; the ``obstacle`` says what it minds."""

    def __init__(self, address: NimbusAddress, reason: str, obstacle: Obstacle) -> None:
        super().__init__(f"Nimbus at {address} does not let us in: {reason}")
        self.obstacle = obstacle


class NimbusFailed(ClientError):
    """Nimbus could not do it."""


class NimbusClient:
    """One connection to a Nimbus; a context manager, not for several threads.

    Args:
        way: what is done to be let in; None: nothing.
    """

    def __init__(
        self,
        address: NimbusAddress,
        way: Way | None = None,
        *,
        connect_timeout_s: float = 3.0,
        call_timeout_s: float = 30.0,
    ) -> None:
        self.address = address
        self._way = way or FramedWay()
        self._has_called = False
        self._connect_timeout_s = connect_timeout_s
        self._call_timeout_s = call_timeout_s
        self._thrift: Any = None

    def __enter__(self) -> Self:
        """Raise `NimbusUnreachable` if nothing listens there, or `NotLetIn`."""
        try:
            sock = socket.create_connection((self.address.host, self.address.port), self._connect_timeout_s)
        except OSError as exc:
            raise NimbusUnreachable(self.address, _reason(exc)) from exc
        from thriftpy2 import protocol, transport
        from thriftpy2.thrift import TClient

        sock = self._enter(sock)
        # Without annotations, so Any.
        packed: Any = transport.TCyFramedTransport if self._way.is_framed else transport.TCyBufferedTransport
        binary: Any = protocol.TCyBinaryProtocol
        thrift_socket: Any = transport.TSocket
        self._thrift = TClient(idl.load().Nimbus, binary(packed(thrift_socket(sock=sock))))
        return self

    def _enter(self, sock: socket.socket) -> socket.socket:
        try:
            sock.settimeout(min(self._call_timeout_s, SIGN_IN_TIMEOUT_S))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock = self._way.enter(sock, self.address.host)
            sock.settimeout(self._call_timeout_s)
        except Obstructed as obstructed:
            sock.close()
            raise self._kept_out(obstructed) from obstructed
        except OSError as exc:
            sock.close()
            raise NimbusUnreachable(self.address, _reason(exc)) from exc
        return sock

    def _kept_out(self, obstructed: Obstructed, where: str = "") -> ClientError:
        reason, obstacle = f"{where}{obstructed}", obstructed.obstacle
        if obstacle in _REFUSALS:
            return NotLetIn(self.address, reason, obstacle)
        return NimbusUnreachable(self.address, reason, obstacle)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thrift.close()

    @property
    def blobs(self) -> BlobClient:
        """The blob store of this Nimbus."""
        from storm_compat.client_blobs import BlobClient

        return BlobClient(self._call)

    @property
    def running(self) -> RunningClient:
        """What can be changed about topologies that run."""
        from storm_compat.client_running import RunningClient

        return RunningClient(self._call)

    def cluster(self) -> ClusterSummary:
        """Return the cluster with all its topologies, by name."""
        return cluster_summary(self._call("getClusterInfo"))

    def info(self, name: str) -> TopologyInfo:
        """Return what is known of a topology.

        Raises:
            TopologyNotAlive: there is none of that name.
        """
        return topology_info(self._call("getTopologyInfoByName", name))

    def topology_page(
        self, name: str, window: str = ALL_TIME, *, is_include_sys: bool = False
    ) -> TopologyPage:
        """Return a topology's counts over all windows, and those of its components in one.

        Raises:
            TopologyNotAlive: there is none of that name.
        """
        topology_id = self._call("getTopologySummaryByName", name).id
        return topology_page(self._call("getTopologyPageInfo", topology_id, window, is_include_sys), window)

    def component_page(
        self, name: str, component: str, window: str = ALL_TIME, *, is_include_sys: bool = False
    ) -> ComponentPage:
        """Return a component's counts over all windows, and those of its streams and executors in one.

        Raises:
            TopologyNotAlive: there is none of that name.
            NimbusFailed: the topology has no such component.
        """
        topology_id = self._call("getTopologySummaryByName", name).id
        found = self._call("getComponentPageInfo", topology_id, component, window, is_include_sys)
        return component_page(found, window)

    def conf(self) -> dict[str, Any]:
        """Return the configuration of the cluster."""
        conf = json.loads(self._call("getNimbusConf"))
        return conf if isinstance(conf, dict) else {}

    def topology_conf(self, name: str) -> dict[str, Any]:
        """Return what a topology was submitted with, and what Nimbus put in.

        Raises:
            TopologyNotAlive: there is none of that name.
        """
        topology_id = self._call("getTopologySummaryByName", name).id
        conf = json.loads(self._call("getTopologyConf", topology_id))
        return conf if isinstance(conf, dict) else {}

    def component_confs(self, name: str) -> dict[str, dict[str, Any]]:
        """Return component -> what it sets for itself.

        Raises:
            TopologyNotAlive: there is none of that name.
        """
        topology_id = self._call("getTopologySummaryByName", name).id
        code = self._call("getUserTopology", topology_id)
        specs = {**(code.spouts or {}), **(code.bolts or {})}
        return {component: json.loads(spec.common.json_conf or "{}") for component, spec in specs.items()}

    def kill(self, name: str, wait_s: int | None = None) -> None:
        """Kill a topology; its spouts rest for ``wait_s`` first, None: for its message timeout."""
        self._call("killTopologyWithOpts", name, idl.load().KillOptions(wait_secs=wait_s))

    def activate(self, name: str) -> None:
        self._call("activate", name)

    def deactivate(self, name: str) -> None:
        self._call("deactivate", name)

    def is_name_allowed(self, name: str) -> bool:
        """Return whether a topology may be submitted under that name now."""
        return bool(self._call("isTopologyNameAllowed", name))

    def upload(self, path: Path, on_progress: Callable[[int], object] = lambda _: None) -> str:
        """Upload a file in chunks and return its location; ``on_progress`` gets the bytes sent so far."""
        location: str = self._call("beginFileUpload")
        sent_bytes = 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                self._call("uploadChunk", location, chunk)
                sent_bytes += len(chunk)
                on_progress(sent_bytes)
        self._call("finishFileUpload", location)
        return location

    def submit(
        self, name: str, location: str, conf: Mapping[str, Any], topology: bytes, *, is_active: bool = True
    ) -> None:
        """Submit a topology, given as the Thrift binary of a StormTopology.

        Raises:
            NameTaken: a topology of that name exists.
            NimbusRefused: the topology or its conf is invalid; Nimbus says what.
        """
        self.submit_code(name, location, conf, decode_topology(topology), is_active=is_active)

    def submit_code(
        self, name: str, location: str, conf: Mapping[str, Any], code: Any, *, is_active: bool = True
    ) -> None:
        """Submit a topology, given as a StormTopology of our IDL; raises as `submit`."""
        storm = idl.load()
        status = storm.TopologyInitialStatus.ACTIVE if is_active else storm.TopologyInitialStatus.INACTIVE
        options = storm.SubmitOptions(initial_status=status)
        self._call("submitTopologyWithOpts", name, location, json.dumps(conf), code, options)

    def _call(self, method: str, *arguments: object) -> Any:
        from thriftpy2.protocol.cybin.cybin import ProtocolError
        from thriftpy2.protocol.exc import TProtocolException
        from thriftpy2.thrift import TApplicationException, TDecodeException, TException
        from thriftpy2.transport import TTransportException

        storm = idl.load()
        is_first, self._has_called = not self._has_called, True
        try:
            return getattr(self._thrift, method)(*arguments)
        except Obstructed as obstructed:
            raise self._kept_out(obstructed) from obstructed
        except storm.NotAliveException as exc:
            raise TopologyNotAlive(exc.msg) from exc
        except storm.AlreadyAliveException as exc:
            raise NameTaken(exc.msg) from exc
        except storm.KeyNotFoundException as exc:
            raise BlobNotFound(exc.msg) from exc
        except storm.KeyAlreadyExistsException as exc:
            raise BlobExists(exc.msg) from exc
        except (
            storm.InvalidTopologyException,
            storm.AuthorizationException,
            storm.IllegalStateException,
        ) as exc:
            raise NimbusRefused(exc.msg) from exc
        except TApplicationException as exc:
            raise NimbusFailed(f"Nimbus failed in {method}: {exc}") from exc
        except TimeoutError as exc:
            reason = f"no answer to {method} within {self._call_timeout_s:g} s"
            raise NimbusUnreachable(self.address, reason) from exc
        except (TTransportException, OSError) as exc:
            if is_first and (shown := self._way.explain(exc)):
                raise self._kept_out(shown, f"connection lost in {method}: ") from exc
            raise NimbusUnreachable(self.address, f"connection lost in {method}") from exc
        except (TProtocolException, ProtocolError, TDecodeException, UnicodeDecodeError) as exc:
            raise NimbusUnreachable(
                self.address, f"what answers there does not speak Thrift ({exc})"
            ) from exc
        except TException as exc:
            raise NimbusFailed(f"{method}: {getattr(exc, 'msg', exc)}") from exc


def decode_topology(data: bytes) -> Any:
    """Return the StormTopology in its Thrift binary form.

    Raises:
        ValueError: ``data`` holds none.
    """
    from thriftpy2 import protocol, transport

    binary: Any = protocol.TCyBinaryProtocol  # without annotations
    memory: Any = transport.TCyMemoryBuffer
    topology = idl.load().StormTopology()
    try:
        topology.read(binary(memory(data)))
    except Exception as exc:
        raise ValueError(f"not the Thrift binary of a StormTopology: {exc!r}") from exc
    if not isinstance(topology.spouts, dict) or not isinstance(topology.bolts, dict):
        raise ValueError("not the Thrift binary of a StormTopology: it has no spouts and bolts")
    return topology


def _reason(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return "timed out"
    return exc.strerror or str(exc)
