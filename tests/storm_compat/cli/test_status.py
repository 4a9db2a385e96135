"""list, status, version, completion: what is shown of a live cluster."""

import json

import pytest

from scheduler.stream import is_compiled
from storm_compat.cli.exit_codes import ExitCode

STORM_TIME = 1_700_000_000


@pytest.fixture
def running(nimbus, make_executor):
    nimbus.topologies = {"wc": "ACTIVE"}
    nimbus.executors = [
        make_executor("say", 5, 5, bolt=False),
        make_executor("count", 1, 2, port=6701),
        make_executor("count", 3, 4, acked=0),
        make_executor("__acker", 6, 6),
    ]
    return nimbus


def test_an_empty_cluster_says_how_to_fill_it(heronry):
    assert heronry("list").out == "No topologies running. Submit one with: heronry submit PATH\n"
    assert json.loads(heronry("list", "--json").out) == {"topologies": []}


def test_list_shows_a_line_per_topology_by_name(nimbus, heronry):
    nimbus.topologies = {"b": "ACTIVE", "a": "KILLED"}
    assert [line.split() for line in heronry("list").out.splitlines()] == [
        ["NAME", "STATUS", "UPTIME", "CONTAINERS", "TASKS", "OWNER", "ID"],
        ["a", "KILLED", "3m20s", "1", "5", "ada", "a-1-1700000000"],
        ["b", "ACTIVE", "3m20s", "1", "5", "ada", "b-1-1700000000"],
    ]
    found = json.loads(heronry("list", "--json").out)["topologies"]
    assert [(t["name"], t["status"], t["uptime_s"]) for t in found] == [
        ("a", "KILLED", 200),
        ("b", "ACTIVE", 200),
    ]


def test_status_without_a_name_shows_the_cluster(nimbus, heronry):
    page = heronry("status").out
    assert f"Nimbus at {nimbus.address}, up 1h01m, behaves like Storm 2.8.8" in page
    assert "1 host: here; 1 of 4 slots in use" in page
    assert json.loads(heronry("status", "--json").out)["cluster"]["hosts"] == ["here"]


def test_status_sums_the_executors_of_a_component_and_hides_the_system(running, heronry):
    lines = heronry("status", "wc").out.splitlines()
    assert lines[0] == "wc is ACTIVE, up 3m20s"
    assert [line.split() for line in lines[3:6]] == [
        [
            "COMPONENT",
            "KIND",
            "TASKS",
            "EMITTED",
            "TRANSFERRED",
            "EXECUTED",
            "ACKED",
            "FAILED",
            "LATENCY",
            "MS",
        ],
        ["say", "spout", "1", "10", "10", "-", "6", "1", "2.00"],
        ["count", "bolt", "4", "20", "20", "18", "6", "2", "2.00"],
    ]
    assert lines[7] == "2 containers: here:6700, here:6701"


def test_status_shows_where_executors_run(running, heronry):
    page = heronry("status", "wc", "--executors").out
    assert [line.split() for line in page.splitlines()[7:]] == [
        ["COMPONENT", "TASK", "HOST", "PORT", "UPTIME", "EMITTED", "ACKED", "FAILED"],
        ["count", "1-2", "here", "6701", "1m01s", "10", "6", "1"],
        ["count", "3-4", "here", "6700", "1m01s", "10", "0", "1"],
        ["say", "5", "here", "6700", "1m01s", "10", "6", "1"],
    ]


def test_status_shows_errors_in_full_newest_first(running, heronry, make_error):
    running.errors = {
        "count": [make_error("old", STORM_TIME)],
        "say": [
            make_error("new\ncommand: streamparse_run\nexit code 2", STORM_TIME + 5, host="here", port=6700)
        ],
    }
    page = heronry("status", "wc").out
    part = page.partition("Errors, newest first\n")[2].splitlines()
    assert part[0].startswith("say, ")
    assert part[0].endswith(" ago on here:6700")
    assert part[1:4] == ["    new", "    command: streamparse_run", "    exit code 2"]
    assert part[4].startswith("count, ")
    assert part[5] == "    old"


def test_an_error_that_comes_again_is_shown_once_with_its_number(running, heronry, make_error):
    running.errors = {"count": [make_error(f"boom\nrestart {n}", STORM_TIME + n) for n in range(3)]}
    part = heronry("status", "wc").out.partition("Errors, newest first\n")[2].splitlines()
    assert part[0].endswith(" ago, 3 times")
    assert part[1:] == ["    boom", "    restart 2"]


def test_errors_that_differ_in_numbers_alone_are_of_one_kind(running, heronry, make_error):
    running.errors = {
        "count": [make_error(f"exit code 1 after 0.{n} s, pid {n}", STORM_TIME + n) for n in range(3)]
    }
    part = heronry("status", "wc").out.partition("Errors, newest first\n")[2].splitlines()
    assert part[0].endswith(" ago, 3 times")
    assert part[1:] == ["    exit code 1 after 0.2 s, pid 2"]


def test_errors_of_one_place_in_the_code_are_of_one_kind_whatever_the_tuple(running, heronry, make_error):
    text = 'Bad tuple {}\nTraceback (most recent call last):\n  File "a.py", line {}, in f\nValueError: {}'
    running.errors = {
        "count": [
            make_error(text.format("x", 1, "x"), STORM_TIME + 2),
            make_error(text.format("y", 1, "y"), STORM_TIME + 1),
            make_error(text.format("z", 2, "z"), STORM_TIME),
        ]
    }
    heads = [line for line in heronry("status", "wc").out.splitlines() if line.startswith("count, ")]
    assert [head.endswith(" ago, 2 times") for head in heads] == [True, False]


def test_status_as_json_holds_everything(running, heronry):
    found = json.loads(heronry("status", "wc", "--json").out)["topology"]
    assert found["topology_id"] == "wc-1-1700000000"
    assert found["executors"][1] == {
        "component": "count",
        "first_task": 1,
        "last_task": 2,
        "host": "here",
        "port": 6701,
        "uptime_s": 61,
        "counts": {
            "emitted": 10, "transferred": 10, "executed": 9, "acked": 6, "failed": 1, "latency_ms": 2.0,
                "is_spout": False,
        },
    }  # fmt: skip


def test_a_component_that_has_not_reported_shows_zeros(running, heronry):
    running.executors[0].stats = None
    assert ["say", "-", "1", "0", "0", "-", "0", "0", "-"] in [
        line.split() for line in heronry("status", "wc").out.splitlines()
    ]


def test_status_says_what_a_topology_waits_for(running, heronry):
    running.scheduler_status = "1 of 2 containers are up"
    assert heronry("status", "wc").out.splitlines()[2] == "1 of 2 containers are up"


def test_status_of_an_unknown_topology(running, heronry):
    result = heronry("status", "wcc")
    assert result.code == ExitCode.NOT_FOUND
    assert "Did you mean wc?" in result.err


def test_watching_and_json_contradict_each_other(heronry):
    assert heronry("status", "--watch", "--json").code == ExitCode.USAGE


def test_a_name_behind_watch_is_told_where_it_belongs(heronry):
    result = heronry("status", "--watch", "wc")
    assert result.code == ExitCode.USAGE
    assert "'wc' is no number of seconds; a name goes before --watch" in result.err


def test_version_names_both_sides(nimbus, heronry):
    found = json.loads(heronry("version", "--json").out)
    assert found["nimbus"] == {"address": nimbus.address, "storm_version": "2.8.8"}
    assert found["is_compiled"] is is_compiled()
    text = heronry("version").out
    assert f"engine {'compiled' if is_compiled() else 'interpreted'})" in text
    assert f"Nimbus at {nimbus.address} behaves like Storm 2.8.8" in text


def test_version_without_a_cluster_is_no_failure(heronry, unused_port):
    result = heronry("--nimbus", f"127.0.0.1:{unused_port}", "version", "--json")
    assert (result.code, json.loads(result.out)["nimbus"]) == (0, None)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts_call_heronry(shell, heronry):
    assert f"_HERONRY_COMPLETE={shell}_complete" in heronry("completion", shell).out


def complete(monkeypatch, heronry, words):
    monkeypatch.setenv("_HERONRY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        heronry()


def test_live_names_are_completed(nimbus, heronry, monkeypatch, capsys):
    nimbus.topologies = {"wc": "ACTIVE", "west": "ACTIVE", "other": "ACTIVE"}
    complete(monkeypatch, heronry, "heronry kill w")
    assert capsys.readouterr().out.split() == ["plain,wc", "plain,west"]


def test_a_silent_cluster_completes_nothing_and_says_nothing(heronry, monkeypatch, capsys, unused_port):
    monkeypatch.setenv("HERONRY_NIMBUS", f"127.0.0.1:{unused_port}")
    complete(monkeypatch, heronry, "heronry status w")
    assert "".join(capsys.readouterr()).strip() == ""


def test_counts_that_nimbus_leaves_out_are_not_shown_as_zero(running, heronry):
    for each in running.executors:
        if each.stats is not None:
            stats = each.stats.specific.bolt or each.stats.specific.spout
            for name in vars(stats):
                setattr(stats, name, {})
    [row] = [line.split() for line in heronry("status", "wc").out.splitlines() if line.startswith("count ")]
    assert row[-4:] == ["-", "-", "-", "-"]
