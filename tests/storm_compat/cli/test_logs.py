"""`heronry logs` and the reading of files that are written, rotated and joined by new ones."""

import json
import subprocess
import sys

import pytest

from storm_compat.cli.exit_codes import ExitCode
from storm_compat.cli.logs import past_folders
from storm_compat.cli.tail import Line, LogFolder
from tests.storm_compat.cli.conftest import executor


def stamp(second):
    return f"2026-01-01 00:00:{second:02}.000"


def write(folder, source, *lines):
    path = folder / "topology.log" if source == "topology" else folder / source / "worker.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


@pytest.fixture
def folder(nimbus, tmp_path):
    nimbus.topologies = {"wc": "ACTIVE"}
    nimbus.conf = {"storm.log.dir": str(tmp_path)}
    return tmp_path / "workers-artifacts" / "wc-1-1700000000"


def test_lines_of_several_files_come_in_the_order_of_their_times(tmp_path):
    write(tmp_path, "6700", f"{stamp(1)} a", f"{stamp(3)} c", "  more of c")
    write(tmp_path, "topology", f"{stamp(2)} b", f"{stamp(4)} d")
    folder = LogFolder(tmp_path)
    assert [line.text[-1] for line in folder.last(10)] == ["a", "b", "c", "c", "d"]
    assert folder.sources == ["6700", "topology"]
    folder.close()


def test_the_last_lines_are_counted_over_all_files(tmp_path):
    write(tmp_path, "6700", f"{stamp(1)} a", f"{stamp(3)} c")
    write(tmp_path, "6701", f"{stamp(2)} b")
    folder = LogFolder(tmp_path)
    assert folder.last(2) == [
        Line("6701", stamp(2), f"{stamp(2)} b"),
        Line("6700", stamp(3), f"{stamp(3)} c"),
    ]
    assert folder.last(0) == []
    folder.close()


def test_following_brings_whole_new_lines_only(tmp_path):
    path = write(tmp_path, "6700", "one")
    folder = LogFolder(tmp_path)
    assert [line.text for line in folder.last(10)] == ["one"]
    with path.open("a") as file:
        file.write("two\nthr")
    assert [line.text for line in folder.new()] == ["two"]
    with path.open("a") as file:
        file.write("ee\n")
    assert [line.text for line in folder.new()] == ["three"]
    assert folder.new() == []
    folder.close()


def test_following_goes_over_a_rotation_without_losing_a_line(tmp_path):
    path = write(tmp_path, "6700", "one")
    folder = LogFolder(tmp_path)
    folder.last(10)
    write(tmp_path, "6700", "two")
    path.rename(path.with_name("worker.log.1"))
    write(tmp_path, "6700", "three")
    found = [line.text for _ in range(2) for line in folder.new()]
    assert found == ["two", "three"]
    folder.close()


def test_following_finds_containers_that_are_started_later(tmp_path):
    write(tmp_path, "6700", "one")
    folder = LogFolder(tmp_path)
    folder.last(0)
    write(tmp_path, "6701", "first of another")
    assert folder.new() == [Line("6701", "", "first of another")]
    folder.close()


def test_logs_of_one_file_come_as_they_are(folder, heronry):
    write(folder, "6700", "one", "two")
    assert heronry("logs", "wc", "-n", "1").out == "two\n"


def test_logs_of_several_files_name_their_container(folder, heronry):
    write(folder, "6700", f"{stamp(2)} b")
    write(folder, "topology", f"{stamp(1)} a")
    assert heronry("logs", "wc").out == f"topology  {stamp(1)} a\n6700  {stamp(2)} b\n"
    assert json.loads(heronry("logs", "wc", "--json").out)["lines"][1] == {
        "source": "6700",
        "text": f"{stamp(2)} b",
    }


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_following_ends_when_nobody_reads_any_more_though_nothing_is_written(folder, nimbus, heronry):
    write(folder, "6700", "one")
    command = [sys.executable, "-c", "from storm_compat.cli.main import main; main()", "logs", "wc", "-f"]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert follower.stdout.readline() == b"one\n"
    follower.stdout.close()
    assert (follower.wait(30), follower.stderr.read()) == (0, b"")
    follower.stderr.close()


def test_logs_of_a_component_hold_its_lines_whole(folder, heronry):
    lines = [
        f"{stamp(1)} STDERR count:3 pid=9 mine",
        "  and more of mine",
        f"{stamp(2)} INFO say:1 pid=8 count:3 other",
        "  of the other",
        f"{stamp(3)} INFO count:4 pid=7 mine too",
        f"{stamp(4)} INFO recount:4 pid=7 not mine",
    ]
    write(folder, "6700", *lines)
    assert heronry("logs", "wc", "-c", "count").out.splitlines() == [
        f"{stamp(1)} STDERR count:3 pid=9 mine",
        "  and more of mine",
        f"{stamp(3)} INFO count:4 pid=7 mine too",
    ]
    assert heronry("logs", "wc", "-c", "count", "-n", "1").out == f"{stamp(3)} INFO count:4 pid=7 mine too\n"


def test_a_component_that_the_topology_does_not_have_is_met_with_those_it_has(folder, nimbus, heronry):
    write(folder, "6700", f"{stamp(1)} INFO count:3 pid=9 mine")
    nimbus.executors = [executor("count", 3, 3), executor("say", 1, 2)]
    result = heronry("logs", "wc", "-c", "nope", "-f")
    assert (result.code, result.out) == (ExitCode.NOT_FOUND, "")
    assert "topology 'wc' has no component named 'nope'\nIt has: count, say" in result.err
    assert "Did you mean count?" in heronry("logs", "wc", "-c", "Count").err
    assert heronry("logs", "wc", "-c", "say").code == ExitCode.OK  # it has not said anything yet


def test_of_a_topology_that_is_gone_those_components_are_known_that_said_something(folder, nimbus, heronry):
    write(folder, "6700", f"{stamp(1)} INFO count:3 pid=9 mine", f"{stamp(2)} STDERR say:1 pid=8 a")
    nimbus.topologies = {}
    result = heronry("logs", "wc", "-c", "nope")
    assert (result.code, result.out) == (ExitCode.NOT_FOUND, "")
    assert "has no line about a component named 'nope'\nIt has: count, say" in result.err


def test_logs_outlive_their_topology(folder, nimbus, heronry):
    write(folder, "6700", "old")
    write(folder.with_name("wc-0-1700000009"), "6700", "newest")
    nimbus.topologies = {}
    result = heronry("logs", "wc")
    assert result.out == "newest\n"
    assert "wc is not alive; these are the logs of wc-0-1700000009" in result.err


def test_without_a_nimbus_logs_are_looked_for_below_the_default_root(
    folder, heronry, tmp_path, monkeypatch, unused_port
):
    write(folder, "6700", "old")
    folder.parent.parent.joinpath("logs").mkdir()
    folder.parent.rename(tmp_path / "logs" / "workers-artifacts")
    monkeypatch.setenv("HERONRY_ROOT", str(tmp_path))
    assert heronry("logs", "wc", "--nimbus", f"127.0.0.1:{unused_port}").out == "old\n"


def test_logs_of_an_unknown_topology(folder, heronry):
    result = heronry("logs", "wcc")
    assert result.code == ExitCode.NOT_FOUND
    assert "Did you mean wc?" in result.err


def test_a_topology_whose_logs_are_elsewhere_says_so(folder, heronry):
    result = heronry("logs", "wc")
    assert result.code == ExitCode.NOT_FOUND
    assert "on other machines" in result.err


def test_names_of_past_topologies_may_hold_dashes(tmp_path):
    for name in ("my-wc-3-1700000000", "my-wc-10-1700000000", "no-number-x", "plain"):
        (tmp_path / name).mkdir()
    assert past_folders(tmp_path) == {"my-wc": tmp_path / "my-wc-10-1700000000"}
