"""Whatever becomes of the tests, no daemon of a real Storm is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import until
from tests.compat import keeper

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def test_what_ends_is_started_again_and_all_ends_with_the_pipe(tmp_path: Path) -> None:
    # Its child is of a group of its own, as a supervisor's workers are.
    command = ["/bin/sh", "-c", "setsid sleep 600 & wait"]
    kept = subprocess.Popen([sys.executable, keeper.__file__, tmp_path], stdin=subprocess.PIPE)
    assert kept.stdin is not None

    def others() -> set[int]:
        return set(keeper.residents(tmp_path)) - {kept.pid}

    try:
        kept.stdin.write(json.dumps([command]).encode() + b"\n")
        kept.stdin.flush()
        first = until(lambda: found if len(found := others()) == 2 else None)
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(now := others()) == 2 and not now & first)
    finally:
        kept.stdin.close()
        kept.wait(20)
    assert keeper.residents(tmp_path) == []
