"""A spout of steady rate that measures how long its tuples take, and two bolts that pass them on."""

import time
from typing import ClassVar

from progress import Latencies, Progress
from streamparse import Bolt, Spout

_HOPELESS_NS = 100_000_000


class PacedSpout(Spout):
    """Emits `bench.rate` tuples a second, each when it is due; never sleeps."""

    outputs: ClassVar = ["emitted_ns"]

    def initialize(self, storm_conf, context):
        self.progress = Progress(storm_conf)
        self.latencies = Latencies(storm_conf)
        self.period_ns = 1_000_000_000 // int(storm_conf["bench.rate"])
        self.due_ns = time.monotonic_ns()
        self.emitted_ns = {}
        self.emitted_count = 0

    def next_tuple(self):
        now_ns = time.monotonic_ns()
        if now_ns < self.due_ns:
            return
        # What was missed is made up for, unless it is so much that the burst would be all that is measured.
        self.due_ns = max(self.due_ns, now_ns - _HOPELESS_NS) + self.period_ns
        number = self.emitted_count
        self.emitted_count = number + 1
        self.emitted_ns[number] = now_ns
        self.emit([now_ns], tup_id=number)

    def ack(self, tup_id):
        now_ns = time.monotonic_ns()
        self.latencies.add(now_ns, now_ns - self.emitted_ns.pop(tup_id))
        self.progress.add()

    def deactivate(self):
        self.latencies.write()


class RelayBolt(Bolt):
    """Emits what it gets."""

    outputs: ClassVar = ["emitted_ns"]

    def process(self, tup):
        self.emit([tup.values[0]])


class SinkBolt(Bolt):
    """Takes what it gets."""

    outputs: ClassVar = []

    def process(self, tup):
        pass
