"""From a project folder to a submission; the topology is loaded by a real Python."""

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from storm_compat.cli.exit_codes import ExitCode
from storm_compat.client import CHUNK_BYTES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WORD_COUNT = Path(__file__).parents[3] / "examples" / "word_count"


@pytest.fixture
def submit(heronry, nimbus, make_executor):
    """Return a function that submits the word count example, whose tasks run at once."""
    nimbus.executors = [
        make_executor("sentence_spout", 6, 6, bolt=False),
        make_executor("count", 2, 3, port=6701),
    ]

    def call(*arguments, path=WORD_COUNT):
        return heronry("submit", path, "--python", sys.executable, *arguments)

    return call


def test_a_project_becomes_a_jar_and_a_topology(submit, nimbus):
    result = submit("-o", "word_count.sentences=7")
    assert result.code == 0, result.err
    assert result.out.splitlines()[:2] == [
        "word_count runs as word_count-1-1700000000, ACTIVE",
        "3 tasks of 2 components in 2 containers",
    ]
    assert "heronry logs word_count -f" in result.out
    with zipfile.ZipFile(io.BytesIO(nimbus.jar)) as jar:
        assert "resources/spouts/sentences.py" in jar.namelist()
    assert nimbus.submitted["conf"]["word_count.sentences"] == 7
    assert nimbus.submitted["conf"]["topology.workers"] == 1
    assert set(nimbus.submitted["topology"].bolts) == {"split", "count"}
    assert [call[0] for call in nimbus.calls] == ["upload", "chunk", "finish", "submit"]


def test_it_can_be_kept_under_another_name_until_it_is_activated(submit, nimbus):
    result = submit("-n", "test", "--inactive", "--json")
    assert json.loads(result.out) == {
        "topology_id": "test-1-1700000000",
        "name": "test",
        "status": "INACTIVE",
        "is_running": False,
        "container_count": 2,
        "task_count": 3,
    }
    assert nimbus.submitted["status"] == 2
    assert nimbus.submitted["conf"]["topology.original_name"] == "word_count"


def test_a_name_that_is_taken_is_refused_before_anything_is_uploaded(submit, nimbus):
    nimbus.topologies = {"word_count": "ACTIVE"}
    result = submit()
    assert (result.code, result.out, nimbus.calls) == (ExitCode.EXISTS, "", [])
    assert "heronry kill word_count" in result.err
    assert "--force" in result.err


def test_force_kills_the_running_one_after_the_upload(submit, nimbus):
    nimbus.topologies = {"word_count": "ACTIVE"}
    assert submit("--force", "--kill-wait", "2").code == 0
    assert [call[0] for call in nimbus.calls] == ["upload", "chunk", "finish", "kill", "submit"]
    assert ("kill", "word_count", 2) in nimbus.calls


def test_what_nimbus_refuses_is_shown_in_its_own_words(submit, nimbus):
    nimbus.refusal = "Component: [b] subscribes from non-existent component [x]"
    result = submit()
    assert result.code == ExitCode.REFUSED
    assert "heronry: Component: [b] subscribes from non-existent component [x]\n" in result.err
    assert "Traceback" not in result.err


def test_a_name_that_nimbus_does_not_allow_is_refused_before_the_upload(submit, nimbus):
    result = submit("-n", "forbidden")
    assert (result.code, nimbus.calls) == (ExitCode.REFUSED, [])


@pytest.mark.parametrize("name", ["a/b", "a.b", "a:b", "a\\b", ""])
def test_a_name_that_no_nimbus_takes_is_a_usage_error(submit, nimbus, name):
    result = submit("--name", name) if name else submit("--name", "/")
    assert (result.code, nimbus.calls) == (ExitCode.USAGE, [])


def test_a_topology_that_does_not_start_times_out_with_its_errors_shown(submit, nimbus, make_error):
    nimbus.executors[0].stats = nimbus.executors[1].stats = None
    nimbus.errors = {"count": [make_error("streamparse_run: not found", 1)]}
    result = submit("--timeout", "0")
    assert (result.code, result.out) == (ExitCode.TIMED_OUT, "")
    assert "Error in count: streamparse_run: not found" in result.err
    assert "0 of 3 tasks run so far" in result.err
    assert "heronry status word_count" in result.err


def test_not_waiting_returns_once_nimbus_has_it(submit, nimbus):
    nimbus.executors = []
    result = submit("--no-wait")
    assert result.code == 0
    assert result.out.startswith("word_count is submitted as word_count-1-1700000000, ACTIVE\n")


def test_a_jar_comes_with_the_file_of_its_topology(submit, nimbus, tmp_path):
    jar = tmp_path / "built.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        for file in (WORD_COUNT / "src").rglob("*.py"):
            archive.write(file, f"resources/{file.relative_to(WORD_COUNT / 'src')}")
        archive.writestr("padding", bytes(CHUNK_BYTES))
    topology = tmp_path / "wc.py"
    topology.write_text((WORD_COUNT / "topologies" / "word_count.py").read_text())
    result = submit("--topology-file", topology, path=jar)
    assert result.code == 0, result.err
    assert nimbus.jar == jar.read_bytes()
    assert nimbus.calls[1] == ("chunk", "/inbox/x.jar", CHUNK_BYTES)
    assert "wc" in nimbus.topologies


def test_a_jar_alone_is_not_enough(submit, tmp_path):
    jar = tmp_path / "x.jar"
    zipfile.ZipFile(jar, "w").close()
    result = submit(path=jar)
    assert result.code == ExitCode.USAGE
    assert "Add --topology-file FILE" in result.err


def test_a_file_that_is_no_jar_is_a_usage_error(submit, tmp_path):
    other = tmp_path / "x.txt"
    other.write_text("x")
    assert submit("--topology-file", other, path=other).code == ExitCode.USAGE


@pytest.mark.parametrize("option", ["novalue", "=1"])
def test_an_option_needs_key_and_value(submit, option):
    result = submit("-o", option)
    assert result.code == ExitCode.USAGE
    assert "KEY=VALUE" in result.err
