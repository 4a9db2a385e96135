"""The case of nimbus: how soon it answers, and what it needs for many topologies.

    fresh cluster -> memory
    100 topologies -> calls, each waiting for the answer to the one before, over one connection
    200 submissions in a row, each with its upload
    more until 500 are known -> memory
    one with a large jar

All are submitted inactive and so have no process, else 500 of them would be a
thousand processes and fill the machine.  Only for getTopologyInfo of one that
runs, where nimbus asks the topology process, a word count without data runs.
Replies are received whole and not decoded: what a client makes of them is
its own affair.
"""

from __future__ import annotations

import os
import socket
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import machine
from bench.cases import Measured, Pace, percentile
from bench.cluster import BenchError, Cluster
from storm_compat.client import NimbusAddress, NimbusClient
from storm_compat.thrift import idl

LISTED_COUNT = 100
ROW_COUNT = 200
KNOWN_COUNT = 500
LARGE_JAR_BYTES = 50 * 1024 * 1024
_WARM_UP_CALLS = 100


def nimbus(make_cluster: Callable[[str], Cluster], pace: Pace) -> Measured:
    """Measure one nimbus from its start until it knows 500 topologies."""
    cluster = make_cluster("nimbus")
    before = machine.sample([])
    try:
        cluster.start()
        address = cluster.address
        jars = _Jars(cluster.folder)
        with NimbusClient(address) as client:
            values = {"fresh_rss_mib": _rss_mib(cluster)}
            for number in range(LISTED_COUNT):
                _submit(client, f"listed-{number}", jars.small)
            ids = [topology.topology_id for topology in client.cluster().topologies]
            values |= _calls("cluster", address, pace, [("getClusterInfo", ())])
            values |= _calls(
                "info", address, pace, [("getTopologyInfo", (topology_id,)) for topology_id in ids]
            )
            values |= _info_of_running(cluster, client, pace)
            values |= _row(client, jars.small)
            for number in range(KNOWN_COUNT - LISTED_COUNT - ROW_COUNT):
                _submit(client, f"more-{number}", jars.small)
            values["known_rss_mib"] = _rss_mib(cluster)
            values["large_submit_s"] = _submit(client, "large", jars.large)
    finally:
        cluster.stop()
    window = machine.Window(before, machine.sample([]))
    return Measured(values, window.foreign_cores)


def _info_of_running(cluster: Cluster, client: NimbusClient, pace: Pace) -> dict[str, float]:
    submitted = cluster.submit("words", sentences=5)
    cluster.wait_for(submitted, "first-tuple")
    call = ("getTopologyInfo", (client.info(submitted.name).topology_id,))
    values = _calls("running", cluster.address, pace, [call])
    cluster.kill(submitted)
    return values


def _row(client: NimbusClient, jar: Path) -> dict[str, float]:
    """Submit one after the other; of each, the call alone and all with the upload."""
    began = time.monotonic()
    calls_ms = sorted(_submit(client, f"row-{number}", jar) * 1000 for number in range(ROW_COUNT))
    return {
        "row_s": time.monotonic() - began,
        "submit_p50_ms": percentile(calls_ms, 50),
        "submit_p99_ms": percentile(calls_ms, 99),
    }


def _submit(client: NimbusClient, name: str, jar: Path) -> float:
    """Submit a topology that nobody activates; return the seconds of the last call, after the upload."""
    location = client.upload(jar)
    began = time.monotonic()
    client.submit(name, location, {"topology.workers": 1}, _TOPOLOGY, is_active=False)
    return time.monotonic() - began


def _calls(
    prefix: str, address: NimbusAddress, pace: Pace, calls: Sequence[tuple[str, tuple[object, ...]]]
) -> dict[str, float]:
    """Return the rate and the 99th percentile of calls that are made in turn."""
    frames = [_frame(method, arguments) for method, arguments in calls]
    with _connected(address) as ask:
        for number in range(_WARM_UP_CALLS):
            ask(frames[number % len(frames)])
        taken_ms, reply_bytes = [], 0
        began = time.monotonic()
        for number in range(pace.nimbus_calls):
            asked = time.monotonic()
            reply_bytes = ask(frames[number % len(frames)])
            taken_ms.append((time.monotonic() - asked) * 1000)
        seconds = time.monotonic() - began
    return {
        f"{prefix}_per_s": pace.nimbus_calls / seconds,
        f"{prefix}_p99_ms": percentile(sorted(taken_ms), 99),
        f"{prefix}_kib": reply_bytes / 1024,
    }


@contextmanager
def _connected(address: NimbusAddress) -> Iterator[Callable[[bytes], int]]:
    """Hold a connection; what is yielded sends a frame and returns the size of the reply."""
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")

        def ask(frame: bytes) -> int:
            connection.sendall(frame)
            size = int.from_bytes(stream.read(4), "big")
            reply = stream.read(size)
            if len(reply) != size or reply[:4] != b"\x80\x01\x00\x02":
                raise BenchError(f"no proper reply: {reply[:200]!r}")
            return size

        yield ask


def _frame(method: str, arguments: tuple[object, ...]) -> bytes:
    from thriftpy2.protocol import TBinaryProtocol
    from thriftpy2.thrift import TMessageType
    from thriftpy2.transport import TMemoryBuffer

    # Without annotations, so Any.
    binary: Any = TBinaryProtocol
    buffer: Any = TMemoryBuffer()
    protocol = binary(buffer)
    protocol.write_message_begin(method, TMessageType.CALL, 0)
    getattr(idl.load().Nimbus, f"{method}_args")(*arguments).write(protocol)
    protocol.write_message_end()
    body = buffer.getvalue()
    return len(body).to_bytes(4, "big") + body


def _rss_mib(cluster: Cluster) -> float:
    return machine.memory_mib([p for p in cluster.processes() if p.role == "nimbus"])["nimbus"]["rss"]


class _Jars:
    """One of nothing but a small file, and one with 50 MB in its resources that cannot be compressed."""

    def __init__(self, folder: Path) -> None:
        self.small = folder / "small.jar"
        self.large = folder / "large.jar"
        with zipfile.ZipFile(self.small, "w") as jar:
            jar.writestr("resources/word.py", "print()\n")
        with zipfile.ZipFile(self.large, "w") as jar:
            jar.writestr("resources/data", os.urandom(LARGE_JAR_BYTES))


def _topology() -> bytes:
    """Return a spout and a bolt as the binary of a StormTopology."""
    from thriftpy2.protocol import TCyBinaryProtocol
    from thriftpy2.transport import TCyMemoryBuffer

    storm = idl.load()
    binary: Any = TCyBinaryProtocol
    program = storm.ComponentObject(shell=storm.ShellComponent("python", "word.py"))
    streams = {"default": storm.StreamInfo(["word"], False)}
    inputs = {storm.GlobalStreamId("words", "default"): storm.Grouping(shuffle=storm.NullStruct())}
    topology = storm.StormTopology(
        spouts={"words": storm.SpoutSpec(program, storm.ComponentCommon({}, streams, 1, "{}"))},
        bolts={"count": storm.Bolt(program, storm.ComponentCommon(inputs, streams, 2, "{}"))},
        state_spouts={},
    )
    buffer: Any = TCyMemoryBuffer()
    topology.write(binary(buffer))
    encoded: bytes = buffer.getvalue()
    return encoded


_TOPOLOGY = _topology()
