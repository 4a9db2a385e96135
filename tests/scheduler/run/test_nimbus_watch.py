"""Whether nimbus lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from scheduler.run.nimbus_watch import NimbusWatch


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    return tmp_path / "ready.json"


def test_the_process_that_ready_json_names_is_alive_as_long_as_it_runs(ready: Path) -> None:
    watch = NimbusWatch(ready)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as nimbus:
        ready.write_bytes(msgspec.json.encode({"nimbus": "127.0.0.1:6627", "pid": nimbus.pid}))
        assert watch.is_alive()
        nimbus.kill()
        os.waitid(os.P_PID, nimbus.pid, os.WEXITED | os.WNOWAIT)
        assert not watch.is_alive(), "a dead process that nobody collected was taken for alive"
    assert not watch.is_alive()
    ready.write_bytes(msgspec.json.encode({"pid": os.getpid()}))
    assert watch.is_alive()


@pytest.mark.parametrize("text", [None, b"", b"{}", b"[1]", b'{"pid": "x"}'])
def test_without_a_readable_file_there_is_no_nimbus(ready: Path, text: bytes | None) -> None:
    if text is not None:
        ready.write_bytes(text)
    assert not NimbusWatch(ready).is_alive()
