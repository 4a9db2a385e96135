"""`heronry new`: what it makes works without a change."""

import re
import subprocess
import sys
import warnings

import pytest

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.new import checked
from storm_compat.cli.prepare import Choice, prepare
from tests.cluster import environment


@pytest.fixture
def lake(heronry, tmp_path):
    result = heronry("new", tmp_path / "lake")
    assert result.code == 0, result.err
    assert f"heronry run {tmp_path / 'lake'}" in result.out
    return tmp_path / "lake"


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_its_tests_pass(lake):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=lake,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_it_can_be_submitted_as_it_is(lake, tmp_path):
    prepared = prepare(Choice(lake, python=sys.executable), tmp_path)
    assert (prepared.name, prepared.topology.class_name) == ("lake", "Lake")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_it_runs_on_a_cluster(lake, cluster):
    words = cluster.submit(lake, conf={"lake.words": 1000})
    words.until(lambda: words.counts("word_spout").acked == 1000, within_s=60)
    assert words.counts("count_bolt").emitted == 1000
    assert words.errors() == []


def test_sparse_understands_it(lake, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from streamparse import util
    monkeypatch.chdir(lake)
    assert util.get_topology_definition(None) == ("lake", "topologies/lake.py")
    name, environment_of_lake = util.get_env_config(None)
    assert (name, environment_of_lake["nimbus"]) == ("prod", "127.0.0.1:6627")


@pytest.mark.parametrize("name", ["topology", "word_spout"])
def test_the_topology_has_a_name_of_its_own(heronry, tmp_path, name):
    assert heronry("new", tmp_path / name).code == 0
    text = (tmp_path / name / "topologies" / f"{name}.py").read_text()
    defined = re.search(r"class (\w+)\(Topology\)", text)[1]
    assert re.findall(rf"\b{defined}\b", text) == [defined]


def test_nothing_is_overwritten(heronry, tmp_path):
    (tmp_path / "lake").mkdir()
    result = heronry("new", tmp_path / "lake")
    assert (result.code, list((tmp_path / "lake").iterdir())) == (ExitCode.EXISTS, [])
    assert "exists already" in result.err
    assert ". exists already" in heronry("new", ".").err


@pytest.mark.parametrize(
    ("name", "reason", "proposal"),
    [
        ("word-count", "letters, digits and _ alone", "word_count"),
        ("2nd", "letters, digits and _ alone", "topology_2nd"),
        ("größe", "letters, digits and _ alone", "gr_e"),
        ("class", "a word of the language Python", "class_topology"),
        ("json", "is there already", "json_topology"),
        ("bolts", "is there already", "bolts_topology"),
        ("...", "letters, digits and _ alone", "topology"),
        ("__init__", "and begins with a letter", "init"),
        ("pytest", "is there already", "pytest_topology"),
    ],
)
def test_names_that_are_no_modules_are_explained(name, reason, proposal):
    with pytest.raises(CommandError) as caught:
        checked(name)
    assert caught.value.code == ExitCode.USAGE
    assert reason in caught.value.message
    assert caught.value.advice == f"How about: heronry new {proposal}"
    assert checked(proposal) == proposal
