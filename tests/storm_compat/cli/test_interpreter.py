"""Loading a topology with another Python, and what the user reads when that fails."""

import os
import stat
import sys

import pytest

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.interpreter import Candidate, candidates, load
from storm_compat.client import decode_topology

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

COMPONENTS = """
from streamparse import Bolt, ShellBolt, Spout
class Say(Spout):
    outputs = ["word"]
class Count(Bolt):
    outputs = ["word", "count"]
"""
TOPOLOGY = """
from words import Say, Count
from streamparse import Grouping, ShellBolt, Topology
class WordCount(Topology):
    config = {"topology.workers": 2}
    say = Say.spec(par={"prod": 3, "beta": 1})
    count = Count.spec(inputs={say: Grouping.fields("word")}, par=2)
    shell = ShellBolt.spec(command="node", script="x.js", inputs=[count], outputs=["x"])
"""
OWN = [Candidate(sys.executable, "heronry's own")]


@pytest.fixture
def request_for(tmp_path):
    def make(text, **changes):
        (tmp_path / "src").mkdir()
        (tmp_path / "topologies").mkdir()
        (tmp_path / "src" / "words.py").write_text(COMPONENTS)
        file = tmp_path / "topologies" / "word_count.py"
        file.write_text(text)
        request = {
            "file": str(file), "paths": [str(tmp_path / "src"), str(tmp_path / "topologies")],
            "environment": "prod", "serializer": "json", "runner": None, "own_runner": False,
        }  # fmt: skip
        return {**request, **changes}

    return make


def failure(request, pythons=OWN):
    with pytest.raises(CommandError) as raised:
        load(pythons, request, shown_file="word_count.py")
    return raised.value


def test_the_topology_arrives_as_sparse_would_send_it(request_for):
    loaded = load(OWN, request_for(TOPOLOGY), shown_file="word_count.py")
    topology = decode_topology(loaded.binary)
    say, count, shell = topology.spouts["say"], topology.bolts["count"], topology.bolts["shell"]
    assert (loaded.class_name, loaded.config, loaded.other_classes) == (
        "WordCount",
        {"topology.workers": 2},
        (),
    )
    assert say.common.parallelism_hint == 3
    assert say.spout_object.shell.execution_command == "streamparse_run"
    assert say.spout_object.shell.script == "-s json words.Say"
    assert count.common.parallelism_hint == 2
    assert (shell.bolt_object.shell.execution_command, shell.bolt_object.shell.script) == ("node", "x.js")


def test_components_are_started_with_the_streamparse_of_the_python_that_loaded_them(request_for):
    loaded = load(OWN, request_for(TOPOLOGY, own_runner=True), shown_file="word_count.py")
    runner = os.path.join(os.path.dirname(sys.executable), "streamparse_run")  # noqa: PTH118, PTH120
    assert loaded.runner == runner
    assert decode_topology(loaded.binary).bolts["count"].bolt_object.shell.execution_command == runner


def test_what_the_users_modules_print_does_not_disturb(request_for, capfd):
    loaded = load(OWN, request_for("print('hello {')\n" + TOPOLOGY), shown_file="word_count.py")
    assert loaded.class_name == "WordCount"
    assert capfd.readouterr() == ("", "hello {\n")


def test_a_missing_module_is_named_with_the_python_that_lacks_it(request_for):
    error = failure(request_for("import numpie\n"))
    assert 'topologies/word_count.py", line 1, in <module>' in error.message
    assert "No module named 'numpie'" in error.message
    assert f"{sys.executable} (heronry's own) has no module 'numpie'" in error.advice


def test_a_traceback_shows_the_users_files_only(request_for):
    error = failure(request_for("import words\ndef f():\n    words.Say.spec(par=0)\nf()\n"))
    files = [line for line in error.message.splitlines() if line.lstrip().startswith("File ")]
    assert len(files) == 2
    assert all("topologies/word_count.py" in line for line in files)
    assert "ValueError: Parallelism hint must be an integer greater than 0. Given: 0" in error.message


def test_an_input_that_does_not_exist_gets_a_hint(request_for):
    text = TOPOLOGY.replace(
        "inputs=[count]", 'inputs=[__import__("streamparse").thrift.GlobalStreamId("no", "s")]'
    )
    error = failure(request_for(text))
    assert "KeyError: 'no'" in error.message
    assert "one of its inputs names a component or stream" in error.advice


def test_a_syntax_error_is_shown_with_its_line(request_for):
    error = failure(request_for("class :\n"))
    assert "line 1" in error.message
    assert "SyntaxError" in error.message


def test_a_file_that_exits_is_an_error_too(request_for):
    assert "SystemExit: 3" in failure(request_for("raise SystemExit(3)\n")).message


def test_a_file_without_a_topology_says_what_it_must_hold(request_for):
    error = failure(request_for("from streamparse import Topology\n"))
    assert error.message == "word_count.py defines no topology"
    assert "streamparse.Topology" in error.advice


def test_a_conf_that_is_no_json_is_reported(request_for):
    text = TOPOLOGY.replace('{"topology.workers": 2}', '{"x": object()}')
    assert "is not JSON serializable" in failure(request_for(text)).message


def test_a_python_without_streamparse_is_passed_over_and_all_are_named_if_none_has_it(request_for, tmp_path):
    without = tmp_path / "python-without"
    without.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    without.chmod(without.stat().st_mode | stat.S_IXUSR)
    broken = tmp_path / "python-broken"
    broken.write_text("#!/bin/sh\nexit 9\n")
    broken.chmod(without.stat().st_mode)
    bad = [Candidate(str(without), "first"), Candidate(str(broken), "second")]
    request = request_for(TOPOLOGY)
    assert load([*bad, *OWN], request, shown_file="word_count.py").interpreter == OWN[0]
    error = failure(request, bad)
    assert f"{without} (first): ModuleNotFoundError: No module named 'streamparse'" in error.message
    assert f"{broken} (second): ended with code 9 and no answer" in error.message


def test_the_named_python_is_the_only_one_tried():
    assert candidates(sys.executable, None) == [Candidate(sys.executable, "--python")]
    with pytest.raises(CommandError, match="there is no such program") as raised:
        candidates("/nowhere/python", None)
    assert raised.value.code is ExitCode.USAGE


def test_the_order_of_pythons_is_environment_active_own_path(monkeypatch, tmp_path):
    for name in ("venv", "active"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    found = [c.source for c in candidates(None, tmp_path / "venv")]
    assert found[:3] == ["virtualenv_root in config.json", "VIRTUAL_ENV", "heronry's own"]
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    assert candidates(None, tmp_path / "gone")[0].source == "heronry's own"
