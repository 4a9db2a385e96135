"""A streamparse spout and bolt that note what they get, to be run with ``-s msgpack``."""

import json
import os
import time
from pathlib import Path

from streamparse import Bolt, Spout


def note(part, **facts):
    path = Path(part.storm_conf["test.folder"], f"{part.component_name}-{part.task_id}.jsonl")
    with path.open("ab", buffering=0) as file:
        file.write((json.dumps({**facts, "at": time.monotonic(), "pid": os.getpid()}) + "\n").encode())


class PackingSpout(Spout):
    """Emits each value of the setting `test.values` with its index as id."""

    outputs = ["value"]

    def initialize(self, conf, context):
        self.waiting = list(enumerate(conf["test.values"]))

    def next_tuple(self):
        if self.waiting:
            number, value = self.waiting.pop(0)
            self.emit([value], tup_id=number)

    def ack(self, tup_id):
        note(self, what="ack", id=tup_id)


class PackingBolt(Bolt):
    """Emits each value again, and a value of bytes beside it."""

    outputs = ["value"]

    def process(self, tup):
        note(self, what="tuple", values=list(tup.values))
        self.emit([tup.values[0], b"\x00\xff"])
