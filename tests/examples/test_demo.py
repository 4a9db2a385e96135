"""The demo, as `make demo` runs it: real processes from the first to the last."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

REPOSITORY = Path(__file__).parents[2]
DEMO = REPOSITORY / "examples" / "demo.py"
SHIM = """#!{python}
import sys
sys.path.insert(0, {repository!r})
from storm_compat.cli.main import main
main()
"""


@pytest.fixture
def demo(tmp_path):
    """Return a function that starts the demo; `heronry` is the one beside this Python, else a stand-in."""
    shim = tmp_path / "bin" / "heronry"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(python=sys.executable, repository=str(REPOSITORY)))
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"}
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, DEMO, "--root", tmp_path / "root", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()


def test_it_counts_words_and_leaves_nothing_behind(demo, tmp_path):
    process = demo("--seconds", "3")
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 0, out
    assert "most frequent: the " in out
    assert out.endswith("Words were counted, everything has ended, and no process is left over.\n")
    assert not (tmp_path / "root").exists()


def test_an_interrupt_in_the_middle_cleans_up_too(demo, tmp_path):
    process = demo("--seconds", "100")
    while "emitted" not in (line := process.stdout.readline()):
        assert line, "the demo ended before it was interrupted"
    topology_ids = [folder.name for folder in (tmp_path / "root" / "topologies").iterdir()]
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=150)
    assert process.returncode == 130, out
    assert "interrupted, cleaning up" in out
    assert not (tmp_path / "root").exists()
    assert topology_ids
    marks = [(p.info["environ"] or {}).get("HERONRY_CONTAINER", "") for p in psutil.process_iter(["environ"])]
    assert [mark for mark in marks if any(f"/{t}/" in mark for t in topology_ids)] == []


def test_a_process_that_is_left_over_is_named_killed_and_a_failure(demo, tmp_path):
    process = demo("--seconds", "1")
    while "emitted" not in (line := process.stdout.readline()):
        assert line, "the demo ended too early"
    root = str(tmp_path / "root")
    stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "--root", root])
    try:
        out, _ = process.communicate(timeout=150)
        assert process.returncode == 1, out
        assert f"  {stray.pid}: " in out
        assert stray.wait(30) == -signal.SIGKILL
    finally:
        stray.kill()
        stray.wait()
