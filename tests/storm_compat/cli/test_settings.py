"""Which cluster a command means."""

import json
import os

import click
import pytest

from storm_compat.cli.settings import Target, default_root, read_ready, split_address, target


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HERONRY_ROOT", str(tmp_path))
    monkeypatch.delenv("HERONRY_NIMBUS", raising=False)
    return tmp_path


def write_ready(root, pid):
    (root / "ready.json").write_text(json.dumps({"nimbus": "127.0.0.1:4711", "pid": pid}))


def context(**parameters):
    made = click.Context(click.Command("x"))
    made.params.update(parameters)
    return made


@pytest.mark.parametrize(
    ("text", "address"),
    [("h:1", ("h", 1)), ("h", ("h", 6627)), ("[::1]:99", ("::1", 99)), (" h:0 ", ("h", 0))],
)
def test_addresses_have_a_default_port(text, address):
    assert split_address(text) == address


@pytest.mark.parametrize("text", ["", ":1", "h:", "h:x", "h:65536", "h:-1", "http://h:1", "h/x"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_address(text)


def test_the_option_wins_over_the_environment_and_that_over_what_runs_here(root, monkeypatch):
    write_ready(root, os.getpid())
    assert target(context()) == Target("127.0.0.1", 4711, str(root / "ready.json"))
    monkeypatch.setenv("HERONRY_NIMBUS", "other:2")
    assert target(context()) == Target("other", 2, "HERONRY_NIMBUS")
    assert target(context(nimbus="mine:3")) == Target("mine", 3, "--nimbus")


def test_a_login_finds_its_own_port_of_the_cluster_that_runs_here(root, monkeypatch):
    others = {"digest": "127.0.0.1:1", "plain-sasl": "[::1]:2", "tls": "127.0.0.1:3"}
    document = {"nimbus": "127.0.0.1:4711", "others": others, "pid": os.getpid()}
    (root / "ready.json").write_text(json.dumps(document))
    for variables, port in (
        ({}, 4711),
        ({"HERONRY_LOGIN": "x"}, 1),
        ({"HERONRY_LOGIN": "x", "HERONRY_MECHANISM": "plain"}, 2),
        ({"HERONRY_TLS_CA": "x"}, 3),
    ):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            assert target(context()).port == port


def test_nothing_said_and_nothing_running_means_storms_default(root):
    assert target(context()) == Target("127.0.0.1", 6627, "the default")


def test_what_a_dead_cluster_left_behind_does_not_count(root):
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    write_ready(root, pid)
    assert read_ready(root) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nimbus": "x:y", "pid": 1}', '{"nimbus": 1, "pid": 1}'])
def test_an_unreadable_ready_file_does_not_count(root, text):
    (root / "ready.json").write_text(text)
    assert read_ready(root) is None


def test_the_default_root_follows_the_desktop_conventions(monkeypatch):
    monkeypatch.delenv("HERONRY_ROOT", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    assert str(default_root()) == "/s/heronry"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert str(default_root()) == "/h/.local/state/heronry"
