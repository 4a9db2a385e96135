"""The components that libraries are compared with: nothing in them but what the library is for."""

from collections import Counter
from typing import ClassVar

from sentences import SENTENCES
from streamparse import Bolt, Spout


class Sentences(Spout):
    """Emits sentence number n with message id n."""

    outputs: ClassVar = ["sentence"]

    def initialize(self, storm_conf, context):
        self.count = 0

    def next_tuple(self):
        self.count += 1
        self.emit([SENTENCES[self.count % len(SENTENCES)]], tup_id=self.count)


class Split(Bolt):
    """Emits each word."""

    outputs: ClassVar = ["word"]

    def process(self, tup):
        for word in tup.values[0].split():
            self.emit([word])


class Count(Bolt):
    """Emits each word with its count."""

    outputs: ClassVar = ["word", "count"]

    def initialize(self, storm_conf, context):
        self.counts = Counter()

    def process(self, tup):
        word = tup.values[0]
        self.counts[word] += 1
        self.emit([word, self.counts[word]])
