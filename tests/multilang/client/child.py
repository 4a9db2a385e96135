"""Components for test_standin.py: ``python child.py KIND`` with either library on the path as pystorm."""

import logging
import os
import subprocess
import sys
import time

from pystorm import Bolt, Spout, TicklessBatchingBolt


class Printing(Bolt):
    """Prints, by itself and by a program that it starts."""

    def process(self, tup):
        print("hello", tup.values[0])  # noqa: T201  the point of it
        subprocess.run(["echo", "from another program"], check=True)
        self.emit([tup.values[0]])


class Logging(Bolt):
    """Logs to stdout, as many programs do, and gives it to a program that it starts."""

    def initialize(self, conf, context):
        logging.basicConfig(stream=sys.stdout)
        logging.getLogger().addHandler(logging.StreamHandler(sys.stdout))

    def process(self, tup):
        logging.getLogger("own").warning(tup.values[0])
        subprocess.run(["echo", "from another program"], check=True, stdout=sys.stdout)


class Forking(Bolt):
    """Emits, then has a child of its own say that it is there."""

    def process(self, tup):
        self.emit([tup.values[0]])
        if tup.values[0] == "fork" and not (pid := os.fork()):
            self.log("the child")
            os._exit(0)
        elif tup.values[0] == "fork":
            os.waitpid(pid, 0)


class Slow(Bolt):
    """Emits, then takes its time."""

    def process(self, tup):
        self.emit([tup.values[0]])
        time.sleep(tup.values[1])


class Busy(Bolt):
    """Emits, then computes for a while."""

    def process(self, tup):
        self.emit([tup.values[0]])
        end = time.process_time() + tup.values[1]
        while time.process_time() < end:
            pass


class Raising(Bolt):
    """Raises on the word raise, leaves on the word leave."""

    def process(self, tup):
        self.emit([tup.values[0]])
        if tup.values[0] == "raise":
            raise ValueError("as told")
        if tup.values[0] == "leave":
            sys.exit(7)


class Blocking(Spout):
    """Emits how often it was asked; waits, computes or raises before, as long as the conf says."""

    exit_on_exception = False

    def initialize(self, conf, context):
        self.conf = conf
        self.asked_count = 0

    def next_tuple(self):
        self.asked_count += 1
        time.sleep(self.conf.get("sleep", 0))
        end = time.process_time() + self.conf.get("compute", 0)
        while time.process_time() < end:
            pass
        if self.conf.get("raise"):
            raise ValueError(self.asked_count)
        self.emit([self.asked_count])

    def ack(self, tup_id):
        time.sleep(self.conf.get("sleep_in_ack", 0))
        self.emit(["acked", tup_id])


class Many(Spout):
    """Emits a lot at once."""

    def next_tuple(self):
        for number in range(20_000):
            self.emit([number, "x" * 50])


class Tickless(TicklessBatchingBolt):
    """Counts groups in a thread of its own; the word raise ends it."""

    secs_between_batches = 0.05

    def group_key(self, tup):
        return tup.values[0]

    def process_batch(self, key, tups):
        if key == "raise":
            raise ValueError("in the thread")
        self.emit([key, len(tups)])


class Threads(Bolt):
    """Emits from a thread of its own while it waits for input."""

    def initialize(self, conf, context):
        import threading

        threading.Thread(target=self.talk, daemon=True).start()

    def talk(self):
        for number in range(5):
            time.sleep(0.01)
            self.emit([number], anchors=[])

    def process(self, tup):
        self.emit([tup.values[0]])


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    globals()[sys.argv[1]]().run()
