"""Each rule is broken by a component that was made to break it, and told in words that help."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from multilang.conformance.rule import Finding, Kind, Subject, Verdict
from multilang.conformance.run import RULES, rules_for, run
from multilang.errors import MultilangError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

WRONG = Path(__file__).parent / "components" / "wrong.py"


def _find(name: str, rule: str, kind: Kind, *, patience_s: float = 15.0, **more: Any) -> Finding:
    subject = Subject(command=[sys.executable, str(WRONG), name], kind=kind, patience_s=patience_s, **more)
    (finding,) = run(subject, rules_for(subject, [rule]))
    return finding


@pytest.mark.parametrize(
    ("name", "rule", "reason"),
    [
        ("pid_as_text", "greets", "the pid must be a whole number"),
        ("no_pid_file", "pid-file", "in pidDir, only []"),
        ("acks_twice", "answers-once", "ack of the tuple '1'"),
        ("acks_heartbeats", "heartbeat", "a heartbeat is answered by sync, not by"),
        ("number_as_id", "answers-once", "the id of ack must be the text it came as, not 1"),
        ("anchors_to_strangers", "answers-once", "anchored to what was never given to it, ['12345']"),
        ("tuple_as_object", "answers-once", "the tuple of an emit must be a list"),
        ("prints", "only-messages", "is not JSON"),
        ("latin_1", "only-messages", "is not UTF-8"),
        ("leaves_a_child", "leaves-nobody", "a process that it started was still there"),
        ("leaves_a_daemon", "leaves-nobody", "a process that it started was still there"),
        ("nests", "greets", "what came is nested too deeply for hosts to read: [[[["),
        ("dies_of_ticks", "tick", "it ended with exit code 3"),
    ],
)
def test_a_bolt_is_told_what_it_does_wrong(name: str, rule: str, reason: str) -> None:
    finding = _find(name, rule, Kind.BOLT, patience_s=3.0 if rule == "leaves-nobody" else 15.0)
    assert (finding.verdict, finding.rule.name) == (Verdict.BROKEN, rule)
    assert reason in finding.reason
    assert finding.transcript[0].startswith('> {"conf":')


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_pid_file", "it acked the tuple that it cannot handle"),
        ("dies_silently", "it ended without a fail, an error, or a word on stderr"),
        ("fails_and_hangs", "an ack or fail of '3' did not come within 3 s"),
    ],
)
def test_a_bolt_must_tell_of_what_it_cannot_handle(name: str, reason: str) -> None:
    finding = _find(name, "errors", Kind.BOLT, patience_s=3.0, bad_values=[])
    assert (finding.verdict, finding.reason) == (Verdict.BROKEN, reason)


def test_what_a_bolt_cannot_handle_is_for_its_author_to_say() -> None:
    finding = _find("no_pid_file", "errors", Kind.BOLT)
    assert finding.verdict is Verdict.SKIPPED
    assert "--bad-values" in finding.reason


@pytest.mark.parametrize(
    ("name", "rule", "reason"),
    [
        ("extra_sync", "sync-once", "nothing more should have come, but there came"),
        ("no_sync_after_ack", "acks-of-others", "the sync after ack did not come within"),
        ("anchored_spout", "sync-once", "a spout has nothing to anchor to"),
    ],
)
def test_a_spout_is_told_what_it_does_wrong(name: str, rule: str, reason: str) -> None:
    finding = _find(name, rule, Kind.SPOUT, patience_s=3.0 if "ack" in name else 15.0)
    assert finding.verdict is Verdict.BROKEN
    assert reason in finding.reason


@pytest.mark.parametrize(
    ("name", "rule", "reason"),
    [
        ("slow_pid", "greets", "an object with its pid did not come within 1 s"),
        ("stays", "ends", "the process was still there 1 s later"),
        ("stays", "ends-cut", "the process was still there 1 s later"),
    ],
)
def test_no_wait_is_without_end(name: str, rule: str, reason: str) -> None:
    finding = _find(name, rule, Kind.BOLT, patience_s=1.0)
    assert finding.verdict is Verdict.BROKEN
    assert reason in finding.reason


def test_no_process_is_left_though_one_moved_to_a_session_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, str(WRONG), "leaves_a_daemon", str(tmp_path)]
    subject = Subject(command=command, kind=Kind.BOLT)
    list(run(subject, rules_for(subject, ["greets", "pid-file"])))
    assert [folder for folder in Path("/proc").iterdir() if os.fsencode(tmp_path) in _command(folder)] == []


def _command(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_without_a_handshake_the_other_rules_are_not_waited_for() -> None:
    subject = Subject(command=["true"], kind=Kind.SPOUT, patience_s=5.0)
    first, *others = run(subject, rules_for(subject))
    assert (first.rule.name, first.verdict) == ("greets", Verdict.BROKEN)
    assert "it ended with exit code 0" in first.reason
    assert {(other.verdict, other.reason) for other in others} == {
        (Verdict.SKIPPED, "it does not answer the handshake, see greets")
    }


def test_a_command_that_cannot_be_started_is_an_error() -> None:
    subject = Subject(command=["no-such-program"], kind=Kind.BOLT)
    with pytest.raises(MultilangError, match="no program 'no-such-program' on PATH"):
        list(run(subject, rules_for(subject)))


def test_rules_have_names_of_their_own_and_reasons() -> None:
    for kind in Kind:
        names = [rule.name for rule in RULES if kind in rule.kinds]
        assert len(names) == len(set(names))
    assert all(rule.why for rule in RULES)
    with pytest.raises(KeyError, match="no-such-rule"):
        rules_for(Subject(command=["true"], kind=Kind.BOLT), ["no-such-rule"])
