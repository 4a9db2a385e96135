"""More than can be done: see topologies/flood.py."""

import time
from typing import ClassVar

from progress import Progress
from streamparse import Bolt, Spout

_FAN = 20
_SLOW_S = 0.0002


class FloodSpout(Spout):
    """Emits without a message id, whenever it is asked."""

    outputs: ClassVar = ["text"]

    def next_tuple(self):
        self.emit(["x" * 100])


class FanBolt(Bolt):
    """Emits each tuple twenty times, unanchored."""

    outputs: ClassVar = ["text"]
    auto_anchor = False

    def process(self, tup):
        for _ in range(_FAN):
            self.emit([tup.values[0]])


class SlowBolt(Bolt):
    """Sleeps for 0.2 ms a tuple."""

    outputs: ClassVar = []

    def initialize(self, storm_conf, context):
        self.progress = Progress(storm_conf)

    def process(self, tup):
        time.sleep(_SLOW_S)
        self.progress.add()
