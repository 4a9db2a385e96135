"""Word count on streamparse, which is pystorm: one message per emit, one flush per message."""

from collections import Counter
from typing import ClassVar

from progress import FirstTuple, Progress
from sentences import SENTENCES
from streamparse import Bolt, Spout


class SentenceSpout(Spout):
    """Emits sentence number n with message id n; with `bench.sentences`, so many and then nothing."""

    outputs: ClassVar = ["sentence"]

    def initialize(self, storm_conf, context):
        self.progress = Progress(storm_conf)
        self.limit = storm_conf.get("bench.sentences")
        self.emitted_count = 0

    def next_tuple(self):
        number = self.emitted_count
        if self.limit is None or number < self.limit:
            self.emitted_count = number + 1
            self.emit([SENTENCES[number % len(SENTENCES)]], tup_id=number)

    def ack(self, tup_id):
        self.progress.add()


class SplitBolt(Bolt):
    """Emits each word, anchored to its sentence."""

    outputs: ClassVar = ["word"]

    def process(self, tup):
        for word in tup.values[0].split(" "):
            self.emit([word])


class CountBolt(Bolt):
    """Emits each word with its count; nobody listens."""

    outputs: ClassVar = ["word", "count"]

    def initialize(self, storm_conf, context):
        self.first = FirstTuple(storm_conf)
        self.counts = Counter()

    def process(self, tup):
        word = tup.values[0]
        self.counts[word] += 1
        self.first.note()
        self.emit([word, self.counts[word]])
