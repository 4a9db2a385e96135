from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multilang.errors import JavaStreamError, NotAShellComponent
from multilang.java_object import ShellObject, read_shell

SAMPLES = Path(__file__).parent / "java_objects"
VERSIONS = ("0.10.2", "1.2.4", "2.0.0", "2.8.2")
TOLD: dict[str, Any] = json.loads((SAMPLES / "objects.json").read_text())


def sample(version: str, name: str) -> bytes:
    return (SAMPLES / f"storm-{version}" / f"{name}.ser").read_bytes()


@pytest.mark.parametrize("name", [name for name, told in TOLD.items() if told and told["command"]])
@pytest.mark.parametrize("version", ["1.2.4", "2.8.2"])
def test_it_reads_what_java_clients_send(version: str, name: str) -> None:
    told, found = TOLD[name], read_shell(sample(version, name))
    shown = (list(found.command), found.environment, found.changes_directory, found.classes[0])
    assert shown == (told["command"], told["env"], told["change_directory"], told["class"])
    assert found.is_spout is ("spout" in name)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_reads_every_version_of_storm(version: str) -> None:
    assert read_shell(sample(version, "split")) == ShellObject(
        is_spout=False, command=("python3", "split.py"), classes=("AwkwardObjects$Split",)
    )
    assert read_shell(sample(version, "sentences")) == ShellObject(
        is_spout=True, command=("node", "sentences.js"), classes=("AwkwardObjects$Sentences",)
    )


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_it_reads_arguments_environment_and_folder(version: str) -> None:
    assert read_shell(sample(version, "stays")) == ShellObject(
        is_spout=False,
        command=("python3", "café 😀.py", "a b", ""),
        environment={"PATH": "/opt/tools", "FOO": "bar"},
        changes_directory=False,
        classes=("AwkwardObjects$Split",),
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["odd", "deep"])
def test_what_a_subclass_holds_does_not_matter(version: str, name: str) -> None:
    found = read_shell(sample(version, name))
    assert found.command == ("python3", f"{name}.py")
    assert found.classes == (f"AwkwardObjects${name.title()}", "AwkwardObjects$Split")


@pytest.mark.parametrize("version", VERSIONS)
def test_another_class_is_refused_by_name_also_inside_storms_wrapper(version: str) -> None:
    with pytest.raises(NotAShellComponent, match=r"^Java class AwkwardObjects\$Exclaim$"):
        read_shell(sample(version, "basic"))
    with pytest.raises(NotAShellComponent, match=r"^Java class AwkwardObjects\$Holder$"):
        read_shell(sample(version, "holder"))
    with pytest.raises(NotAShellComponent, match=r"^a Java value that is no object$"):
        read_shell(sample(version, "text"))


@pytest.mark.parametrize("version", ["1.2.4", "2.8.2"])
def test_a_shell_component_without_a_command_is_refused(version: str) -> None:
    with pytest.raises(JavaStreamError, match="without a command"):
        read_shell(sample(version, "no-command"))


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xac\xed\x00\x05")
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises((JavaStreamError, NotAShellComponent)):
        read_shell(data)


STAYS = sample("2.8.2", "stays")


@given(at=st.integers(0, len(STAYS) - 1), to=st.integers(0, 255))
def test_a_changed_byte_gives_an_answer_or_a_clear_refusal(at: int, to: int) -> None:
    data = bytearray(STAYS)
    data[at] = to
    try:
        found = read_shell(bytes(data))
    except (JavaStreamError, NotAShellComponent):
        return
    assert found.command
    assert all(isinstance(word, str) for word in (*found.command, *found.environment.values()))


@given(st.integers(0, 1700))
def test_a_stream_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(JavaStreamError, match=r"cut off|bytes follow"):
        read_shell(STAYS[: min(size, len(STAYS) // 2)])
