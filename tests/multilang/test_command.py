import os
from pathlib import Path

import pytest

from multilang.command import Launch, prepare
from multilang.errors import CommandNotFound


def program(folder: Path, name: str = "run", *, mode: int = 0o755) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def plan(
    command: list[str],
    folder: Path,
    *,
    inherited: dict[str, str] | None = None,
    extra: dict[str, str] | None = None,
    own: dict[str, str] | None = None,
) -> Launch:
    return prepare(
        command,
        cwd=folder,
        inherited={"PATH": ""} if inherited is None else inherited,
        extra=extra or {},
        own=own or {},
        own_bin=folder / "own",
    )


def test_arguments_are_passed_on_as_they_are(tmp_path: Path) -> None:
    run = program(tmp_path / "own")

    launch = plan(["run", "-s json a.B"], tmp_path)
    assert launch.command == (str(run), "-s json a.B")
    assert launch.cwd == tmp_path
    assert plan(["run", ""], tmp_path).command == (str(run), "")


def test_a_components_own_variables_count_most_but_its_path_least(tmp_path: Path) -> None:
    theirs, mine = program(tmp_path / "theirs"), program(tmp_path / "mine", "other")
    inherited = {"PATH": str(tmp_path / "theirs"), "FOO": "theirs", "KEPT": "1"}
    own = {"PATH": str(tmp_path / "mine"), "FOO": "mine"}
    launch = plan(["run"], tmp_path, inherited=inherited, extra={"FOO": "topology"}, own=own)
    assert launch.command == (str(theirs),)
    path = os.pathsep.join([str(tmp_path / "theirs"), str(tmp_path / "mine"), str(tmp_path / "own")])
    assert launch.environment == {"PATH": path, "FOO": "mine", "KEPT": "1"}
    assert plan(["other"], tmp_path, inherited=inherited, own=own).command == (str(mine),)


def test_the_topologys_path_goes_before_the_containers_before_our_own(tmp_path: Path) -> None:
    paths = {"inherited": {"PATH": str(tmp_path / "theirs")}, "extra": {"PATH": str(tmp_path / "topology")}}
    own = program(tmp_path / "own")
    assert plan(["run"], tmp_path, **paths).command == (str(own),)

    theirs = program(tmp_path / "theirs")
    assert plan(["run"], tmp_path, **paths).command == (str(theirs),)

    topology = program(tmp_path / "topology")
    launch = plan(["run"], tmp_path, **paths)
    assert launch.command == (str(topology),)
    assert launch.environment["PATH"].split(os.pathsep) == [
        str(tmp_path / "topology"),
        str(tmp_path / "theirs"),
        str(tmp_path / "own"),
    ]


def test_the_topologys_variables_go_over_the_containers(tmp_path: Path) -> None:
    program(tmp_path / "own")

    launch = plan(["run"], tmp_path, inherited={"PATH": "", "A": "1", "B": "1"}, extra={"B": "2", "C": "2"})
    assert launch.environment == {"A": "1", "B": "2", "C": "2", "PATH": str(tmp_path / "own")}


def test_unbuffered_output_is_not_inherited_but_may_be_asked_for(tmp_path: Path) -> None:
    program(tmp_path / "own")
    unbuffered = {"PYTHONUNBUFFERED": "1"}

    assert "PYTHONUNBUFFERED" not in plan(["run"], tmp_path, inherited=unbuffered).environment
    assert plan(["run"], tmp_path, extra=unbuffered).environment["PYTHONUNBUFFERED"] == "1"


def test_a_path_is_taken_from_the_components_own_folder(tmp_path: Path) -> None:
    run = program(tmp_path / "bin")

    assert plan(["bin/run"], tmp_path).command == (str(run),)
    assert plan(["./bin/run"], tmp_path).command == (str(run),)
    assert plan([str(run)], tmp_path / "elsewhere").command == (str(run),)


def test_a_program_is_named_in_full_since_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = program(tmp_path / "res" / "bin")

    assert plan(["bin/run"], Path("res")).command == (str(run),)
    assert plan(["run"], Path("res"), inherited={"PATH": "res/bin"}).command == (str(run),)


@pytest.mark.parametrize("command", [[], [""], ["", "script"]])
def test_a_component_without_a_command_is_refused(command: list[str], tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound, match="the component names no command"):
        plan(command, tmp_path)


def test_a_missing_program_is_told_with_the_path_that_was_searched(tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound) as told:
        plan(["run", "x"], tmp_path, inherited={"PATH": "/nowhere"})

    assert "cannot run run x: no program 'run' on PATH" in str(told.value)
    assert f"PATH: /nowhere:{tmp_path / 'own'}." in str(told.value)
    assert told.value.cwd == str(tmp_path)


def test_a_missing_file_and_one_that_cannot_be_executed_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound, match=r"there is no file .*/bin/run"):
        plan(["bin/run"], tmp_path)
    with pytest.raises(CommandNotFound, match="there is no file"):
        plan(["./"], tmp_path)

    program(tmp_path / "bin", mode=0o644)
    with pytest.raises(CommandNotFound, match="/bin/run is not executable"):
        plan(["bin/run"], tmp_path)
    with pytest.raises(CommandNotFound, match="no program 'run' on PATH"):
        plan(["run"], tmp_path, inherited={"PATH": str(tmp_path / "bin")})


def test_a_name_that_the_system_refuses_is_no_command(tmp_path: Path) -> None:
    with pytest.raises(CommandNotFound, match="cannot be looked at: File name too long"):
        plan(["./" + "x" * 10_000], tmp_path)
