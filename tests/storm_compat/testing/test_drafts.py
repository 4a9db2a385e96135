"""What may be given as a topology."""

import pytest
from streamparse import Grouping, JavaBolt, Topology
from streamparse import Spout as StreamparseSpout

from multilang.client import Bolt, Spout
from multilang.testing import TestingError
from storm_compat.testing.drafts import bolt, draft, spout


class Words(StreamparseSpout):
    outputs = ["word"]


class Plain(Spout):
    pass


class Sink(Bolt):
    pass


class Staged(Topology):
    config = {"a": 1}
    words = Words.spec(par={"prod": 4, "test": 2})


def test_a_streamparse_topology_is_taken_with_its_conf_and_classes():
    given = draft(Staged, environment="prod")
    assert (given.name, given.conf, given.classes) == ("Staged", {"a": 1}, {"words": Words})
    assert given.code.spouts["words"].common.parallelism_hint == 4
    assert draft(Staged, environment="test").code.spouts["words"].common.parallelism_hint == 2


def test_a_parallelism_by_environment_needs_one():
    with pytest.raises(TestingError, match="words has a parallelism for prod, test"):
        draft(Staged)


def test_java_components_are_named():
    class Mixed(Topology):
        words = Words.spec()
        java = JavaBolt.spec(
            full_class_name="a.B", args_list=[], inputs={words: Grouping.SHUFFLE}, outputs=["x"]
        )

    with pytest.raises(TestingError, match="these are none: java"):
        draft(Mixed)


def test_a_description_is_a_topology_as_well():
    given = draft({"s": spout(Plain, ["a"]), "b": bolt(Sink, {"s": ["a"]}, par=3)}, name="lake")
    assert given.name == "lake"
    assert given.code.bolts["b"].common.parallelism_hint == 3
    (grouping,) = given.code.bolts["b"].common.inputs.values()
    assert grouping.fields == ["a"]


@pytest.mark.parametrize(
    ("wrong", "text"), [(Sink, "is no topology"), ({"s": Plain}, "must be made with spout")]
)
def test_anything_else_is_refused(wrong, text):
    with pytest.raises(TestingError, match=text):
        draft(wrong)


def test_an_unknown_grouping_is_met_with_those_there_are():
    with pytest.raises(TestingError, match="no grouping 'shufle': it is one of shuffle, all"):
        draft({"s": spout(Plain, ["a"]), "b": bolt(Sink, {"s": "shufle"})})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: spout(Sink), r"Sink is no spout; say bolt\(...\) if it is a bolt"),
        (lambda: bolt(Words, {"s": "shuffle"}), r"Words is no bolt; say spout\(...\)"),
        (lambda: bolt(3, {}), "3 is an object; give its class, int"),
        (lambda: bolt(Sink, {("s", "other"): "shuffle"}), r"'component:stream', not \('s', 'other'\)"),
    ],
)
def test_a_part_that_cannot_be_is_refused_where_it_is_written(make, reason):
    with pytest.raises(TestingError, match=reason):
        make()
