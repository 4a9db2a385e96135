"""The protocol with one component, by real processes; numbers are those of the list of acceptance checks."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from storm_compat.thrift import idl
from tests.cluster import Cluster, Counts, Draft, Running, environment_of, processes, until
from tests.compat.conftest import Run

JAVA_OBJECTS = Path(__file__).parents[1] / "multilang" / "java_objects"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(60),
    pytest.mark.differs("How components run is Heronry's own"),
]


def numbers(count: int = 0, **options: Any) -> Draft:
    """A draft with a reliable spout of ``count`` tuples, named numbers."""
    draft = Draft()
    draft.spout("numbers", "counting.py", count=count, **options)
    return draft


def all_acked(running: Running, count: int) -> None:
    """Wait until each of ``count`` tuples is acked, and look that each is acked once and none failed."""
    until(lambda: len(running.notes("numbers", what="ack")) >= count, f"{count} acks")
    assert sorted(note["id"] for note in running.notes("numbers", what="ack")) == list(range(count))
    assert running.notes("numbers", what="fail") == []


def java_object(version: str, name: str, texts: dict[str, str]) -> bytes:
    """Return a serialized component of a real client, with some of its texts changed."""
    data = (JAVA_OBJECTS / f"storm-{version}" / f"{name}.ser").read_bytes()
    for old, new in texts.items():
        assert _java_text(old) in data
        data = data.replace(_java_text(old), _java_text(new))
    return data


def _java_text(text: str) -> bytes:
    units = text.encode("utf-16-be")
    halves = "".join(chr(int.from_bytes(units[at : at + 2], "big")) for at in range(0, len(units), 2))
    data = halves.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(2, "big") + data


def values(running: Running, component: str) -> list[Any]:
    return [note["values"] for note in running.notes(component, what="tuple")]


# -- start ----------------------------------------------------------------------


def test_01_logs_before_a_late_pid_are_shown_and_the_start_is_in_order(run: Run) -> None:
    draft = numbers(3)
    draft.bolt("late", "late_pid.py", {"numbers": "shuffle"})
    running = run(draft)
    until(lambda: "second words" in running.log() and "first words" in running.log(), "both logs")
    assert running.notes("numbers", what="ack") == []
    all_acked(running, 3)
    assert running.errors("late") == []


def test_02_03_every_task_is_told_the_same_topology_in_storms_shapes(run: Run) -> None:
    draft = numbers(streams={"default": ["value"], "other": ["a", "b"]})
    draft.bolt("split", "sink.py", {"numbers": ["value"], "numbers:other": "all"}, par=2)
    inputs = {"split": "global", "numbers": "direct", "numbers:other": java_object("2.8.2", "partial", {})}
    draft.bolt("Count", "sink.py", inputs, streams={})
    running = run(draft)
    found = until(lambda: len(notes := _handshakes(running)) == 4 and notes)
    everyone = {"1": "Count", "2": "__acker", "3": "numbers", "4": "split", "5": "split"}
    declared = {"default": ["value"], "other": ["a", "b"]}
    fields, every, direct = {"type": "FIELDS", "fields": ["value"]}, {"type": "ALL"}, {"type": "DIRECT"}
    worldwide, partial = {"type": "FIELDS", "fields": []}, {"type": "CUSTOM_SERIALIZED"}
    assert found == {
        3: {
            "taskid": 3,
            "componentid": "numbers",
            "task->component": everyone,
            "streams": ["default", "other"],
            "stream->outputfields": declared,
            "stream->target->grouping": {
                "default": {"split": fields, "Count": direct},
                "other": {"split": every, "Count": partial},
            },
            "source->stream->grouping": {},
            "source->stream->fields": {},
        },
        **{
            task: {
                "taskid": task,
                "componentid": "split",
                "task->component": everyone,
                "streams": ["default"],
                "stream->outputfields": {"default": ["value"]},
                "stream->target->grouping": {"default": {"Count": worldwide}},
                "source->stream->grouping": {"numbers": {"default": fields, "other": every}},
                "source->stream->fields": {"numbers": declared},
            }
            for task in (4, 5)
        },
        1: {
            "taskid": 1,
            "componentid": "Count",
            "task->component": everyone,
            "streams": [],
            "stream->outputfields": {},
            "stream->target->grouping": {},
            "source->stream->grouping": {
                "split": {"default": worldwide},
                "numbers": {"default": direct, "other": partial},
            },
            "source->stream->fields": {"split": {"default": ["value"]}, "numbers": declared},
        },
    }


def _handshakes(running: Running) -> dict[int, dict[str, Any]]:
    notes = [note for name in ("numbers", "split", "Count") for note in running.notes(name, what="handshake")]
    return {note["context"]["taskid"]: note["context"] for note in notes}


def test_04_the_script_is_one_argument_whatever_it_holds(run: Run, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, '.')\nimport sink\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    draft = numbers(2)
    draft.bolt("spaced", "-s json a.b.C; echo $HOME", {"numbers": "all"}, command=str(program))
    draft.bolt("empty", "", {"numbers": "all"}, command=str(program))
    running = run(draft)
    all_acked(running, 2)
    assert [note["argv"] for note in running.notes("spaced", what="handshake")] == [
        ["-s json a.b.C; echo $HOME"]
    ]
    assert [note["argv"] for note in running.notes("empty", what="handshake")] == [[""]]
    resources = running.cluster.root / "topologies" / running.topology_id / "resources"
    assert [note["cwd"] for note in running.notes("empty", what="handshake")] == [str(resources)]


@pytest.mark.parametrize("version", ["1.2.4", "2.8.2"])
def test_05_50_a_serialized_shell_bolt_runs_with_its_arguments_environment_and_folder(
    run: Run, version: str
) -> None:
    draft = numbers(2)
    part = java_object(version, "stays", {"café 😀.py": "resources/sink.py"})
    draft.bolt("bolt", "", {"numbers": "all"}, java=part)
    running = run(draft, {"topology.environment": {"FOO": "topology", "BAR": "topology"}})
    all_acked(running, 2)
    [told] = running.notes("bolt", what="handshake")
    assert told["argv"] == ["a b", ""]
    cwd = Path(told["cwd"])
    assert (cwd / "resources" / "sink.py").is_file()
    assert cwd.parts[-2:] == ("containers", "1")
    [pid] = running.pids("resources/sink.py")
    environment = environment_of(pid)
    assert (environment["FOO"], environment["BAR"]) == ("bar", "topology")
    assert "/opt/tools" in environment["PATH"].split(os.pathsep)[1:]


# -- framing --------------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_06_prints_between_messages_lose_no_tuple(run: Run, unbuffered: str) -> None:
    draft = numbers(40)
    draft.bolt("rough", "rough.py", {"numbers": "shuffle"}, manner="noisy")
    running = run(draft, {"topology.environment": {"PYTHONUNBUFFERED": unbuffered}})
    all_acked(running, 40)
    until(lambda: "noise before 39" in running.log())
    until(lambda: running.counts("rough").acked == 40)


def test_07_pretty_printed_json_with_crlf_and_blank_lines_is_taken(run: Run) -> None:
    draft = numbers(20)
    draft.bolt("rough", "rough.py", {"numbers": "shuffle"}, manner="pretty")
    running = run(draft)
    all_acked(running, 20)
    assert running.errors("rough") == []


def test_08_a_block_that_is_not_json_is_logged_and_passed_over(run: Run) -> None:
    draft = numbers(20)
    draft.bolt("rough", "rough.py", {"numbers": "shuffle"}, manner="broken")
    running = run(draft)
    all_acked(running, 20)
    until(lambda: "{this is not JSON 19" in running.log())


def test_09_a_log_with_a_raw_newline_and_a_raw_tab_is_shown(run: Run) -> None:
    draft = numbers(2)
    draft.bolt("rough", "rough.py", {"numbers": "shuffle"}, manner="raw")
    running = run(draft)
    all_acked(running, 2)
    until(lambda: "one\nline\tand 1" in running.log())


# -- emits ----------------------------------------------------------------------


def test_10_a_direct_emit_takes_the_task_in_three_spellings_and_gets_no_answer(run: Run) -> None:
    draft = numbers(2)
    draft.bolt(
        "direct",
        "direct.py",
        {"numbers": "shuffle"},
        target="sink",
        stream="there",
        streams={"there": ["v"]},
        direct=("there",),
    )
    draft.bolt("sink", "sink.py", {"direct:there": "direct"})
    running = run(draft)
    all_acked(running, 2)
    task = running.notes("sink", what="handshake")[0]["context"]["taskid"]
    assert values(running, "sink") == [[f"{task}"], [f"{float(task)}"], [f"'{task}'"]] * 2
    assert running.notes("direct", what="task ids") == []


def test_11_a_component_that_blocks_for_task_ids_gets_each_list_with_200_tuples_queued(run: Run) -> None:
    draft = numbers(200)
    draft.bolt("asks", "asks.py", {"numbers": "shuffle"})
    draft.bolt("quiet", "quiet.py", {"asks": "shuffle"})
    running = run(draft)
    all_acked(running, 200)
    assert running.notes("asks", what="answered")[-1]["count"] == 10_000
    until(lambda: running.counts("quiet").acked == 10_000)


def test_11_a_component_that_is_told_ahead_is_told_the_tasks_that_get_its_tuples(run: Run) -> None:
    draft = numbers(20)
    draft.bolt("keeps", "keeps.py", {"numbers": "shuffle"}, conf={"heronry.task.ids.ahead": True})
    draft.bolt("sink", "sink.py", {"keeps": "shuffle"}, par=2)
    running = run(draft)
    all_acked(running, 20)
    until(lambda: running.counts("sink").acked == 1000)
    told = [pair for note in running.notes("keeps", what="answered") for pair in note["answers"]]
    task_of = {note["pid"]: note["context"]["taskid"] for note in running.notes("sink", what="handshake")}
    got = {note["values"][0]: [task_of[note["pid"]]] for note in running.notes("sink", what="tuple")}
    assert dict(told) == got
    assert len(got) == 1000


def test_12_a_heartbeat_has_five_keys_and_may_be_acked(run: Run) -> None:
    draft = numbers(0)
    draft.bolt("heart", "heart.py", {"numbers": "shuffle"})
    running = run(draft, {"topology.subprocess.timeout.secs": 3})
    beats = until(lambda: len(notes := running.notes("heart", what="message")) >= 4 and notes)
    message = beats[0]["message"]
    delivery = message.pop("id")
    assert isinstance(delivery, str)
    assert message == {"comp": None, "stream": "__heartbeat", "task": -1, "tuple": []}
    assert beats[-1]["at"] - beats[0]["at"] > 2.5  # it lived on the acks alone
    assert {note["pid"] for note in beats} == {beats[0]["pid"]}
    assert running.errors("heart") == []


def test_13_14_a_silent_bolt_is_restarted_but_not_a_spout_that_waits_for_it(run: Run) -> None:
    draft = numbers(5)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"}, answer="hold")
    running = run(draft, {"topology.subprocess.timeout.secs": 1, "topology.max.spout.pending": 1})
    [failed, *_] = until(lambda: len(notes := running.notes("numbers", what="fail")) >= 2 and notes)
    held = running.notes("sink", what="tuple")[0]
    assert 1 <= failed["at"] - held["at"] < 10  # within the limit and 2 s, but for a busy machine
    [error] = until(lambda: [error for error in running.errors("sink") if "(restart 1)" in error])
    assert "signal 9" in error
    assert "limit 1.0 s (topology.subprocess.timeout.secs)" in error
    assert len(running.notes("numbers", what="handshake")) == 1
    assert running.errors("numbers") == []


def test_15_acking_twice_or_what_never_was_leaves_the_component_running(run: Run) -> None:
    draft = numbers(3)
    draft.bolt("acks", "acks.py", {"numbers": "shuffle"}, conf={"topology.tick.tuple.freq.secs": 1})
    running = run(draft)
    until(lambda: running.notes("acks", what="tuple", stream="__tick"), "a tick")
    all_acked(running, 3)
    until(lambda: any("987654320" in error for error in running.errors("acks")))
    assert len(running.notes("acks", what="handshake")) == 1
    assert running.counts("acks").acked == 3


def test_16_anchoring_to_an_acked_tuple_is_reported_and_emits_untracked(run: Run) -> None:
    draft = numbers(1)
    draft.bolt("late", "late_anchor.py", {"numbers": "shuffle"})
    draft.bolt("sink", "sink.py", {"late": "shuffle"}, answer="fail")
    running = run(draft)
    all_acked(running, 1)
    until(lambda: values(running, "sink") == [[0]])
    [error] = until(lambda: running.errors("late"))
    assert "acked or failed already" in error
    until(lambda: running.counts("sink").failed == 1)
    assert running.counts("numbers") == Counts(emitted=1, acked=1, failed=0)
    assert len(running.notes("late", what="handshake")) == 1


def test_15_16_a_strict_component_is_ended_for_either(run: Run) -> None:
    strict = {"heronry.multilang.strict": True}
    draft = numbers(1)
    draft.bolt("acks", "acks.py", {"numbers": "shuffle"}, conf=strict)
    draft.bolt("late", "late_anchor.py", {"numbers": "shuffle"}, conf=strict)
    running = run(draft)
    for component, what in (("acks", "twice, or it never existed"), ("late", "acked or failed already")):
        first = until(lambda c=component: running.errors(c))[-1]
        assert what in first
        assert "heronry.multilang.strict" in first
        assert "(restart 1)" in first
        until(lambda c=component: len(running.notes(c, what="handshake")) == 2)


def test_17_values_pass_from_python_to_python_unchanged(run: Run) -> None:
    odd = [2**63, -(2**63), 10**30, 0.1, "\0", "\ud800", "\u2028", "😀", None, True, {"a": [1, {}]}, "é"]
    raw = f"{json.dumps(odd)[:-1]}, -0.0, 1e400, -1e400, NaN]"
    draft = numbers(1, raw=raw)
    draft.bolt("relay", "relay.py", {"numbers": "shuffle"})
    draft.bolt("sink", "sink.py", {"relay": "shuffle"})
    running = run(draft)
    all_acked(running, 1)
    [received] = values(running, "sink")
    *plain, minus_zero, huge, minus_huge, nan = received
    assert plain == odd
    assert str(minus_zero) == "-0.0"
    assert {huge, minus_huge, nan} <= {None, float("inf"), float("-inf")}


# -- pipes, life and death ------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_18_a_tuple_of_fifty_megabytes_passes_while_others_get_theirs(run: Run, workers: int) -> None:
    draft = numbers(1)
    draft.bolt("big", "big.py", {"numbers": "shuffle"}, size=50_000_000)
    draft.bolt("last", "slow.py", {"big": "shuffle"})
    draft.spout("steady", "steady.py")
    draft.bolt("sink", "sink.py", {"steady": "shuffle"})
    running = run(draft, {"topology.workers": workers})
    all_acked(running, 1)
    assert [note["length"] for note in running.notes("last", what="length")] == [50_000_000]
    # Meanwhile others got their tuples as ever; before the start of the sink they had to wait.
    arrived = running.notes("sink", what="tuple")  # first: of each there is a note of its emit then
    emitted = {note["number"]: note["at"] for note in running.notes("steady", what="emit")}
    [started] = running.notes("sink", what="handshake")
    waits = [
        note["at"] - emitted[note["values"][0]]
        for note in arrived
        if emitted[note["values"][0]] > started["at"]
    ]
    assert len(waits) > 10
    assert max(waits) < 5


@pytest.mark.parametrize("workers", [1, 2])
def test_a_slow_bolt_holds_an_unreliable_spout_back(run: Run, workers: int) -> None:
    draft = Draft()
    draft.spout("free", "counting.py", without_id=100_000, values=["x" * 1000])
    draft.bolt("slow", "slow.py", {"free": "shuffle"}, pause_s=0.01)
    running = run(draft, {"topology.workers": workers})
    until(lambda: running.counts("slow").acked > 100)
    emitted = until(lambda: running.counts("free").emitted)
    until(lambda: running.counts("slow").acked > 200)
    # What fits into its queue, a pipe and a socket or two; without holding back it would be all of them.
    assert running.counts("free").emitted < 5000
    assert emitted < 5000


def test_19_ten_megabytes_on_stderr_block_nothing(run: Run) -> None:
    draft = numbers(2)
    draft.bolt("flood", "flood.py", {"numbers": "shuffle"})
    running = run(draft, is_active=True)
    until(lambda: running.notes("flood", what="flooded"))
    all_acked(running, 2)


def test_20_what_ignores_the_end_of_input_and_sigterm_is_gone_after_the_kill(run: Run) -> None:
    draft = numbers(1)
    draft.bolt("stubborn", "stubborn.py", {"numbers": "shuffle"})
    running = run(draft)
    until(lambda: running.notes("stubborn", what="ready") and running.notes("stubborn", what="grandchild"))
    pids = running.pids("stubborn.py")
    assert len(pids) == 2
    running.cluster.kill(running.name)
    assert running.processes() == {}
    assert set(pids) & processes().keys() == set()


def test_21_components_that_speak_messagepack_meet_those_that_speak_json(run: Run) -> None:
    given = [1, -1, 2**63 - 1, 1.5, "é \U0001f600", None, [1, {"a": [True]}]]
    draft = Draft()
    packs = {"command": "streamparse_run"}
    draft.spout("numbers", "-s msgpack packs.PackingSpout", values=given, **packs)
    draft.bolt(
        "packs",
        "-s msgpack packs.PackingBolt",
        {"numbers": "shuffle"},
        streams={"default": ["value", "bytes"]},
        **packs,
    )
    draft.bolt("sink", "sink.py", {"packs": "shuffle", "numbers": "shuffle"})
    running = run(draft)
    all_acked(running, len(given))
    assert values(running, "packs") == [[value] for value in given]
    found = [value for value in values(running, "sink") if len(value) == 2]
    assert found == [[value, "AP8="] for value in given]
    assert running.errors("packs") == running.errors("numbers") == []


def test_22_43_metrics_and_errors_of_a_component_are_kept_in_measure(run: Run) -> None:
    draft = numbers(9)
    draft.bolt("tells", "tells.py", {"numbers": "shuffle"})
    running = run(draft)
    all_acked(running, 9)
    until(lambda: "trouble 8" in running.log())
    assert [f"trouble {n}" in running.log() for n in range(9)] == [True] * 9
    kept = until(lambda: len(errors := running.errors("tells")) >= 6 and errors)
    # Newest first; the first says how many were left out.
    assert kept[1:] == [f"trouble {n}" for n in (4, 3, 2, 1, 0)]
    assert kept[0].startswith("4 more within 10 s were not kept")
    assert running.log().count(" mine null") == 9
    assert len(running.notes("tells", what="handshake")) == 1


def test_22_a_metric_that_nobody_registered_is_in_the_metrics_log_under_its_name(run: Run) -> None:
    draft = numbers(9)
    draft.bolt("tells", "tells.py", {"numbers": "shuffle"})
    consumer = {"class": "org.apache.storm.metric.LoggingMetricsConsumer", "parallelism.hint": 1}
    conf = {
        "topology.metrics.consumer.register": [consumer],
        "topology.builtin.metrics.bucket.size.secs": 1,
    }
    running = run(draft, conf)
    all_acked(running, 9)

    def totals() -> dict[str, int]:
        found: dict[str, int] = {}
        for line in running.log("worker.log.metrics").splitlines():
            *_, where, name, value = line.split("\t")
            key = f"{where.partition(':')[2].strip()} {name.strip()}"
            found[key] = found.get(key, 0) + int(value) if value.isdecimal() else 0
        return found

    until(lambda: totals().get("tells mine") == 9 and totals().get("numbers __emit-count-default") == 9)
    assert totals()["tells __ack-count-numbers:default"] == 9


def test_23_an_exception_in_a_streamparse_bolt_fails_one_tuple_at_once_and_restarts_one_task(
    run: Run,
) -> None:
    draft = numbers(6)
    draft.bolt(
        "raising", "-s json raising.RaisingBolt", {"numbers": "shuffle"}, command="streamparse_run", par=1
    )
    draft.bolt("other", "sink.py", {"numbers": "all"})
    running = run(draft)
    until(lambda: running.notes("numbers", what="fail"))
    until(lambda: len(running.notes("numbers", what="ack")) + len(running.notes("numbers", what="fail")) == 6)
    # The tuple that raised failed; those that waited for the same process may have failed with it.
    assert 3 in [note["id"] for note in running.notes("numbers", what="fail")]
    until(lambda: any("(restart 1)" in error for error in running.errors("raising")))
    with_cause = [error for error in running.errors("raising") if "three is too much" in error]
    assert len(with_cause) == 1, running.errors("raising")
    until(lambda: len(running.pids("raising.RaisingBolt")) == 1)
    assert len(running.notes("other", what="handshake")) == 1
    assert running.errors("other") == []


def test_24_a_component_that_ends_with_code_0_is_started_again_and_its_tuples_fail(run: Run) -> None:
    draft = numbers(6)
    draft.bolt("leaves", "leaves.py", {"numbers": "shuffle"})
    running = run(draft)
    failed = until(lambda: running.notes("numbers", what="fail"))
    assert 3 in [note["id"] for note in running.notes("numbers", what="fail")]
    emitted = running.notes("numbers", what="emit", number=3)[0]["at"]
    assert failed[0]["at"] - emitted < 20  # long before the message timeout of 30 s
    until(lambda: len(running.notes("leaves", what="handshake")) == 2)
    errors = until(lambda: len(found := running.errors("leaves")) == 2 and found)
    assert "three is too much" in errors[1]
    assert "(restart 1)" in errors[0]
    assert "code 0" in errors[0]


# -- spouts ---------------------------------------------------------------------


def test_25_28_a_spout_that_emits_after_sync_syncs_twice_and_knows_only_next_delivers_all(run: Run) -> None:
    draft = Draft()
    draft.spout("eager", "eager.py", count=200)
    draft.bolt("sink", "sink.py", {"eager": "shuffle"})
    running = run(draft)
    until(lambda: running.counts("eager").acked == 200)
    assert sorted(values(running, "sink")) == [[n] for n in range(200)]


def test_26_message_ids_come_back_as_they_went(run: Run) -> None:
    ids = [{"a": [1, 2.5]}, 0, "", None, [], False, 12345678901234567890123, "é"]
    draft = numbers(ids=ids, without_id=1)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"})
    running = run(draft)
    until(lambda: len(values(running, "sink")) == 9)
    acked = until(lambda: len(notes := running.notes("numbers", what="ack")) >= 7 and notes)
    shown = [json.dumps(note["id"]) for note in acked]
    assert sorted(shown) == sorted(json.dumps(given) for given in ids if given is not None)


def test_27_without_ackers_task_ids_come_first_and_the_ack_after_the_sync(run: Run) -> None:
    draft = Draft()
    draft.spout("asking", "asking_spout.py", count=2)
    draft.bolt("sink", "sink.py", {"asking": "shuffle"})
    running = run(draft, {"topology.acker.executors": 0})
    until(lambda: len([n for n in running.notes("asking") if _command(n) == "ack"]) == 2)
    notes = running.notes("asking")
    # The acks wait for nobody, so the sink may still be starting.
    task = until(lambda: running.notes("sink", what="handshake"))[0]["context"]["taskid"]
    told = [note["message"] for note in notes if note["what"] in ("message", "answer")]
    interesting = [m for m in told if isinstance(m, list) or m["command"] == "ack"]
    assert interesting == [[task], {"command": "ack", "id": 1}, [task], {"command": "ack", "id": 0}]


def _command(note: dict[str, Any]) -> str | None:
    message = note.get("message")
    return message["command"] if isinstance(message, dict) else None


def test_28_a_deactivated_spout_is_not_asked_any_more_but_still_told_of_acks(run: Run) -> None:
    draft = Draft()
    draft.spout("asking", "asking_spout.py", count=1)
    draft.bolt("sink", "sink.py", {"asking": "shuffle"}, answer="hold")
    running = run(draft)
    until(lambda: values(running, "sink"))
    running.cluster.nimbus.deactivate(running.name)
    told = until(lambda: [n for n in running.notes("asking") if _command(n) == "deactivate"])
    assert running.folder is not None
    (running.folder / "release").touch()
    until(lambda: [n for n in running.notes("asking") if _command(n) == "ack"])
    after = [_command(note) for note in running.notes("asking") if note["at"] > told[0]["at"]]
    assert after == ["ack"]
    running.cluster.nimbus.activate(running.name)
    until(lambda: [n for n in running.notes("asking") if n["at"] > told[0]["at"] and _command(n) == "next"])


# -- semantics ------------------------------------------------------------------


def test_29_30_task_ids_go_by_javas_order_and_larger_executors_first(run: Run) -> None:
    draft = Draft()
    draft.spout("words", "counting.py", par=2, conf={"topology.tasks": 3})
    draft.bolt("split", "sink.py", {"words": "shuffle"}, par=3, conf={"topology.tasks": 10})
    draft.bolt("Count", "sink.py", {"split": "shuffle"})
    draft.bolt("$x", "sink.py", {"split": "shuffle"})
    running = run(draft, {"topology.acker.executors": 2}, is_active=False)
    found = {}
    for executor in running.info().executors:
        tasks = (executor.executor_info.task_start, executor.executor_info.task_end)
        found.setdefault(executor.component_id, []).append(tasks)
    assert found == {
        "$x": [(1, 1)],
        "Count": [(2, 2)],
        "__acker": [(3, 3), (4, 4)],
        "split": [(5, 8), (9, 11), (12, 14)],
        "words": [(15, 16), (17, 17)],
    }


def test_32_a_key_meets_in_one_task_whoever_emits_it_and_from_wherever(run: Run) -> None:
    keys = [["k", n] for n in range(12)]
    draft = Draft()
    for source in ("first", "second"):
        draft.spout(source, "keys.py", keys=keys)
    draft.bolt("relay", "relay.py", {"second": "shuffle"})
    draft.bolt("meet", "sink.py", {"first": ["value"], "relay": ["value"]}, par=4)
    running = run(draft, {"topology.workers": 2})
    notes = until(lambda: len(found := running.notes("meet", what="tuple")) == 24 and found)
    places: dict[str, set[int]] = {}
    for note in notes:
        places.setdefault(json.dumps(note["values"]), set()).add(note["pid"])
    assert len(places) == 12
    assert all(len(pids) == 1 for pids in places.values())
    assert len({note["pid"] for note in notes}) > 1


def test_from_task_to_task_tuples_arrive_in_order_and_once(run: Run) -> None:
    draft = numbers(400)
    draft.bolt("relay", "relay.py", {"numbers": "shuffle"}, par=2)
    draft.bolt("sink", "sink.py", {"relay": "shuffle"}, par=2)
    running = run(draft, {"topology.workers": 3})
    all_acked(running, 400)
    arrived: dict[tuple[int, int], list[int]] = {}
    for note in sorted(running.notes("sink", what="tuple"), key=lambda note: note["at"]):
        arrived.setdefault((note["pid"], note["task"]), []).append(note["values"][0])
    assert len(arrived) == 4
    assert all(found == sorted(found) for found in arrived.values())
    assert sorted(value for found in arrived.values() for value in found) == list(range(400))


def test_33_a_reliable_emit_to_nobody_is_acked_at_once(run: Run) -> None:
    draft = numbers(2, stream="lonely", streams={"lonely": ["v"]})
    running = run(draft)
    all_acked(running, 2)


def test_34_a_tuple_anchored_twice_and_sent_to_five_is_acked_once_after_the_last(run: Run) -> None:
    draft = numbers(1)
    draft.bolt("fan", "fan.py", {"numbers": "shuffle"})
    draft.bolt("sink", "sink.py", {"fan": "all"}, par=4)
    draft.bolt("last", "sink.py", {"fan": "shuffle"}, answer="hold")
    running = run(draft, {"topology.workers": 2})
    until(lambda: len(values(running, "sink")) == 4 and values(running, "last"))
    until(lambda: running.counts("sink").acked == 4)
    assert running.notes("numbers", what="ack") == []
    assert running.folder is not None
    (running.folder / "release").touch()
    until(lambda: running.counts("numbers").acked == 1)
    all_acked(running, 1)


def test_35_a_tuple_never_acked_fails_after_one_to_two_timeouts_or_never(run: Run) -> None:
    draft = numbers(1)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"}, answer="never")
    patient = run(draft, {"topology.message.timeout.secs": 1, "topology.enable.message.timeouts": False})
    until(lambda: values(patient, "sink"))
    running = run(draft, {"topology.message.timeout.secs": 4})
    [failed] = until(lambda: running.notes("numbers", what="fail"))
    [emitted] = running.notes("numbers", what="emit")
    assert 4 <= failed["at"] - emitted["at"] <= 8
    assert patient.notes("numbers", what="fail") == []


def test_36_a_fail_in_one_branch_fails_the_root_once_and_later_acks_change_nothing(run: Run) -> None:
    draft = numbers(1)
    draft.bolt("fan", "fan.py", {"numbers": "shuffle"})
    draft.bolt("good", "sink.py", {"fan": "all"}, par=2, answer="hold")
    draft.bolt("bad", "sink.py", {"fan": "all"}, par=2, answer="fail")
    running = run(draft)
    until(lambda: running.notes("numbers", what="fail"))
    until(lambda: len(values(running, "good")) == 2)
    assert running.folder is not None
    (running.folder / "release").touch()
    until(lambda: running.counts("good").acked == 2 and running.counts("bad").failed == 2)
    assert running.counts("numbers").failed == 1
    assert running.counts("numbers").acked == 0


def test_37_three_pending_in_each_of_two_tasks_allow_six_and_unreliable_ones_are_free(run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "counting.py", count=20, par=2)
    draft.spout("free", "counting.py", without_id=20)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"}, answer="hold")
    draft.bolt("other", "sink.py", {"free": "shuffle"}, answer="hold")
    running = run(draft, {"topology.max.spout.pending": 3})
    until(lambda: len(running.notes("numbers", what="emit")) == 6)
    until(lambda: len(running.notes("free", what="emit")) == 20)
    assert len(running.notes("numbers", what="emit")) == 6
    assert running.folder is not None
    (running.folder / "release").touch()
    until(lambda: len(running.notes("numbers", what="ack")) == 40)


def test_38_ticks_come_to_every_bolt_task_not_to_spouts_and_may_be_acked(run: Run) -> None:
    draft = Draft()
    draft.spout("asking", "asking_spout.py", count=0)
    draft.bolt("sink", "sink.py", {"asking": "shuffle"}, par=2)
    draft.bolt("slower", "sink.py", {"asking": "shuffle"}, conf={"topology.tick.tuple.freq.secs": 2})
    running = run(draft, {"topology.tick.tuple.freq.secs": 1})
    ticks = until(lambda: len(found := running.notes("sink", what="tuple")) >= 5 and found)
    slower = until(lambda: running.notes("slower", what="tuple"))
    shown = [(n["comp"], n["stream"], n["task"], n["values"]) for n in ticks]
    assert set(map(str, shown)) == {str(("__system", "__tick", -1, [1]))}
    assert len({note["pid"] for note in ticks}) == 2
    assert slower[0]["values"] == [2]
    commands = {_command(note) for note in running.notes("asking", what="message")}
    assert commands <= {"activate", "next"}
    assert running.errors("sink") == []


def test_39_a_component_may_set_its_own_tick_and_debug_but_not_the_message_timeout(run: Run) -> None:
    draft = numbers(0)
    own = {
        "topology.tick.tuple.freq.secs": 77,
        "topology.debug": True,
        "topology.message.timeout.secs": 5,
        "mine": 1,
    }
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"}, conf=own)
    running = run(draft, {"topology.message.timeout.secs": 44})
    [told] = until(lambda: running.notes("sink", what="handshake"))
    assert {key: told["conf"][key] for key in own} == {**own, "topology.message.timeout.secs": 44}
    [other] = until(lambda: running.notes("numbers", what="handshake"))
    assert other["conf"].get("topology.tick.tuple.freq.secs") is None
    assert other["conf"]["topology.debug"] is False


def test_40_a_regular_emit_on_a_direct_stream_errs_and_a_direct_one_to_a_stranger_is_dropped(
    run: Run,
) -> None:
    draft = numbers(1)
    streams = {"there": ["v"]}
    draft.bolt("wrong", "wrong_way.py", {"numbers": "shuffle"}, streams=streams, direct=("there",))
    draft.bolt("sink", "sink.py", {"wrong:there": "direct"})
    draft.bolt("stranger", "sink.py", {"numbers": "shuffle"})
    running = run(draft)
    until(lambda: running.counts("numbers").acked == 1)
    [error] = until(lambda: running.errors("wrong"))
    assert "direct stream 'there' without naming a task" in error
    until(lambda: values(running, "sink"))
    assert values(running, "sink") == [["right"]]
    assert values(running, "stranger") == [[0]]


def test_41_submitted_inactive_no_component_is_started_until_activated(run: Run) -> None:
    running = run(numbers_and_sink(3), is_active=False)
    all_acked(run(numbers_and_sink(1)), 1)  # there was time
    assert running.info().status == "INACTIVE"
    assert running.notes("numbers") == running.notes("sink") == []
    assert running.pids("counting.py") == running.pids("sink.py") == []
    running.cluster.nimbus.activate(running.name)
    all_acked(running, 3)


@pytest.mark.parametrize("rate", [1.0, 0.05])
def test_42_counters_are_exact_at_any_sample_rate(run: Run, rate: float) -> None:
    running = run(numbers_and_sink(105), {"topology.stats.sample.rate": rate})
    all_acked(running, 105)
    until(lambda: running.counts("numbers") == Counts(emitted=105, acked=105))
    until(lambda: running.counts("sink").acked == 105)


def numbers_and_sink(count: int) -> Draft:
    draft = numbers(count)
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"})
    return draft


@pytest.mark.parametrize(
    ("component", "inputs", "text"),
    [
        ("sink", {"numbers:none": "shuffle"}, "subscribes from non-existent stream: [none]"),
        ("sink", {"nobody": "shuffle"}, "subscribes from non-existent component [nobody]"),
        ("sink", {"numbers": ["nothing"]}, "with non-existent fields: [nothing]"),
        ("__x", {"numbers": "shuffle"}, "__x is not a valid component id."),
        ("numbers", {"numbers": "shuffle"}, "Duplicate component ids: [numbers]"),
    ],
)
def test_44_what_does_not_hang_together_is_refused_with_storms_exception(
    cluster: Cluster, component: str, inputs: dict[str, Any], text: str
) -> None:
    draft = numbers(1)
    draft.bolt(component, "sink.py", inputs)
    with pytest.raises(idl.load().InvalidTopologyException) as caught:
        cluster.submit("refused", draft)
    assert text in caught.value.msg


def test_44_a_spout_with_inputs_is_refused(cluster: Cluster) -> None:
    draft = numbers(1)
    draft.spouts["numbers"]["inputs"] = {"numbers": "shuffle"}
    with pytest.raises(idl.load().InvalidTopologyException) as caught:
        cluster.submit("refused", draft)
    assert caught.value.msg == "May not declare inputs for a spout"


def test_the_event_logger_gets_tuples_while_it_is_asked_to(run: Run) -> None:
    draft = Draft()
    draft.spout("numbers", "steady.py")
    draft.bolt("sink", "sink.py", {"numbers": "shuffle"})
    running = run(draft, {"topology.eventlogger.executors": 1})
    until(lambda: values(running, "sink"))
    assert running.log("events.log") == ""
    nimbus = running.cluster.nimbus
    nimbus.debug(running.name, "numbers", True, 100.0)
    until(lambda: len(running.log("events.log").splitlines()) > 3)
    assert all(" numbers," in line for line in running.log("events.log").splitlines())
    page = nimbus.getComponentPageInfo(running.topology_id, "numbers", ":all-time", False)
    assert (page.eventlog_host is not None, page.eventlog_port) == (True, 6700)
    nimbus.debug(running.name, "numbers", False, 0.0)

    def is_quiet() -> bool:
        before, emitted = running.log("events.log"), len(values(running, "sink"))
        until(lambda: len(values(running, "sink")) > emitted + 5)
        return running.log("events.log") == before

    until(is_quiet)
