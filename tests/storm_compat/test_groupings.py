from __future__ import annotations

from typing import Any

import pytest

from scheduler.topology import Grouping, GroupingKind
from storm_compat.groupings import NoGrouping, grouping
from storm_compat.thrift import idl
from tests.storm_compat.builders import JAVA_OBJECTS
from tests.storm_compat.builders import grouping as wire


def sample(version: str, name: str) -> Any:
    data = (JAVA_OBJECTS / f"storm-{version}" / f"{name}.ser").read_bytes()
    return wire("custom_serialized", data)


def made(name: str, *arguments: Any) -> Any:
    return wire("custom_object", idl.load().JavaObject(name, list(arguments)))


@pytest.mark.parametrize("version", ["0.10.2", "1.2.4", "2.0.0", "2.8.2"])
def test_partial_key_of_every_version_is_read_with_its_fields(version: str) -> None:
    kind, word = GroupingKind.PARTIAL_KEY, "CUSTOM_SERIALIZED"
    assert grouping(sample(version, "partial"), ["x"]) == Grouping(kind, (), word)
    assert grouping(sample(version, "partial-fields"), ["b", "x", "a"]) == Grouping(kind, ("a", "b"), word)


def test_partial_key_on_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(NoGrouping, match=r"on non-existent fields: \[b\]"):
        grouping(sample("2.8.2", "partial-fields"), ["a"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org.apache.storm.grouping.PartialKeyGrouping", GroupingKind.PARTIAL_KEY),
        ("org.apache.storm.grouping.ShuffleGrouping", GroupingKind.SHUFFLE),
        ("org.apache.storm.trident.partition.GlobalGrouping", GroupingKind.GLOBAL),
    ],
)
def test_storms_own_groupings_are_known_by_name(name: str, kind: GroupingKind) -> None:
    assert grouping(made(name), ["a"]) == Grouping(kind, (), "CUSTOM_OBJECT")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (made("org.G"), r"Java code \(class org.G\); that is not supported yet"),
        (made("org.apache.storm.grouping.PartialKeyGrouping", 1), "made with arguments"),
        (wire("custom_serialized", b"\xac\xed"), "cannot be read"),
        (sample("2.8.2", "text"), "no Java object"),
        (sample("2.8.2", "split"), r"class AwkwardObjects\$Split"),
    ],
)
def test_others_are_refused_with_the_reason(given: Any, text: str) -> None:
    with pytest.raises(NoGrouping, match=text):
        grouping(given, ["a"])
