"""Word count on Storm's own storm.py, which stands beside this file when it was given with --storm-py.

The benchmark makes copies of this file, stormpy_spout.py and so on, whose names tell what they run.
"""

from collections import Counter
from pathlib import Path

import storm
from progress import Progress
from sentences import SENTENCES


class SentenceSpout(storm.Spout):
    """Emits sentence number n with message id n."""

    def initialize(self, conf, context):
        self.progress = Progress(conf)
        self.emitted_count = 0

    def nextTuple(self):  # noqa: N802  storm.py's name
        number = self.emitted_count
        self.emitted_count = number + 1
        storm.emit([SENTENCES[number % len(SENTENCES)]], id=number)

    def ack(self, id):  # noqa: A002  storm.py's name
        self.progress.add()


class SplitBolt(storm.BasicBolt):
    """Emits each word."""

    def process(self, tup):
        for word in tup.values[0].split(" "):
            storm.emit([word])


class CountBolt(storm.BasicBolt):
    """Emits each word with its count."""

    def initialize(self, conf, context):
        self.counts = Counter()

    def process(self, tup):
        word = tup.values[0]
        self.counts[word] += 1
        storm.emit([word, self.counts[word]])


ROLES = {"spout": SentenceSpout, "split": SplitBolt, "count": CountBolt}

if __name__ == "__main__":
    ROLES[Path(__file__).stem.rpartition("_")[2]]().run()
