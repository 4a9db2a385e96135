"""kill, activate, deactivate."""

import io
import json
import sys

import pytest

from storm_compat.cli.exit_codes import ExitCode


def test_kill_waits_until_the_name_is_free(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("kill", "wc", "--wait", "3")
    assert result.code == 0
    assert result.out.startswith("wc is gone, after ")
    assert nimbus.calls == [("kill", "wc", 3)]


def test_kill_without_a_wait_leaves_it_to_nimbus(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    assert heronry("kill", "wc").code == 0
    assert nimbus.calls == [("kill", "wc", None)]


def test_kill_says_how_long_the_wait_is_and_how_to_do_without(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    said = "Its spouts rest for its message timeout (30 s, unless it sets another) first; --now skips that\n"
    assert heronry("kill", "wc").err == said
    nimbus.topologies = {"wc": "ACTIVE"}
    assert heronry("kill", "wc", "--wait", "3").err == "Its spouts rest for 3 s first\n"


def test_kill_now_lets_nobody_rest(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("kill", "wc", "--now", "--json")
    assert json.loads(result.out) == {"name": "wc", "topology_id": "wc-1-1700000000", "is_gone": True}
    assert (result.err, nimbus.calls) == ("", [("kill", "wc", 0)])


def test_kill_that_does_not_wait_returns_while_it_is_still_there(nimbus, heronry):
    nimbus.topologies, nimbus.is_slow_to_kill = {"wc": "ACTIVE"}, True
    result = heronry("kill", "wc", "--no-wait")
    assert (result.code, result.out) == (0, "wc is being killed\n")


def test_a_kill_that_takes_too_long_has_its_own_exit_code(nimbus, heronry):
    nimbus.topologies, nimbus.is_slow_to_kill = {"wc": "ACTIVE"}, True
    result = heronry("kill", "wc", "--now", "--timeout", "0")
    assert (result.code, result.out) == (ExitCode.TIMED_OUT, "")
    assert "wc is killed but not gone: not within 0 s" in result.err


def test_an_unknown_name_is_met_with_the_nearest_one(nimbus, heronry):
    nimbus.topologies = {"word_count": "ACTIVE", "other": "ACTIVE"}
    for command in (["kill", "wordcount"], ["activate", "wordcount"], ["deactivate", "wordcount"]):
        result = heronry(*command)
        assert (result.code, result.out) == (ExitCode.NOT_FOUND, "")
        assert "no topology named 'wordcount' is alive\nDid you mean word_count?" in result.err


def test_an_unknown_name_like_no_other_is_met_with_all_names(nimbus, heronry):
    nimbus.topologies = {"a": "ACTIVE", "b": "ACTIVE"}
    assert "Alive are: a, b" in heronry("kill", "zzz").err


def test_deactivate_and_activate_say_the_new_status(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    assert heronry("deactivate", "wc").out == "wc is INACTIVE\n"
    assert json.loads(heronry("activate", "wc", "--json").out) == {"name": "wc", "status": "ACTIVE"}


def test_now_and_a_wait_contradict_each_other(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    assert heronry("kill", "wc", "--now", "--wait", "3").code == ExitCode.USAGE
    assert nimbus.calls == []


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("answer", "code"), [("y\n", ExitCode.OK), ("n\n", ExitCode.FAILED), ("\n", ExitCode.FAILED)]
)
def test_a_person_at_a_terminal_is_asked_before_the_kill(nimbus, heronry, monkeypatch, answer, code):
    nimbus.topologies = {"wc": "ACTIVE"}
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    result = heronry("kill", "wc", "--now")
    assert result.code == code
    assert "Kill wc (wc-1-1700000000)? [y/N]: " in result.err
    assert ("wc" in nimbus.topologies) == (code != 0)


def test_a_person_who_says_yes_at_once_is_not_asked(nimbus, heronry, monkeypatch):
    nimbus.topologies = {"wc": "ACTIVE"}
    monkeypatch.setattr(sys, "stdin", Terminal())
    result = heronry("kill", "wc", "--now", "--yes")
    assert (result.code, result.err) == (0, "")
