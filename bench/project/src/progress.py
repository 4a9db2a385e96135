"""What the measured components tell the benchmark, through files in the folder `bench.folder`.

progress        lines of "CLOCK_MONOTONIC seconds, sentences acked so far", four a second
first-tuple     CLOCK_REALTIME seconds of the first tuple at the last bolt
latencies       pairs of int64: CLOCK_MONOTONIC of the ack, time since the emit; both nanoseconds
"""

import time
from array import array
from pathlib import Path

_EVERY_S = 0.25


class Progress:
    """Counts acks; costs a look at the clock each."""

    def __init__(self, conf):
        self.path = Path(conf["bench.folder"], "progress")
        self.count = 0
        self.due = 0.0

    def add(self, acks=1):
        self.count += acks
        now = time.monotonic()
        if now >= self.due:
            self.due = now + _EVERY_S
            with self.path.open("a", encoding="ascii") as file:
                file.write(f"{now} {self.count}\n")


class FirstTuple:
    """Notes when the first tuple came."""

    def __init__(self, conf):
        self.path = Path(conf["bench.folder"], "first-tuple")
        self.is_noted = False

    def note(self):
        if not self.is_noted:
            self.is_noted = True
            self.path.write_text(f"{time.time()}\n", encoding="ascii")


class Latencies:
    """Keeps times in an array, which the garbage collector never looks at; written only in the end."""

    def __init__(self, conf):
        self.path = Path(conf["bench.folder"], "latencies")
        self.pairs = array("q")

    def add(self, now_ns, latency_ns):
        self.pairs.append(now_ns)
        self.pairs.append(latency_ns)

    def write(self):
        part = self.path.with_suffix(".part")
        part.write_bytes(self.pairs.tobytes())
        part.replace(self.path)
