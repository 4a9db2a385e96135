"""Components that use what streamparse offers: streams, direct emits, task ids, batches of two kinds."""

import json
from collections import Counter
from pathlib import Path

from streamparse import BatchingBolt, Bolt, ReliableSpout, Stream, TicklessBatchingBolt

SENTENCES = ("the heron waits", "a bad word é", "x y z the")
COUNT = 120


class Sentences(ReliableSpout):
    outputs = ["sentence"]

    def initialize(self, conf, context):
        self.count = 0

    def next_tuple(self):
        if self.count < COUNT:
            self.count += 1
            self.emit([SENTENCES[self.count % 3]], tup_id=self.count)


class Split(Bolt):
    outputs = [
        Stream(fields=["word", "number"]),
        Stream(fields=["word"], name="chosen", direct=True),
        Stream(fields=["word"], name="bad"),
    ]

    def initialize(self, conf, context):
        self.chosen = [int(task) for task, name in context["task->component"].items() if name == "chosen"]

    def process(self, tup):
        for number, word in enumerate(tup.values.sentence.split()):
            assert all(isinstance(task, int) for task in self.emit([word, number], need_task_ids=True))
            self.emit([word], stream="chosen", direct_task=self.chosen[len(word) % len(self.chosen)])
            if word == "bad":
                self.emit([word], stream="bad")


class Batched(BatchingBolt):
    outputs = ["word", "count"]

    def group_key(self, tup):
        return tup.values.word

    def process_batch(self, key, tups):
        self.emit([key, len(tups)])


class Timed(TicklessBatchingBolt):
    outputs = ["word", "count"]
    secs_between_batches = 0.3

    def group_key(self, tup):
        return tup.values.word

    def process_batch(self, key, tups):
        self.emit([key, len(tups)])


class Written(Bolt):
    """Adds up, and writes the sums to a file of its task."""

    outputs = []

    def initialize(self, conf, context):
        self.sums = Counter()
        self.path = Path(conf["everything.folder"]) / f"{self.component_name}-{self.task_id}.json"

    def process(self, tup):
        self.sums[tup.values.word] += tup.values[1] if len(tup.values) > 1 else 1
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.sums))
        part.rename(self.path)  # whoever reads sees it whole
