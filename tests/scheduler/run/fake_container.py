"""A container that runs nothing: it registers, obeys, and reports what it was told.

    python -m tests.scheduler.run.fake_container ROOT TOPOLOGY CONTAINER

Its one task's ``state`` is what it heard last: "active peers=1,2".  It has a
child in a session of its own, as a component may have.
"""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from scheduler.control.messages import (
    Halt,
    Hello,
    PlanChanged,
    Register,
    Report,
    SetActive,
    TaskReport,
    decode,
    encode,
)
from scheduler.errors import StateError
from scheduler.layout import Layout
from scheduler.plan import Address, PackingPlan
from scheduler.state.files import FileStore
from scheduler.state.records import MasterRecord, path_of, read

REPORT_EVERY_S = 0.05


class FakeContainer:
    def __init__(self, root: Path, topology_id: str, container_id: int) -> None:
        self.store = FileStore(Layout(root).state)
        self.topology_id = topology_id
        self.plan_version = read(self.store, path_of(topology_id, "packing"), PackingPlan).version
        self.address = Address(container_id, random.getrandbits(27), "127.0.0.1", 9)
        self.is_active = False
        self.peers: list[int] = []
        self.report_count = 0

    def run(self) -> None:
        while True:
            try:
                master = read(self.store, path_of(self.topology_id, "master"), MasterRecord)
                with socket.create_connection((master.host, master.port)) as connection:
                    self.serve(connection)
            except (StateError, OSError, EOFError):
                time.sleep(0.02)

    def serve(self, connection: socket.socket) -> None:
        secret = self.store.get(path_of(self.topology_id, "secret"))[0].decode()
        connection.sendall(encode(Hello(self.topology_id, secret)))
        connection.sendall(encode(Register(self.plan_version, self.address, os.getpid())))
        stream = connection.makefile("rb", buffering=0)
        while True:
            if select.select([connection], [], [], REPORT_EVERY_S)[0]:
                length = stream.read(4)
                if not length:
                    raise EOFError
                body = b""
                while len(body) < int.from_bytes(length, "big"):
                    body += stream.read(int.from_bytes(length, "big") - len(body)) or b""
                match decode(body):
                    case PlanChanged(plan):
                        self.peers = [address.container_id for address in plan.containers]
                    case SetActive(is_active):
                        self.is_active = is_active
                    case Halt(reason):
                        sys.stderr.write(f"halted: {reason}\n")
                        sys.exit(0)
            self.report_count += 1
            connection.sendall(encode(self.report()))

    def report(self) -> Report:
        peers = ",".join(map(str, self.peers))
        task = TaskReport(
            task=self.address.container_id,
            component="split",
            state=f"{'active' if self.is_active else 'inactive'} peers={peers}",
            pid=os.getpid(),
            uptime_s=1.0,
            restart_count=0,
            emitted={"default": self.report_count},
            transferred={},
            executed={},
            acked={},
            failed={},
            latency_ms_sum={},
            latency_count={},
            pending_count=0,
            queued_bytes=0,
            held_ms=0,
        )
        return Report(self.address.container_id, self.address.incarnation, [task], [])


def main() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # only what is said over the connection counts
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    FakeContainer(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])).run()


if __name__ == "__main__":
    main()
