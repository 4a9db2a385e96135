"""rebalance, with and without --dry-run."""

import json

import pytest

from storm_compat.cli.exit_codes import ExitCode
from storm_compat.thrift import idl

PLAN = {
    "moves": [{"task": 5, "component": "count", "from": 1, "to": 3}],
    "started": [3],
    "stopped": [2],
    "restarted": ["count", "words"],
    "executors": {"count": [4, 2]},
    "containers": {"1": 3, "3": 1, "10": 4},
}
NOTHING = {
    "moves": [], "started": [], "stopped": [], "restarted": [], "executors": {}, "containers": {"1": 2},
}  # fmt: skip


def options(**what):
    return idl.load().RebalanceOptions(**what)


def test_all_that_is_asked_for_reaches_nimbus(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry(
        *("rebalance", "wc", "-n", 3, "-e", "count=2", "-e", "a=b=1", "-w", 0),
        *("--conf", "topology.max.spout.pending=7", "--conf", "my.words=a b"),
    )
    assert (result.code, result.out, result.err) == (0, "wc is ACTIVE\n", "")
    ((_, name, sent),) = nimbus.calls
    assert name == "wc"
    assert json.loads(sent.topology_conf_overrides) == {"topology.max.spout.pending": 7, "my.words": "a b"}
    sent.topology_conf_overrides = None
    assert sent == options(wait_secs=0, num_workers=3, num_executors={"count": 2, "a=b": 1})


def test_nothing_named_is_an_even_spread_after_the_message_timeout(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("rebalance", "wc", "--json")
    assert json.loads(result.out) == {"name": "wc", "status": "ACTIVE"}
    assert nimbus.calls == [("rebalance", "wc", options())]
    assert heronry("rebalance", "wc").err == "Its spouts rest first\n"


def test_it_waits_until_the_topology_goes_on_or_says_that_it_did_not(nimbus, heronry):
    nimbus.topologies = {"wc": "REBALANCING"}
    result = heronry("rebalance", "wc", "-w", 0, "--timeout", 0)
    assert (result.code, result.out) == (ExitCode.TIMED_OUT, "")
    assert "wc is being rebalanced: not within 0 s" in result.err
    assert heronry("rebalance", "wc", "--no-wait").out == "wc is REBALANCING\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-e", "count"], "-e count: it must be COMPONENT=N, N from 1 on"),
        (["-e", "count=0"], "-e count=0: it must be COMPONENT=N, N from 1 on"),
        (["-e", "count=x"], "-e count=x: it must be COMPONENT=N, N from 1 on"),
        (["--conf", "=1"], "--conf =1: it must be KEY=VALUE"),
        (["-n", "0"], "0 is not in the range x>=1"),
    ],
)
def test_a_slip_is_told_before_anything_is_sent(nimbus, heronry, arguments, text):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("rebalance", "wc", *arguments)
    assert (result.code, result.out, nimbus.calls) == (ExitCode.USAGE, "", [])
    assert text in result.err


def test_a_refusal_is_shown_in_nimbus_words(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    nimbus.refusal = "Invalid component x for topology wc, valid values are a,b"
    result = heronry("rebalance", "wc", "-e", "x=1")
    assert result.code == ExitCode.REFUSED
    assert nimbus.refusal in result.err


def test_a_dry_run_shows_what_would_move_and_changes_nothing(nimbus, heronry):
    nimbus.topologies, nimbus.plan = {"wc": "ACTIVE"}, PLAN
    result = heronry("rebalance", "wc", "-n", 3, "--dry-run")
    assert [line.rstrip() for line in result.out.splitlines()] == [
        "TASK  COMPONENT  FROM  TO",
        "   5  count         1   3",
        "",
        "CONTAINER  TASKS",
        "        1      3  stays",
        "        2      0  stops",
        "        3      1  starts",
        "       10      4  stays",
        "",
        "COMPONENT  EXECUTORS  THEN",
        "count              4     2",
        "",
        "Started again where they are, with another conf: count, words",
    ]
    assert [(call[0], call[2]) for call in nimbus.calls] == [("plan", options(num_workers=3))]
    assert json.loads(heronry("rebalance", "wc", "--dry-run", "--json").out) == PLAN


def test_a_dry_run_of_nothing_says_so(nimbus, heronry):
    nimbus.topologies, nimbus.plan = {"wc": "ACTIVE"}, NOTHING
    assert heronry("rebalance", "wc", "--dry-run").out == "Nothing of wc would change\n"


def test_a_nimbus_of_storms_cannot_say_and_is_not_asked_to_do_it(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("rebalance", "wc", "--dry-run")
    assert (result.code, result.out, nimbus.calls) == (ExitCode.FAILED, "", [])
    assert "only a Nimbus of Heronry can" in result.err
