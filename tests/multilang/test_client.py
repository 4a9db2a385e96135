"""The same script played to pystorm and to our library brings the same messages in the same order."""

from __future__ import annotations

import doctest
import io
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from multilang.client import batching, bolt, spout
from multilang.testing import Metric, run
from tests.multilang.client.corpus import recorded
from tests.multilang.client.play import OURS, THEIRS, Script, normalised, play
from tests.multilang.client.strategies import asking_scripts, bolt_scripts, spout_scripts

_slow_is_fine = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_the_kept_scripts_bring_the_kept_answers(tmp_path: Path) -> None:
    kept = recorded()
    assert len(kept) >= 300
    for each in kept:
        played = play(OURS, each.script, tmp_path)
        said = msgspec.to_builtins(normalised(played.messages))
        assert said == each.messages, each.script
        assert played.exit_code == each.exit_code, each.script


def test_pystorm_still_gives_the_kept_answers(tmp_path: Path) -> None:
    for each in recorded()[::20]:
        played = play(THEIRS, each.script, tmp_path)
        assert msgspec.to_builtins(normalised(played.messages)) == each.messages, each.script


@_slow_is_fine
@given(script=bolt_scripts())
def test_bolts_say_the_same(script: Script, tmp_path: Path) -> None:
    _compare(script, tmp_path)


@_slow_is_fine
@given(script=spout_scripts())
def test_spouts_say_the_same(script: Script, tmp_path: Path) -> None:
    _compare(script, tmp_path)


@_slow_is_fine
@given(script=asking_scripts())
def test_task_ids_reach_the_emits_that_asked(script: Script, tmp_path: Path) -> None:
    _compare(script, tmp_path)


def test_msgpack_says_the_same(tmp_path: Path) -> None:
    acts = [
        ["emit", [1, "é", None, {"a": [1.5]}], {"stream": "other"}],
        ["emit", ["x"], {}],
        ["log", "hm", None],
    ]
    tup = {"id": "1", "comp": "s", "stream": "default", "task": 1, "tuple": [acts, "a"]}
    _compare(
        Script("Interpreter", [tup, tup, {**tup, "tuple": [[["raise", "no"]], "b"]}]), tmp_path, "msgpack"
    )
    script = {"script": [[["emit", [1], {"tup_id": 7}]]]}
    commands = [{"command": "next", "id": ""}, {"command": "ack", "id": 7}, {"command": "next", "id": ""}]
    _compare(Script("Reliable", commands, conf=script), tmp_path, "msgpack")


def test_the_example_in_the_docs_does_what_it_says(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "pystorm.md").read_text()
    source = text.partition("```python\n")[2].partition("```")[0]
    space: dict[str, Any] = {"__name__": "an_example"}
    exec(source, space)
    greeting = {"pidDir": str(tmp_path), "conf": {}, "context": {"taskid": 1}}
    tup = {"id": "1", "comp": "s", "stream": "default", "task": 2, "tuple": ["a b"]}
    incoming = io.BytesIO(b"".join(json.dumps(message).encode() + b"\nend\n" for message in (greeting, tup)))
    outgoing = io.BytesIO()
    split = type("Split", (space["Split"],), {"_exit": _leave})
    with pytest.raises(SystemExit):
        split(incoming, outgoing, rdb_signal=None).run()
    messages = [json.loads(block) for block in outgoing.getvalue().split(b"\nend\n")[:-1]]
    assert [message["tuple"] for message in messages if message.get("command") == "emit"] == [["a"], ["b"]]
    assert {"command": "ack", "id": "1"} in messages


def test_what_the_docs_offer_is_there() -> None:
    text = (Path(__file__).parents[2] / "docs" / "pystorm.md").read_text()
    space: dict[str, Any] = {"__name__": "an_example"}
    exec(text.split("```python\n")[2].partition("```")[0], space)

    with run(space["Sentences"], conf={"sentences": ["a"]}) as sentences:
        outcomes = [sentences.next().emitted, *(sentences.fail(0).emitted for _ in range(6))]
        assert outcomes == [[["a"]]] * 6 + [[]]
    with run(space["Count"], inputs=["word"], task_ids=[3, 4]) as count:
        done = count.send(["a"]) + count.tick()
        assert (done.emitted, done.acked, done.metrics) == ([["a", 1]], [["a"]], [Metric("words", 1)])
        assert done.logged("a went to the tasks [3, 4]")
    with run(space["Careful"]) as careful:
        done = careful.send(["A"], [1])
        assert (done.on("lower"), done.acked, done.failed) == ([["a"]], [["A"]], [[1]])
        assert [line.level for line in done.logs] == ["warn"]
    with run(space["Totals"]) as totals:
        totals.send(["a"], ["b"], ["a"])
        done = totals.tick(2)
        assert (done.emitted, done.acked) == ([["a", 2], ["b", 1]], [["a"], ["a"], ["b"]])


@pytest.mark.parametrize("module", [batching, bolt, spout])
def test_the_examples_of_the_classes_run(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


def _leave(component: Any, code: int) -> None:
    raise SystemExit(code)


def _compare(script: Script, pid_dir: Path, serializer: str = "json") -> None:
    theirs, ours = (play(library, script, pid_dir, serializer) for library in (THEIRS, OURS))
    assert normalised(ours.messages) == normalised(theirs.messages)
    assert ours.exit_code == theirs.exit_code
