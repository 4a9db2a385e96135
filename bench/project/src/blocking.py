"""Word count at nearly the cost of storm.py: tests/children/blocking_child.py, with acks counted.

The benchmark makes copies of this file, blocking_spout.py and so on, whose names tell what they run.
"""

from pathlib import Path

import blocking_child
from progress import Progress


class CountingSpout(blocking_child.SentenceSpout):
    """Writes down how many sentences were acked."""

    def __init__(self, conf):
        super().__init__(conf)
        self.progress = Progress(conf)

    def handle(self, message):
        super().handle(message)
        if message["command"] == "ack":
            self.progress.add()


ROLES = {"spout": CountingSpout, "split": blocking_child.Split, "count": blocking_child.Count}

if __name__ == "__main__":
    blocking_child.run(ROLES[Path(__file__).stem.rpartition("_")[2]])
