from __future__ import annotations

from pathlib import Path

import pytest

from storm_compat.errors import InvalidTopology
from storm_compat.java_code import refuse_own_code
from tests.storm_compat.builders import JAVA_OBJECTS, jar

CLASSES = {f"org/x/{path.name}": path.read_bytes() for path in (JAVA_OBJECTS / "storm-2.8.2").glob("*.class")}


def name(inner: str) -> str:
    return f"org.x.AwkwardObjects${inner}"


def test_a_class_that_only_names_a_command_or_prepares_passes(tmp_path: Path) -> None:
    classes = {"a": (name("Split"),), "b": (name("Metered"), name("Split")), "c": ()}
    refuse_own_code(jar(tmp_path / "x.jar", CLASSES), classes)


def test_a_class_that_works_in_java_is_refused_with_its_methods(tmp_path: Path) -> None:
    classes = {"a": (name("Split"),), "b": (name("Sub"), name("Counting"), name("Split"))}
    with pytest.raises(InvalidTopology) as caught:
        refuse_own_code(jar(tmp_path / "x.jar", CLASSES), classes)
    assert str(caught.value) == (
        "Shell components with Java code that only a JVM can run are not supported yet: "
        "[b] (Java class org.x.AwkwardObjects$Counting has its own cleanup, execute). "
        "Move that work into the program that they start"
    )


def test_what_is_not_in_the_jar_or_is_no_jar_passes(tmp_path: Path) -> None:
    classes = {"a": ("org.apache.storm.flux.wrappers.bolts.FluxShellBolt", name("Counting"))}
    refuse_own_code(jar(tmp_path / "x.jar", {}), classes)
    refuse_own_code(jar(tmp_path / "y.jar", {f"org/x/{name('Counting')[6:]}.class": b"none"}), classes)
    (tmp_path / "z.jar").write_bytes(b"none")
    refuse_own_code(tmp_path / "z.jar", classes)
    refuse_own_code(tmp_path / "missing.jar", classes)
