from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storm_compat.cli.exit_codes import ExitCode
from storm_compat.cli.main import run

WRONG = Path(__file__).parents[2] / "multilang" / "conformance" / "components" / "wrong.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def _conformance(*words: str) -> int:
    return run(["conformance", *words])


def test_a_broken_rule_is_shown_with_what_was_said_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--bolt", "--rule", "heartbeat", "--rule", "greets", "--", sys.executable, str(WRONG)]
    assert _conformance(*words, "acks_heartbeats") == ExitCode.FAILED
    output = capsys.readouterr().out
    assert "BROKEN  heartbeat" in output
    assert "kept    greets" in output
    assert '> {"id":"-100"' in output
    assert "1 kept, 1 broken" in output


def test_as_json_it_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--rule", "answers-once", "--json", "--values", "[1, 2]", "--", sys.executable, str(WRONG)]
    assert _conformance(*words, "no_pid_file") == ExitCode.OK
    (finding,) = json.loads(capsys.readouterr().out)
    assert finding["rule"] == "answers-once"
    assert finding["verdict"] == "kept"
    assert any('"tuple":[1,2]' in line for line in finding["transcript"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rule", "nonsense", "--", "true"], "no rule for a bolt is named 'nonsense'"),
        (["--values", "{", "--", "true"], "not JSON"),
        (["--values", "{}", "--", "true"], "it must be a list"),
        ([], "Missing argument"),
    ],
)
def test_a_wrong_command_line_is_told(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _conformance(*words) == ExitCode.USAGE
    assert message in capsys.readouterr().err


def test_a_program_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _conformance("--", "no-such-program") == ExitCode.USAGE
    assert "no program 'no-such-program' on PATH" in capsys.readouterr().err


def test_a_signal_leaves_neither_process_nor_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from storm_compat.cli.main import main; main()", "conformance"]
    words = ["--rule", "ends", "--", sys.executable, str(WRONG), "stays"]
    started = subprocess.Popen([*command, *words], env={**os.environ, "TMPDIR": str(tmp_path)})
    while not list(tmp_path.glob("*/pids/*")):
        assert started.poll() is None
        time.sleep(0.01)
    started.terminate()
    assert started.wait(30) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
