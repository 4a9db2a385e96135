"""storm.thrift against two witnesses: a table of Storm's newest interface, and the IDL inside streamparse.

`storm-interface.tsv` and `storm-interface-diff-streamparse.tsv` beside this file were made from Storm's IDL.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from storm_compat.thrift import idl

HERE = Path(__file__).parent
OUR_TEXT = Path(idl.__file__).with_name("storm.thrift").read_text(encoding="utf-8")


class Item(NamedTuple):
    """One field, enum value or method; empty where the notion does not apply."""

    number: str = ""
    requiredness: str = ""
    type_name: str = ""
    default: str = ""
    args: str = ""
    throws: str = ""

    def __str__(self) -> str:
        return "id={} req={} type={} default={} args=({}) throws=({})".format(*self)


Interface = dict[tuple[str, str, str], Item]  # (kind, owner, name) -> item

# What storm.thrift says differently from the newest Storm; the reasons are at its top.
RESTORED: Interface = {
    ("struct", "ClusterSummary", "nimbus_uptime_secs"): Item("2", "optional", "i32", "0"),
    ("method", "Nimbus", "beginFileDownload"): Item(
        type_name="string", args="1:string file", throws="1:AuthorizationException aze"
    ),
}
# What storm.thrift adds.
OWN: Interface = {
    ("method", "Nimbus", "getRebalancePlan"): Item(
        type_name="string",
        args="1:string name, 2:RebalanceOptions options",
        throws="1:NotAliveException e, 2:InvalidTopologyException ite, 3:AuthorizationException aze",
    ),
}
WITHOUT_DEFAULT = {
    ("struct", "Assignment", "node_host"),
    ("struct", "Assignment", "executor_node_port"),
    ("struct", "Assignment", "executor_start_time_secs"),
    ("struct", "Assignment", "worker_resources"),
    ("struct", "Assignment", "total_shared_off_heap"),
    ("struct", "SupervisorAssignments", "storm_assignment"),
}


def interface_of_table() -> Interface:
    with (HERE / "storm-interface.tsv").open(encoding="utf-8", newline="") as table:
        return {
            (row["kind"], row["owner"], row["name"]): Item(
                row["id"], row["requiredness"], row["type"], row["default"], row["args"], row["throws"]
            )
            for row in csv.DictReader(table, delimiter="\t")
        }


class IdlReader:
    """Reads IDL text by itself: thriftpy2 forgets whether a field said `optional` or nothing."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", " ", text, flags=re.DOTALL)
        self.tokens = re.findall(r'"[^"]*"|-?\d+|\w[\w.]*|[{}()<>,;:=]', text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        assert not expected or token == expected, f"{expected} expected, not {token}"
        self.at += 1
        return token

    def skip(self, *tokens: str) -> None:
        while self.peek() in tokens:
            self.take()

    def interface(self) -> Interface:
        return dict(self.items())

    def items(self) -> Iterator[tuple[tuple[str, str, str], Item]]:
        while kind := self.peek():
            self.take()
            if kind == "namespace":
                self.at += 2
                continue
            owner = self.take()
            self.take("{")
            if self.peek() == "}":
                yield (kind, owner, ""), Item()
            next_value = 0
            while self.peek() != "}":
                if kind == "enum":
                    name = self.take()
                    if self.peek() == "=":
                        self.take()
                        next_value = int(self.take())
                    yield (kind, owner, name), Item(str(next_value), type_name="i32")
                    next_value += 1
                elif kind == "service":
                    yield ("method", owner, self.tokens[self.name_at()]), self.method()
                else:
                    name, item = self.field()
                    yield (kind, owner, name), item
                self.skip(",", ";")
            self.take("}")

    def name_at(self) -> int:
        return self.tokens.index("(", self.at) - 1

    def method(self) -> Item:
        type_name = self.type_name()
        self.take()
        args = self.named_list()
        throws = ""
        if self.peek() == "throws":
            self.take()
            throws = self.named_list()
        return Item(type_name=type_name, args=args, throws=throws)

    def named_list(self) -> str:
        self.take("(")
        parts = []
        while self.peek() != ")":
            name, item = self.field()
            parts.append(f"{item.number}:{item.type_name} {name}")
            self.skip(",")
        self.take(")")
        return ", ".join(parts)

    def field(self) -> tuple[str, Item]:
        number = self.take()
        self.take(":")
        requiredness = self.take() if self.peek() in {"required", "optional"} else "default"
        type_name = self.type_name()
        name = self.take()
        default = ""
        if self.peek() == "=":
            self.take()
            default = self.take()
            if default == "{":
                default += self.take("}")
        return name, Item(number, requiredness, type_name, default)

    def type_name(self) -> str:
        name = self.take()
        if self.peek() == "<":
            self.take()
            parts = [self.type_name()]
            while self.peek() == ",":
                self.take()
                parts.append(self.type_name())
            self.take(">")
            name += f"<{','.join(parts)}>"
        return name


def differences(old: Interface, new: Interface) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for key in old.keys() | new.keys():
        was, is_now = str(old.get(key, "")), str(new.get(key, ""))
        if was != is_now:
            found.add(("changed" if was and is_now else "added" if is_now else "removed", *key, was, is_now))
    return found


def without_map_defaults(interface: Interface) -> Interface:
    dropped = {key for key, item in interface.items() if item.default == "{}"}
    assert dropped <= WITHOUT_DEFAULT
    return {key: item._replace(default="") if key in dropped else item for key, item in interface.items()}


def payload_classes() -> list[Any]:
    storm = idl.load()
    classes = [*storm.__thrift_meta__["structs"], *storm.__thrift_meta__["unions"]]
    classes += storm.__thrift_meta__["exceptions"]
    for service in storm.__thrift_meta__["services"]:
        for method in service.thrift_services:
            classes += [getattr(service, f"{method}_args"), getattr(service, f"{method}_result")]
    return classes


def test_our_idl_is_storms_newest_interface_with_two_items_restored_one_added_and_map_defaults_dropped() -> (
    None
):
    expected = without_map_defaults(interface_of_table()) | RESTORED | OWN
    assert differences(expected, IdlReader(OUR_TEXT).interface()) == set()


def test_our_idl_differs_from_streamparses_only_as_the_table_of_differences_says() -> None:
    thrift = pytest.importorskip("streamparse.thrift")
    with (HERE / "storm-interface-diff-streamparse.tsv").open(encoding="utf-8", newline="") as table:
        rows = [tuple(row) for row in csv.reader(table, delimiter="\t")][1:]
    allowed = {
        tuple(part.replace("default={}", "default=") for part in row)
        for row in rows
        if row[0] != "removed" or row[1:4] not in RESTORED
    }
    theirs = without_map_defaults(IdlReader(thrift._THRIFT_STR).interface())
    assert differences(theirs, IdlReader(OUR_TEXT).interface()) == allowed | {
        ("added", *key, "", str(item)) for key, item in OWN.items()
    }


def test_thriftpy2_reads_every_field_as_the_table_has_it() -> None:
    storm = idl.load()
    expected: dict[str, dict[int, tuple[str, bool]]] = {}
    for (kind, owner, name), item in (interface_of_table() | RESTORED | OWN).items():
        if kind in {"struct", "union", "exception"}:
            fields = expected.setdefault(owner, {})
            if name:
                fields[int(item.number)] = (name, item.requiredness == "required")
    assert {
        owner: {number: (spec[1], spec[-1]) for number, spec in getattr(storm, owner).thrift_spec.items()}
        for owner in expected
    } == expected


def test_thriftpy2_reads_every_enum_value_and_method_as_the_table_has_it() -> None:
    storm = idl.load()
    enums: dict[str, dict[str, int]] = {}
    methods: dict[str, set[str]] = {}
    for (kind, owner, name), item in (interface_of_table() | RESTORED | OWN).items():
        if kind == "enum":
            enums.setdefault(owner, {})[name] = int(item.number)
        elif kind == "method":
            methods.setdefault(owner, set()).add(name)
    assert {owner: getattr(storm, owner)._NAMES_TO_VALUES for owner in enums} == enums
    assert {owner: set(getattr(storm, owner).thrift_services) for owner in methods} == methods
    assert len(methods["Nimbus"]) == 57


def test_no_default_can_be_changed_by_one_instance_for_all_others() -> None:
    defaults = [value for payload in payload_classes() for _, value in payload.default_spec]
    assert {type(value) for value in defaults} == {type(None), int, str}


def test_a_changed_assignment_does_not_show_in_the_next_one() -> None:
    storm = idl.load()
    first = storm.Assignment(master_code_dir="/code")
    assert first.node_host is None
    first.node_host = {"node": "host"}
    assert storm.Assignment(master_code_dir="/code").node_host is None


def test_loading_twice_gives_the_same_classes() -> None:
    assert idl.load().Bolt is idl.load().Bolt


def test_streamparses_classes_and_ours_live_side_by_side() -> None:
    theirs = pytest.importorskip("streamparse.thrift").storm_thrift
    ours = idl.load()
    assert sys.modules["storm_thrift"] is theirs
    assert sys.modules[idl.MODULE_NAME] is ours
    assert theirs.StormTopology is not ours.StormTopology


@pytest.mark.timeout(30)
def test_importing_the_module_does_not_import_thriftpy2() -> None:
    program = "import sys, storm_compat.thrift.idl; sys.exit('thriftpy2' in sys.modules)"
    root = Path(idl.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False, timeout=20).returncode == 0
