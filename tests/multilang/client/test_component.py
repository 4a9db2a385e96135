"""What our library does otherwise than pystorm, on purpose: each row of docs/pystorm.md."""

from __future__ import annotations

import gc
import inspect
import io
import json
import math
from pathlib import Path
from typing import Any

import pystorm
import pytest

import multilang.client
from multilang.client import Bolt, Component, Spout, StormHandler, Tuple
from multilang.client.logs import LogStream
from multilang.client.serializers import JSONSerializer
from tests.multilang.client.play import OURS, THEIRS, Script, play


def _tuple(*acts: Any) -> dict[str, Any]:
    return {"id": "1", "comp": "s", "stream": "default", "task": 1, "tuple": [list(acts), "a"]}


def _commands(library: str, script: Script, tmp_path: Path) -> list[str]:
    return [message.get("command", "pid") for message in play(library, script, tmp_path).messages]


def test_a_value_that_cannot_be_sent_fails_its_tuple(tmp_path: Path) -> None:
    class Bad(Bolt):
        def process(self, tup: Any) -> None:
            self.emit([object()])

        def _exit(self, code: int) -> Any:
            raise SystemExit(code)

    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    script += b'{"id": "9", "comp": "s", "stream": "default", "task": 1, "tuple": []}\nend\n'
    outgoing = io.BytesIO()
    with pytest.raises(SystemExit):
        Bad(io.BytesIO(script), outgoing, rdb_signal=None).run()
    said = outgoing.getvalue()
    assert b'{"command":"fail","id":"9"}' in said
    assert b"Object of type object is not JSON serializable" in said
    assert b'"ack"' not in said


def test_nan_becomes_null_instead_of_losing_the_tuple(tmp_path: Path) -> None:
    script = Script("Interpreter", [_tuple(["emit", [math.nan, math.inf, 1.5], {}])])
    ours, theirs = (
        [m["tuple"] for m in play(library, script, tmp_path).messages if m.get("command") == "emit"]
        for library in (OURS, THEIRS)
    )
    assert ours == [[None, None, 1.5]]
    assert theirs == []


def test_field_names_need_not_be_identifiers(tmp_path: Path) -> None:
    context = {"source->stream->fields": {"s": {"default": ["1st", "class"]}}}
    script = Script("Interpreter", [_tuple(["emit", [1], {}])], context=context)
    assert "emit" in _commands(OURS, script, tmp_path)
    with pytest.raises(ValueError, match="valid identifiers"):
        play(THEIRS, script, tmp_path)


def test_a_tuple_of_the_wrong_length_says_what_came_and_what_was_declared(tmp_path: Path) -> None:
    context = {"source->stream->fields": {"s": {"default": ["word"]}}}
    played = play(OURS, Script("Interpreter", [_tuple()], context=context), tmp_path)
    errors = [message["msg"] for message in played.messages if message.get("command") == "error"]
    assert played.exit_code == 1
    assert errors == [] or "declares word" in errors[0]
    logs = [message["msg"] for message in played.messages if message.get("command") == "log"]
    assert any("has 2 values" in text and "declares word" in text for text in logs)


def test_lone_surrogates_pass_both_ways(tmp_path: Path) -> None:
    script = Script("Interpreter", [_tuple(["emit", ["\ud800", "\u2028"], {}])])
    assert [m["tuple"] for m in play(OURS, script, tmp_path).messages if m.get("command") == "emit"] == [
        ["\ud800", "\u2028"]
    ]


def test_blank_lines_line_ends_and_pretty_printing_do_not_matter(tmp_path: Path) -> None:
    class Echo(Bolt):
        def process(self, tup: Any) -> None:
            self.emit(list(tup.values))

    pid_dir = str(tmp_path).encode()
    script = b'\r\n\r\n{"pidDir":\r\n "%b",\r\n "conf": {}, "context": {"taskid": 1}}\r\nend\r\n' % pid_dir
    script += b'\n\n\n{"id": "9",\n "comp": "s", "stream": "default",\n "task": 1, "tuple": ["end"]}\nend\n'
    script += b'\n{"id": "10", "comp": "s", "stream": "default", "task": 1, "tuple": [1e999]}\nend\n\n'
    outgoing = io.BytesIO()
    with pytest.raises(SystemExit):
        _ending(Echo)(io.BytesIO(script), outgoing, rdb_signal=None).run()
    said = outgoing.getvalue()
    assert b'"tuple":["end"],"anchors":["9"]' in said
    assert b'"tuple":[null],"anchors":["10"]' in said


def test_an_unknown_serializer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="Unknown serializer: 'xml'; there are json, msgpack"):
        Component(serializer="xml")


def test_prints_become_log_records() -> None:
    class Lines:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def info(self, form: str, text: str) -> None:
            self.lines.append(form % text)

    lines = Lines()
    stream: Any = LogStream(lines)  # type: ignore[arg-type]
    print("a", "b", file=stream)
    print("   ", file=stream)
    print("begun", end="", file=stream)
    assert lines.lines == ["a b"]
    stream.flush()
    assert lines.lines == ["a b", "begun"]


def test_a_handler_that_prints_what_is_logged_does_not_have_it_logged_for_ever() -> None:
    import logging

    logger = logging.Logger("printing")  # noqa: LOG001  not below the root
    stream = LogStream(logger)
    records: list[str] = []
    keeping = logging.Handler()
    keeping.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    for handler in (keeping, logging.StreamHandler(stream)):
        logger.addHandler(handler)
    print("printed", file=stream)
    logger.warning("logged")
    assert records == ["printed", "logged", "logged"]  # as such, and as what the handler prints


def test_what_takes_a_stream_can_have_the_one_that_logs() -> None:
    class Lines:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def info(self, form: str, text: str) -> None:
            self.lines.append(form % text)

    lines = Lines()
    stream: Any = LogStream(lines)  # type: ignore[arg-type]
    stream.writelines(["a", "b\n"])
    stream.buffer.write("é\n".encode())
    stream.buffer.flush()
    assert (lines.lines, stream.fileno(), stream.isatty()) == (["ab", "é"], 1, False)


def test_a_handler_whose_host_is_gone_stays_silent(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    class Gone:
        def send_message(self, message: Any) -> None:
            from multilang.client import StormWentAwayError

            raise StormWentAwayError

    StormHandler(Gone()).handle(logging.makeLogRecord({"msg": "anybody there?"}))
    assert capsys.readouterr().err == ""


class Overriding(Spout):
    """Counts what it sends, by a method in between."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent: list[Any] = []

    def send_message(self, message: Any) -> None:
        self.sent.append(message)
        super().send_message(message)

    def next_tuple(self) -> None:
        self.emit([1], tup_id=5)


def test_methods_in_between_are_used_if_they_are_overridden(tmp_path: Path) -> None:
    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    script += b'{"command": "next", "id": ""}\nend\n'
    spout = _ending(Overriding)(io.BytesIO(script), io.BytesIO(), rdb_signal=None)
    with pytest.raises(SystemExit):
        spout.run()
    commands = [message.get("command") for message in spout.sent]
    assert commands[-3:] == ["emit", "sync", "log"]


def test_methods_that_are_replaced_in_one_object_are_used_too(tmp_path: Path) -> None:
    class Patched(Bolt):
        def initialize(self, storm_conf: Any, context: Any) -> None:
            self.sent: list[Any] = []
            send = self.send_message
            self.send_message = lambda message: (self.sent.append(message), send(message))[1]  # type: ignore[method-assign,assign,func-returns-value]

        def process(self, tup: Any) -> None:
            self.emit(["x"])

    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    script += b'{"id": "9", "comp": "s", "stream": "default", "task": 1, "tuple": []}\nend\n'
    bolt = _ending(Patched)(io.BytesIO(script), io.BytesIO(), rdb_signal=None)
    with pytest.raises(SystemExit):
        bolt.run()
    assert [message.get("command") for message in bolt.sent][:2] == ["emit", "ack"]


def test_a_switch_of_anchors_in_the_middle_of_a_tuple_holds_from_the_next_one_on(tmp_path: Path) -> None:
    class Switching(Bolt):
        def process(self, tup: Any) -> None:
            self.auto_anchor = False
            self.emit([tup.id])
            self.emit([tup.id], anchors=[])

    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    for tup_id in (b"8", b"9"):
        script += b'{"id": "%b", "comp": "s", "stream": "d", "task": 1, "tuple": []}\nend\n' % tup_id
    outgoing = io.BytesIO()
    with pytest.raises(SystemExit):
        _ending(Switching)(io.BytesIO(script), outgoing, rdb_signal=None).run()
    messages = [json.loads(block) for block in outgoing.getvalue().split(b"\nend\n")[:-1]]
    assert [m["anchors"] for m in messages if m.get("command") == "emit"] == [["8"], [], [], []]


def test_a_serializer_that_is_not_the_librarys_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Marked(JSONSerializer):
        def serialize_dict(self, msg_dict: Any) -> bytes:
            return super().serialize_dict({**msg_dict, "mark": 1})

    monkeypatch.setattr("multilang.client.component.SERIALIZERS", {"json": Marked})
    with pytest.raises(TypeError, match=r"Marked\.serialize_dict is not this library's"):
        Bolt(io.BytesIO(), io.BytesIO(), rdb_signal=None)


def test_names_that_are_private_to_the_library_are_refused_before_the_first_tuple(tmp_path: Path) -> None:
    class Method(Bolt):
        def _report(self) -> None:  # type: ignore[override]
            """Ours is called when something is raised."""

    class Attribute(Bolt):
        def initialize(self, storm_conf: Any, context: Any) -> None:
            self._kinds = {}

    class Fine(Bolt):
        def initialize(self, storm_conf: Any, context: Any) -> None:
            self._mine = self._batches = 1
            self.emit(["x"], anchors=[])

        def _run(self) -> None:
            raise SystemExit(5)

    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    for kind, name in ((Method, "_report"), (Attribute, "_kinds")):
        with pytest.raises(TypeError, match=f"{kind.__name__} gives a meaning of its own to {name}"):
            kind(io.BytesIO(script), io.BytesIO(), rdb_signal=None).run()
    with pytest.raises(SystemExit, match="5"):
        Fine(io.BytesIO(script), io.BytesIO(), rdb_signal=None).run()


def test_attributes_are_left_where_they_are_found_fastest(tmp_path: Path) -> None:
    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    bolt = _ending(Bolt)(io.BytesIO(script), io.BytesIO(), rdb_signal=None)
    with pytest.raises(SystemExit):
        bolt.run()
    assert bolt.topology_name is not None
    # Python 3.11 has a dict of them only if somebody asked for it, and goes a longer way from then on.
    assert not any(isinstance(each, dict) and "topology_name" in each for each in gc.get_referents(bolt))
    assert "topology_name" in vars(bolt)
    assert any(isinstance(each, dict) and "topology_name" in each for each in gc.get_referents(bolt))


@pytest.mark.parametrize("name", pystorm.__all__)
def test_what_is_public_is_called_as_in_pystorm(name: str) -> None:
    theirs, ours = (
        {
            public: _parameters(getattr(kind, public))
            for public in dir(kind)
            if (public == "__init__" or not public.startswith("_")) and callable(getattr(kind, public))
        }
        for kind in (getattr(pystorm, name), getattr(multilang.client, name))
    )
    if name == "Tuple":
        theirs.pop("__init__"), ours.pop("__init__")  # object's
    else:
        # The streams are looked up later: whoever replaces sys.stdin in between means it.
        assert [parameter.name for parameter in theirs.pop("__init__")] == [
            parameter.name for parameter in ours.pop("__init__")
        ]
        ours.pop("flush")  # the one that is ours alone
    assert ours == theirs


def _parameters(method: Any) -> list[inspect.Parameter]:
    return [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(method).parameters.values()
    ]


class AckingLater(Bolt):
    """Leaves the first tuple alone."""

    seen_count = 0

    @property
    def auto_ack(self) -> bool:  # type: ignore[override]
        return self.seen_count > 1

    def process(self, tup: Tuple) -> None:
        self.seen_count += 1


def test_whether_a_bolt_acks_may_be_a_property(tmp_path: Path) -> None:
    script = b'{"pidDir": "%b", "conf": {}, "context": {"taskid": 1}}\nend\n' % str(tmp_path).encode()
    for tup_id in (b"a", b"b", b"c"):
        script += b'{"id":"%b","comp":"s","stream":"default","task":2,"tuple":[]}\nend\n' % tup_id
    said = io.BytesIO()
    with pytest.raises(SystemExit):
        _ending(AckingLater)(io.BytesIO(script), said, rdb_signal=None).run()
    messages = [json.loads(text) for text in said.getvalue().split(b"\nend\n") if text]
    assert [m["id"] for m in messages if m.get("command") == "ack"] == ["b", "c"]


def _ending(kind: type) -> Any:
    def _exit(self: Any, code: int) -> Any:
        raise SystemExit(code)

    return type(kind.__name__, (kind,), {"_exit": _exit})
