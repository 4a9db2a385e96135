"""Components on pystorm that use most of what it can say: ``python pystorm_words.py spout|bolt|printing``."""

import sys

from pystorm.bolt import Bolt
from pystorm.spout import Spout


class Words(Bolt):
    """Splits sentences; some words of a sentence ask for more."""

    def initialize(self, storm_conf, context):
        self.logger.info("ready as task %d", context["taskid"])

    def process(self, tup):
        for word in tup.values[0].split(" "):
            match word:
                case "log":
                    self.logger.warning("a sentence of %d letters: übermäßig", len(tup.values[0]))
                case "metric":
                    self.report_metric("letters", {"count": len(tup.values[0])})
                case "direct":
                    self.emit([word, None], stream="others", direct_task=9)
                case "ids":
                    self.emit([word, self.emit([word, -0.0], need_task_ids=True)], anchors=[])
                case "fail":
                    self.fail(tup)
                case "raise":
                    raise ValueError(word)
                case _:
                    self.emit([word, {"length": len(word), "big": 2**63, "is": [True, 1.5e300]}])


class Printing(Bolt):
    """Prints where only the protocol should speak."""

    def process(self, tup):
        print("processing {", tup.values[0])  # noqa: T201  # pystorm does not redirect it
        self.emit([tup.values[0]])


class Numbers(Spout):
    """Emits tuples with ids of all sorts."""

    def initialize(self, storm_conf, context):
        self.ids = [7, "seven", "sieben€", [7, {"a": None}], 2**70, None]

    def next_tuple(self):
        if self.ids:
            self.emit(["nächste", len(self.ids)], tup_id=self.ids.pop(0))

    def ack(self, tup_id):
        self.log(f"acked {tup_id!r}", level="debug")

    def fail(self, tup_id):
        self.emit(["again"], tup_id=tup_id)


if __name__ == "__main__":
    {"spout": Numbers, "bolt": Words, "printing": Printing}[sys.argv[1]]().run()
