from __future__ import annotations

from typing import Any

import pytest

from multilang.java_object import ShellObject
from storm_compat.errors import InvalidTopology
from storm_compat.programs import programs
from storm_compat.thrift import idl
from tests.storm_compat.builders import bolt, java_part, shell, spout, topology


def complaint(code: Any) -> str:
    with pytest.raises(InvalidTopology) as caught:
        programs(code)
    return str(caught.value)


def test_a_shell_component_is_two_arguments_whatever_they_hold() -> None:
    parts = {"a": shell("run", "-s json a.B"), "b": shell("run", ""), "c": shell("run", None)}
    found = programs(topology({name: spout(part=part) for name, part in parts.items()}))
    assert found == {
        "a": ShellObject(True, ("run", "-s json a.B")),
        "b": ShellObject(True, ("run", "")),
        "c": ShellObject(True, ("run",)),
    }


def test_a_shell_component_needs_a_command() -> None:
    assert "[a] has a shell object without" in complaint(topology({"a": spout(part=shell("", "x.py"))}))


@pytest.mark.parametrize("version", ["0.10.2", "1.2.4", "2.0.0", "2.8.2"])
def test_50_shell_components_of_every_version_need_no_jvm(version: str) -> None:
    code = topology(
        {"a": spout(part=java_part(version, "sentences"))}, {"b": bolt(part=java_part(version, "split"))}
    )
    found = programs(code)
    assert (found["a"].is_spout, found["a"].command) == (True, ("node", "sentences.js"))
    assert (found["b"].is_spout, found["b"].command) == (False, ("python3", "split.py"))


def test_all_that_need_a_jvm_are_named_in_one_message_with_their_reasons() -> None:
    storm = idl.load()
    made = storm.ComponentObject(java_object=storm.JavaObject("org.example.Bolt", []))
    broken = storm.ComponentObject(serialized_java=b"\xac\xed\x00\x05")
    code = topology(
        {"s": spout(part=java_part("1.2.4", "split"))},
        {
            "b": bolt(part=made),
            "a": bolt(part=java_part("2.8.2", "basic")),
            "c": bolt(),
            "d": bolt(part=broken),
            "e": bolt(part=java_part("2.8.2", "no-command")),
        },
    )
    assert complaint(code) == (
        "Components that only a JVM can run are not supported yet: "
        "[a] (Java class AwkwardObjects$Exclaim), "
        "[b] (Java class org.example.Bolt), "
        "[d] (a serialized Java object that cannot be read: it is cut off: 1 bytes wanted at 4, of 4), "
        "[e] (a serialized Java object that cannot be read: "
        "SampleObjects$ShellPart is a shell component without a command), "
        "[s] (a shell bolt in the place of a spout). "
        "Only shell components run without a JVM: ShellComponent, as streamparse sends it, "
        "and what extends ShellBolt or ShellSpout"
    )
