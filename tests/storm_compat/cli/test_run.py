"""`heronry run` as a user runs it: processes from the first to the last, and nothing left."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cluster import BIN, environment, processes, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WORD_COUNT = Path(__file__).parents[3] / "examples" / "word_count"


@pytest.fixture
def start(tmp_path):
    """Return a function that starts `heronry run`; its temporary files go to tmp_path/tmp."""
    (tmp_path / "tmp").mkdir()
    started = []

    def run(*arguments, path=WORD_COUNT):
        process = subprocess.Popen(
            [BIN / "heronry", "run", path, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(TMPDIR=str(tmp_path / "tmp")), start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    assert [line for line in processes().values() if str(tmp_path / "tmp") in line] == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def broken(tmp_path):
    """A word count whose last bolt raises at the word fish."""
    project = tmp_path / "broken"
    shutil.copytree(WORD_COUNT, project)
    bolt = project / "src" / "bolts" / "count.py"
    text = bolt.read_text().replace(
        "word = tup.values[0]", 'word = tup.values[0]\n        if word == "fish": raise ValueError("fish")'
    )
    bolt.write_text(text)
    return project


def test_counts_and_logs_are_shown_and_nothing_is_left(start):
    process = start("-t", "3", "-o", "word_count.sentences=20", "--every", "1")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert "sentence_spout:4 INFO all 20 sentences were acked, after 0 fails" in out
    assert re.search(
        r"^count  2 of 2 tasks  emitted 156  executed 156  acked 156  failed 0", out, re.MULTILINE
    )
    assert re.search(r"^count +2 +156 +156 +156 +0$", out, re.MULTILINE)
    assert out.endswith("No errors.\n")


def test_errors_come_with_their_tracebacks_and_make_it_fail(start, broken):
    process = start("-t", "2", "--no-log", "-o", "word_count.sentences=20", path=broken)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    assert re.search(r'bolts/count\.py", line \d+, in process', out)
    assert "INFO" not in out
    assert re.search(r"^\d+ errors?:$", out, re.MULTILINE)
    assert "  count: ValueError: fish" in out


def test_json_is_one_document_in_the_end(start):
    process = start("-t", "3", "-o", "word_count.sentences=20", "--accelerate", "-n", "lake", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    document = json.loads(out)
    assert (document["name"], document["has_run"], document["errors"]) == ("lake", True, [])
    assert document["components"]["sentence_spout"]["acked"] == 20
    assert document["components"]["count"]["executed"] == 156


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(start, number):
    process = start()
    lines = iter(process.stdout.readline, "")
    assert any(re.match(r"count  2 of 2 tasks .* executed [1-9]", line) for line in lines)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "No errors." in out


def test_even_a_kill_leaves_nothing(start, tmp_path):
    process = start()
    assert any(line.startswith("sentence_spout  1 of 1") for line in iter(process.stdout.readline, ""))
    process.kill()
    process.wait()
    where = str(tmp_path / "tmp")
    until(lambda: not any(where in line for line in processes().values()), "all processes have ended")
    until(lambda: not list((tmp_path / "tmp").iterdir()), "the root is gone")


def test_it_ends_with_whoever_reads_it(start):
    process = start("--every", "0.2")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(90) == 0, process.stderr.read()


def test_a_topology_that_is_refused_says_so(start):
    process = start("-o", "topology.workers=two")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 5, err
    assert "heronry: Field TOPOLOGY_WORKERS must be an Integer" in err
