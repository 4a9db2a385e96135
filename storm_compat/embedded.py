"""A whole cluster as long as this process wants it: nimbus as a child, on any free port.

    start --> child: python -m storm_compat.embedded ROOT   ready.json, calls are accepted
    stop  --> its stdin is closed --> it ends all topologies in order --> it ends, and the root is removed

The child also ends so when this process dies in any way, since that closes
its stdin, too: no process and no file is left.  Its log is ROOT/logs/nimbus.log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import storm_compat
from scheduler.errors import SchedulerError
from scheduler.launch.local import LocalLauncher
from scheduler.layout import Layout
from scheduler.run import logs
from scheduler.state.files import FileStore
from scheduler.state.records import TOPOLOGIES
from storm_compat import daemon
from storm_compat.client import NimbusAddress
from storm_compat.errors import CompatError

START_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.02
_SHOWN_CHARS: Final = 4000


class ClusterFailed(CompatError):
    """The cluster did not start, or has ended by itself; says what it logged."""


class EmbeddedCluster:
    """One cluster on this machine.

    Args:
        root: folder for everything, kept in the end; None: a temporary one, removed in the end.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._is_temporary = root is None
        self.root = Path(tempfile.mkdtemp(prefix="heronry-")).resolve() if root is None else root.absolute()
        self._nimbus: subprocess.Popen[bytes] | None = None
        self.address = NimbusAddress("127.0.0.1", 0)
        """Where it answers, once it is started."""

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and return when it accepts calls.

        Raises:
            ClusterFailed: it ended, or took too long.
            OSError: the root cannot be used.
        """
        layout = Layout(self.root)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        layout.logs.mkdir(mode=0o700, exist_ok=True)
        command = [sys.executable, "-m", "storm_compat.embedded", str(self.root)]
        command += ["--temporary"] if self._is_temporary else []
        with layout.nimbus_log.open("ab") as output:
            # A session of its own: Ctrl-C is for us, who end it in order.
            self._nimbus = nimbus = subprocess.Popen(
                command,
                cwd=self._folder(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_WITHIN_S
        while (found := self._ready(nimbus.pid)) is None:
            self.check()
            if time.monotonic() > deadline:
                raise ClusterFailed(f"the cluster was not ready within {START_WITHIN_S:g} s:\n{self._said()}")
            time.sleep(_POLL_S)
        self.address = found

    def check(self) -> None:
        """Return if it runs.

        Raises:
            ClusterFailed: it has ended by itself.
        """
        if self._nimbus is not None and (code := self._nimbus.poll()) is not None:
            raise ClusterFailed(f"the cluster ended with code {code}:\n{self._said()}")

    def stop(self) -> None:
        """End it with all its topologies; nothing of it is left, but for a root that was given."""
        nimbus, self._nimbus = self._nimbus, None
        if nimbus is not None:
            assert nimbus.stdin is not None
            nimbus.stdin.close()
            try:
                nimbus.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                nimbus.kill()
                nimbus.wait()
            if nimbus.returncode:
                self._sweep()
        if self._is_temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def _sweep(self) -> None:
        """Kill what a nimbus has left that did not end in order."""
        layout = Layout(self.root)
        launcher = LocalLauncher(layout)
        for topology_id in FileStore(layout.state).children(TOPOLOGIES):
            launcher.sweep(topology_id)

    def _ready(self, pid: int) -> NimbusAddress | None:
        try:
            document = json.loads(Layout(self.root).ready_file.read_bytes())
        except (OSError, ValueError):
            return None
        if document["pid"] != pid:  # of one that was killed on this root
            return None
        host, _, port = document["nimbus"].rpartition(":")
        return NimbusAddress(host, int(port))

    def _said(self) -> str:
        try:
            return Layout(self.root).nimbus_log.read_text(errors="replace")[-_SHOWN_CHARS:]
        except OSError:
            return "(nothing)"

    def _folder(self) -> Path:
        """Return the working directory: -m finds our packages there when they are run from a checkout."""
        assert storm_compat.__file__
        above = Path(storm_compat.__file__).resolve().parents[1]
        return self.root if above.name in {"site-packages", "dist-packages"} else above


def main(arguments: Sequence[str] | None = None) -> int:
    """Run nimbus until stdin is closed, or a signal; return the exit code: 1 if it cannot start."""
    parser = argparse.ArgumentParser(
        prog="heronry-embedded", description="Runs a cluster for another process."
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--temporary", action="store_true", help="remove the root in the end")
    options = parser.parse_args(arguments)
    logs.setup("nimbus")

    def on_ready(_: daemon.Ready) -> None:
        loop = asyncio.get_running_loop()

        def closed() -> None:
            loop.remove_reader(0)
            os.kill(os.getpid(), signal.SIGTERM)

        loop.add_reader(0, closed)  # readable means closed: nobody writes there

    try:
        return asyncio.run(daemon.run(Layout(options.root), port=0, on_ready=on_ready))
    except (CompatError, SchedulerError, OSError) as exc:
        logs.log.error("nimbus cannot run: reason=%s", exc)
        return 1
    finally:
        if options.temporary:
            shutil.rmtree(options.root, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
