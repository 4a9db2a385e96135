"""Word count as a whole, in this process and in virtual time."""

from streamparse import Spout

from bolts.count import CountBolt
from bolts.split import SplitBolt
from word_count import WordCount


def test_every_word_is_counted(topology):
    words = topology(WordCount, conf={"word_count.sentences": 5})

    words.drain()

    assert len(words["sentence_spout"].acked) == 5
    counts = {}
    for task in words.tasks("count"):
        counts |= task.instance.counts  # a word is always counted by the same task
    assert counts["heron"] == 4
    assert sum(counts.values()) == 39


class Forgetful(SplitBolt):
    """Forgets its first sentence: it neither acks nor fails it."""

    auto_ack = False

    def initialize(self, storm_conf, context):
        self.has_forgotten = False

    def process(self, tup):
        super().process(tup)
        if self.has_forgotten:
            self.ack(tup)
        self.has_forgotten = True


class Once(Spout):
    outputs = ["sentence"]

    def initialize(self, storm_conf, context):
        self.todo = [1]

    def next_tuple(self):
        if self.todo:
            self.emit(["still water"], tup_id=self.todo.pop())

    def fail(self, tup_id):
        self.todo.append(tup_id)


def test_a_sentence_that_nobody_acks_comes_again_after_the_timeout(topology):
    parts = {
        "once": topology.spout(Once),
        "split": topology.bolt(Forgetful, {"once": "shuffle"}),
        "count": topology.bolt(CountBolt, {"split": ["word"]}, par=2),
    }
    lake = topology(parts, conf={"topology.message.timeout.secs": 10})

    lake.run(9)
    assert lake["once"].failed == []
    lake.drain()

    assert lake["once"].failed == [1]
    assert lake["once"].acked == [1]
    assert 10 <= lake.time_s < 12
    assert lake["split"].received == [["still water"], ["still water"]]
