"""stats and errors: counts by window, and what went wrong."""

from __future__ import annotations

import json

import msgspec
import pytest

from scheduler.control.messages import Counts
from storm_compat.cli.exit_codes import ExitCode
from tests.storm_compat.stats.test_topology_page import ANSWER


@pytest.fixture
def running(nimbus):
    nimbus.topologies = {"wc": "ACTIVE"}
    nimbus.answer = msgspec.structs.replace(
        ANSWER, windows={600: {3: Counts(executed={"words:default": 2}), 5: Counts(emitted={"default": 4})}}
    )
    return nimbus


def texts(out: str) -> list[str]:
    """Return the first lines of what the errors say."""
    return [line.strip() for line in out.splitlines() if line.startswith("    ")]


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.mark.usefixtures("running")
def test_all_topologies_have_a_line_each(heronry):
    assert cells(heronry("stats").out) == [
        ["all", "time"],
        [],
        ["NAME", "STATUS", "EMITTED", "TRANSFERRED", "ACKED", "FAILED", "COMPLETE", "MS"],
        ["wc", "ACTIVE", "14", "20", "7", "2", "1.500"],
    ]
    assert cells(heronry("stats", "--window", "10m").out)[3] == ["wc", "ACTIVE", "4", "0", "0", "0", "0.000"]
    [page] = json.loads(heronry("stats", "--json").out)["topologies"]
    assert (page["name"], page["by_window"][":all-time"]["acked"]) == ("wc", 7)


def test_an_empty_cluster_says_how_to_fill_it(heronry):
    assert heronry("stats").out == "No topologies running. Submit one with: heronry submit PATH\n"


@pytest.mark.usefixtures("running")
def test_a_topology_is_shown_by_window_and_by_component(heronry):
    lines = cells(heronry("stats", "wc").out)
    assert lines[0][:3] == ["wc", "is", "ACTIVE,"]
    assert lines[3:7] == [
        ["10m", "4", "0", "0", "0", "0.000"],
        ["3h", "14", "20", "7", "2", "1.500"],
        ["1d", "14", "20", "7", "2", "1.500"],
        ["all", "14", "20", "7", "2", "1.500"],
    ]
    assert ["words", "1", "9", "18", "7", "2", "1.500"] in lines
    assert ["count", "2", "5", "2", "10", "9", "1", "1.500", "0.000", "0.000"] in lines
    assert not any(line[:1] == ["__acker"] for line in lines)
    assert any(line[:1] == ["__acker"] for line in cells(heronry("stats", "wc", "--sys").out))


@pytest.mark.usefixtures("running")
def test_a_window_is_chosen_for_the_components(heronry):
    out = heronry("stats", "wc", "--window", "10m").out
    assert "Bolts, last 10m" in out
    assert ["count", "2", "0", "0", "2", "0", "0", "0.000", "0.000", "0.000"] in cells(out)
    page = json.loads(heronry("stats", "wc", "--window", "10m", "--json").out)["topology"]
    assert page["window"] == "600"
    assert [row["component"] for row in page["components"]] == ["words", "count"]
    assert page["components"][1]["numbers"]["executed"] == 2
    assert heronry("stats", "wc", "--window", "5m").code == ExitCode.USAGE


@pytest.mark.usefixtures("running")
def test_a_component_is_shown_by_stream_and_executor(heronry):
    out = heronry("stats", "wc", "-c", "count").out
    lines = cells(out)
    assert out.startswith("count, bolt of wc, 2 tasks in 2 executors\n")
    assert ["default", "5", "2"] in lines
    assert ["words", "default", "10", "9", "1", "1.500", "0.000"] in lines
    assert [line[:4] for line in lines if line[:2] in (["3", "h:6700"], ["4", "h:6701"])] == [
        ["3", "h:6700", "4s", "5"],
        ["4", "h:6701", "4s", "0"],
    ]
    assert "2 errors; show with: heronry errors wc -c count" in out
    page = json.loads(heronry("stats", "wc", "-c", "words", "--json").out)["component"]
    assert (page["is_spout"], page["outputs"]["default"]["complete_ms"]) == (True, 1.5)


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("command", ["stats", "errors"])
def test_an_unknown_component_is_met_with_the_nearest(heronry, command):
    result = heronry(command, "wc", "-c", "cuont")
    assert result.code == ExitCode.NOT_FOUND
    assert "topology 'wc' has no component named 'cuont'" in result.err
    assert "Did you mean count?" in result.err


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("arguments", [("stats", "cw"), ("stats", "cw", "-c", "count"), ("errors", "cw")])
def test_an_unknown_topology_is_met_with_the_nearest(heronry, arguments):
    result = heronry(*arguments)
    assert result.code == ExitCode.NOT_FOUND
    assert "no topology named 'cw' is alive" in result.err


def test_a_component_needs_a_topology(heronry):
    assert heronry("stats", "-c", "count").code == ExitCode.USAGE


def test_errors_are_the_newest_first_and_the_same_again_is_counted(running, heronry, make_error):
    running.errors = {
        "count": [make_error("no 1", 30), make_error("other", 20, "h", 6700), make_error("no 2", 10)],
        "words": [],
    }
    out = heronry("errors", "wc").out
    assert texts(out) == ["no 1", "other"]
    assert "2 times" in out
    assert "h:6700" in out
    assert texts(heronry("errors", "wc", "--all").out) == ["no 1", "other", "no 2"]
    found = json.loads(heronry("errors", "wc", "--json").out)["errors"]
    assert [(e["component"], e["text"], e["time_s"]) for e in found] == [
        ("count", "no 1", 30),
        ("count", "other", 20),
        ("count", "no 2", 10),
    ]


@pytest.mark.usefixtures("running")
def test_errors_of_one_component_and_none(heronry):
    found = json.loads(heronry("errors", "wc", "-c", "count", "--json").out)["errors"]
    assert [e["text"] for e in found] == ["new", "old"]
    assert heronry("errors", "wc", "-c", "words").out == "No errors.\n"
