"""log-level and credentials."""

import json
import time

import pytest

from storm_compat.cli.exit_codes import ExitCode
from storm_compat.thrift import idl

STORM = idl.load()
ACTION = STORM.LogLevelAction


def test_levels_are_set_and_taken_back(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("log-level", "wc", "-l", "ROOT=debug:30", "-l", "count=OFF", "-r", "scheduler.run")
    assert result.code == 0
    assert nimbus.calls == [("setLogConfig", "wc-1-1700000000")]
    assert nimbus.log_config.named_logger_level == {
        "ROOT": STORM.LogLevel(ACTION.UPDATE, "DEBUG", 30),
        "count": STORM.LogLevel(ACTION.UPDATE, "OFF", 0),
        "scheduler.run": STORM.LogLevel(ACTION.REMOVE),
    }


def test_without_options_the_levels_are_shown(nimbus, heronry):
    nimbus.topologies = {"wc": "ACTIVE"}
    assert heronry("log-level", "wc").out == "No log level of wc was set\n"
    until_ms = int(time.time() * 1000) + 100_000
    nimbus.log_config = STORM.LogConfig(
        named_logger_level={
            "b": STORM.LogLevel(ACTION.UNCHANGED, "WARN", 0),
            "ROOT": STORM.LogLevel(ACTION.UPDATE, "DEBUG", 200, until_ms),
        }
    )
    lines = heronry("log-level", "wc").out.splitlines()
    assert [line.split() for line in lines] in (
        [["LOGGER", "LEVEL", "STILL"], ["ROOT", "DEBUG", f"{left}", "s"], ["b", "WARN", "-"]]
        for left in range(60, 101)
    )
    assert json.loads(heronry("log-level", "wc", "--json").out) == {
        "ROOT": {"level": "DEBUG", "until_s": until_ms / 1000},
        "b": {"level": "WARN", "until_s": None},
    }
    assert nimbus.calls == []


@pytest.mark.parametrize("text", ["ROOT", "=INFO", "ROOT=LOUD", "ROOT=INFO:soon", "ROOT=INFO:-1"])
def test_a_level_that_cannot_be_is_told_with_those_that_can(nimbus, heronry, text):
    nimbus.topologies = {"wc": "ACTIVE"}
    result = heronry("log-level", "wc", "-l", text)
    assert (result.code, result.out, nimbus.calls) == (ExitCode.USAGE, "", [])
    assert f"-l {text}: it must be LOGGER=LEVEL or LOGGER=LEVEL:SECONDS" in result.err
    assert "ALL, TRACE, DEBUG" in result.err


def test_one_logger_is_not_set_and_taken_back_at_once(nimbus, heronry):
    result = heronry("log-level", "wc", "-l", "a=INFO", "-r", "a")
    assert (result.code, nimbus.calls) == (ExitCode.USAGE, [])


def test_credentials_come_from_the_command_line_and_from_a_file(nimbus, heronry, tmp_path):
    nimbus.topologies = {"wc": "ACTIVE"}
    file = tmp_path / "secrets"
    file.write_text("# mine\n\npassword=a=b\nuser=file\n")
    result = heronry("credentials", "wc", "user=ada", "-f", file)
    assert (result.code, result.out) == (0, "wc has new credentials: password, user\n")
    assert nimbus.calls == [("credentials", "wc", {"password": "a=b", "user": "ada"})]
    assert json.loads(heronry("credentials", "wc", "k=v", "--json").out) == {"name": "wc", "keys": ["k"]}


def test_what_may_be_a_secret_is_not_shown_in_an_error(nimbus, heronry, tmp_path):
    file = tmp_path / "secrets"
    file.write_text("user=u\ns3cret\n")
    for arguments, text in (
        (["s3cret"], "credentials: it must be KEY=VALUE"),
        (["-f", file], f"{file}, line 2: it must be KEY=VALUE"),
        ([], "no credentials: name some as KEY=VALUE, or a file with -f"),
    ):
        result = heronry("credentials", "wc", *arguments)
        assert (result.code, result.out, nimbus.calls) == (ExitCode.USAGE, "", [])
        assert text in result.err
        assert "s3cret" not in result.err


def test_an_unknown_name_is_told_with_the_nearest(nimbus, heronry):
    nimbus.topologies = {"word_count": "ACTIVE"}
    for command in (
        ["log-level", "wordcount"],
        ["credentials", "wordcount", "a=b"],
        ["rebalance", "wordcount"],
    ):
        result = heronry(*command)
        assert result.code == ExitCode.NOT_FOUND
        assert "Did you mean word_count?" in result.err
