"""What Nimbus would refuse is refused in a test, too."""

import pytest

from multilang.client import Bolt, Spout
from multilang.testing import TestingError


class Words(Spout):
    outputs = ["word"]

    def next_tuple(self):
        self.emit(["a"])


class Sink(Bolt):
    def process(self, tup):
        self.told = self.storm_conf["lake"], self.context["componentid"]


def test_storms_own_words_tell_what_is_wrong(topology):
    parts = {"words": topology.spout(Words), "sink": topology.bolt(Sink, {"words:other": "shuffle"})}
    with pytest.raises(TestingError, match=r"would be refused: .* subscribes from non-existent stream"):
        topology(parts)


def test_a_conf_that_breaks_a_rule_is_refused(topology):
    parts = {"words": topology.spout(Words), "sink": topology.bolt(Sink, {"words": "shuffle"})}
    with pytest.raises(TestingError, match="Field TOPOLOGY_WORKERS must be an Integer"):
        topology(parts, conf={"topology.workers": "two"})


def test_components_are_told_conf_and_context_as_for_real(topology):
    parts = {
        "words": topology.spout(Words),
        "sink": topology.bolt(Sink, {"words": "shuffle"}, conf={"lake": 2}),
    }
    played = topology(parts, conf={"lake": 1})
    played.run(0.01)
    assert played.tasks("sink")[0].instance.told == (2, "sink")


def test_a_topology_of_nothing_is_refused(topology):
    with pytest.raises(TestingError, match=r"would be refused: .* has no spout or bolt"):
        topology({})
