"""A component in this process does to it what it would do to its own, and no more."""

import logging
import sys
import threading

import pytest

from multilang.testing import TestingError, run


def test_logging_is_as_before_when_it_is_closed(library):
    root, pystorm = logging.getLogger(), logging.getLogger("pystorm")
    before = list(root.handlers), pystorm.level, sys.stdout

    class Quiet(library.Bolt):
        def process(self, tup):
            self.logger.debug("seen")

    with run(Quiet, conf={"pystorm.log.level": "debug"}) as quiet:
        assert root.handlers == before[0]
        assert quiet.send([1]).logged("seen")
    assert (root.handlers, pystorm.level, sys.stdout) == before


def test_two_components_do_not_hear_each_other(library, component):
    class Loud(library.Bolt):
        def process(self, tup):
            logging.getLogger("elsewhere").error("by %s", self.component_name)

    one, other = component(Loud, name="one"), component(Loud, name="other")
    assert [line.text for line in one.send([1]).logs] == ["by one"]
    assert [line.text for line in other.send([1]).logs] == ["by other"]


def test_prints_stay_prints(library, component, capsys):
    class Prints(library.Bolt):
        def process(self, tup):
            print("hello")  # noqa: T201  what this is about

    assert component(Prints).send([1]).errors == []
    assert capsys.readouterr().out == "hello\n"


def test_an_end_of_its_own_is_not_the_end_of_the_tests(library, component):
    class Leaves(library.Bolt):
        def process(self, tup):
            sys.exit(3)

    leaves = component(Leaves)
    leaves.send([1])
    assert leaves.ended == "it called sys.exit(3)"


def test_a_bolt_with_a_thread_of_its_own_leaves_none(library):
    class Batches(library.TicklessBatchingBolt):
        pass

    name = threading.current_thread().name
    with run(Batches):
        assert threading.active_count() == len(threading.enumerate())
    assert [t.name for t in threading.enumerate() if "batcher" in t.name] == []
    assert threading.current_thread().name == name


def test_reading_on_without_a_question_is_an_error(library, component):
    class Greedy(library.Bolt):
        def process(self, tup):
            self.read_message()

    with pytest.raises(TestingError, match="reads on in the middle of a tuple"):
        component(Greedy).send([1])


def test_an_exception_at_the_start_is_the_tests(library):
    class Broken(library.Bolt):
        def initialize(self, conf, context):
            raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"):
        run(Broken)


@pytest.mark.parametrize(
    ("wrong", "reason"), [(int, "is no component"), (3, "is an object; give its class, int, which")]
)
def test_what_is_no_component_is_refused(wrong, reason):
    with pytest.raises(TestingError, match=reason):
        run(wrong)


def test_a_constructor_that_no_runner_could_call_is_explained(library):
    class Odd(library.Bolt):
        def __init__(self, database):
            super().__init__()

    with pytest.raises(TestingError, match="better leave it out and use initialize"):
        run(Odd)
