"""A reliable spout: says the same few sentences again and again, and repeats each one that fails.

It never waits. With nothing to say it returns at once, and the host decides when to ask again.
"""

from collections import deque

from streamparse import Spout

SENTENCES = (
    "the heron stands in the shallow water",
    "a fish swims past the heron",
    "the heron waits and the fish waits",
    "the water is still and the reeds are still",
    "then the heron is fast and the fish is gone",
)


class SentenceSpout(Spout):
    """Emits sentence number n with message id n, counted from 0.

    Topology option `word_count.sentences`: how many sentences each task emits; unset means without end.
    """

    outputs = ["sentence"]

    def initialize(self, storm_conf, context):
        limit = storm_conf.get("word_count.sentences")
        self.limit = None if limit is None else int(limit)
        self.emitted_count = 0
        self.acked_count = 0
        self.failed_count = 0
        self.pending = set()
        self.to_repeat = deque()

    def next_tuple(self):
        if self.to_repeat:
            number = self.to_repeat.popleft()
        elif self.limit is None or self.emitted_count < self.limit:
            number = self.emitted_count
            self.emitted_count += 1
        else:
            return
        self.pending.add(number)
        self.emit([SENTENCES[number % len(SENTENCES)]], tup_id=number)

    def ack(self, tup_id):
        self.pending.discard(tup_id)
        self.acked_count += 1
        if self.acked_count == self.limit:
            self.logger.info(
                "all %d sentences were acked, after %d fails", self.acked_count, self.failed_count
            )

    def fail(self, tup_id):
        self.failed_count += 1
        if tup_id in self.pending:
            self.pending.remove(tup_id)
            self.to_repeat.append(tup_id)
