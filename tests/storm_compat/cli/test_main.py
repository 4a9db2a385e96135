"""The table of commands, the last word on errors, and that help stays cheap."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storm_compat.cli import main
from storm_compat.cli.exit_codes import MEANINGS, ExitCode

HEAVY = {"thriftpy2", "rich", "asyncio", "msgspec", "yaml", "simplejson", "subprocess", "tempfile"}
FULL = Path("/dev/full")
HELP = """
import sys
from storm_compat.cli.main import run
assert run(sys.argv[1:]) == 0
print("loaded:", *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_of_the_table_exists_and_tells_the_same_as_the_table(name, heronry):
    result = heronry(name, "--help")
    assert result.code == 0
    first_line = main.COMMANDS[name][1].split(",")[0].rstrip(".")
    assert first_line.split()[0] in result.out


def test_help_lists_commands_and_exit_codes(heronry):
    result = heronry("--help")
    assert result.code == 0
    assert all(f"  {name} " in result.out for name in main.COMMANDS)
    assert all(meaning in result.out for meaning in MEANINGS.values())


def test_an_unknown_command_is_met_with_the_nearest_one(heronry):
    result = heronry("versoin")
    assert (result.code, result.out) == (ExitCode.USAGE, "")
    assert "no command named 'versoin'. Did you mean version?" in result.err


def test_a_wrong_address_is_a_usage_error(heronry):
    result = heronry("--nimbus", "nowhere:nothing", "list")
    assert result.code == ExitCode.USAGE
    assert "'nowhere:nothing' is not HOST:PORT (from --nimbus)" in result.err


def test_a_silent_cluster_is_unreachable_and_the_advice_says_what_to_do(heronry, unused_port):
    result = heronry("list", "--nimbus", f"127.0.0.1:{unused_port}")
    assert (result.code, result.out) == (ExitCode.UNREACHABLE, "")
    assert f"no Nimbus answers at 127.0.0.1:{unused_port}: Connection refused" in result.err
    assert "heronry dev" in result.err


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in main.COMMANDS)])
def test_help_imports_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", HELP, *arguments], capture_output=True, text=True, check=True, timeout=50
    )
    loaded = set(done.stderr.partition("loaded:")[2].split())
    assert "click" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.skipif(not FULL.exists(), reason="Linux has a disk that is always full")
@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_full_disk_is_said_without_a_traceback():
    command = [sys.executable, "-c", "from storm_compat.cli.main import main; main()", "--help"]
    with FULL.open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=50
        )
    assert (done.returncode, done.stderr) == (1, "heronry: [Errno 28] No space left on device\n")


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_reader_who_has_seen_enough_is_no_error():
    command = [sys.executable, "-c", "from storm_compat.cli.main import main; main()", "--help"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        command, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False, timeout=50
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")
