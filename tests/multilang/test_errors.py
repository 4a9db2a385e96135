import pytest

from multilang.errors import (
    CommandNotFound,
    HeartbeatTimeout,
    LaunchFailed,
    LocalProtocolError,
    MultilangError,
    ProcessExited,
    RemoteProtocolError,
    ShellProcessError,
    show_command,
    show_exit,
)


def test_everything_this_room_raises_has_one_base() -> None:
    for error in (LocalProtocolError, RemoteProtocolError, ShellProcessError):
        assert issubclass(error, MultilangError)
    for error in (CommandNotFound, LaunchFailed, ProcessExited, HeartbeatTimeout):
        assert issubclass(error, ShellProcessError)


def test_a_missing_program_is_told_with_where_it_was_looked_for_and_what_to_do() -> None:
    error = CommandNotFound(
        ("run", "a b"), cwd="/res", path="/bin:/usr/bin", reason="no program 'run' on PATH"
    )

    assert str(error) == (
        "cannot run run 'a b': no program 'run' on PATH. cwd: /res. PATH: /bin:/usr/bin. "
        "Install it where the containers run, or name its full path in the topology"
    )
    assert (error.command, error.cwd) == (("run", "a b"), "/res")


def test_a_failed_start_is_told_with_its_reason() -> None:
    error = LaunchFailed(["run"], cwd="/res", reason="Exec format error")

    assert str(error) == "cannot start run in /res: Exec format error"
    assert (error.command, error.cwd) == (("run",), "/res")


@pytest.mark.parametrize(
    ("exit_code", "stderr_tail", "text"),
    [
        (1, "Boom", "run x ended with exit code 1 after 2.5 s. cwd: /res. Last lines of stderr:\nBoom"),
        (0, "", "run x ended with exit code 0 after 2.5 s. cwd: /res. It wrote nothing to stderr"),
        (-9, "", "run x was ended by signal 9 (SIGKILL) after 2.5 s. cwd: /res. It wrote nothing to stderr"),
        (None, "", "run x ended after 2.5 s. cwd: /res. It wrote nothing to stderr"),
    ],
)
def test_an_exit_is_told_with_code_and_last_words(exit_code: int | None, stderr_tail: str, text: str) -> None:
    error = ProcessExited(
        ["run", "x"], cwd="/res", exit_code=exit_code, uptime_s=2.49999, stderr_tail=stderr_tail
    )

    assert str(error) == text
    assert error.exit_code == exit_code


def test_one_that_we_ended_is_told_with_our_reason_first() -> None:
    error = ProcessExited(
        ["run"], cwd="/res", exit_code=-9, uptime_s=1, stderr_tail="Boom", reason="is silent"
    )

    reason, news = str(error).split("\n", 1)
    assert reason == "is silent"
    assert news.startswith("run was ended by signal 9 (SIGKILL) after 1.0 s")


def test_a_silent_component_is_told_with_the_limit_and_its_key() -> None:
    error = HeartbeatTimeout(idle_s=31.04, limit_s=30.0)

    assert str(error) == (
        "no message for 31.0 s, limit 30.0 s (topology.subprocess.timeout.secs); "
        "the component hangs or one tuple takes longer than that"
    )
    assert (error.idle_s, error.limit_s) == (31.04, 30.0)


def test_commands_are_shown_as_typed() -> None:
    assert show_command(["streamparse_run", "-s json a.B", ""]) == "streamparse_run '-s json a.B' ''"


def test_signals_without_a_name_are_shown_by_number() -> None:
    assert show_exit(-15) == "was ended by signal 15 (SIGTERM)"
    assert show_exit(-500) == "was ended by signal 500"
