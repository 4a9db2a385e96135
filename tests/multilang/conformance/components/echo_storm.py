"""An echo and a spout on Storm's storm.py: ``python echo_storm.py FOLDER bolt|spout``."""

import sys

sys.path.insert(0, sys.argv[1])

import storm


class Echo(storm.BasicBolt):
    """Emits each tuple's values."""

    def process(self, tup):
        if tup.values == ["raise"]:
            raise ValueError("as told")
        storm.emit(tup.values)


class Numbers(storm.Spout):
    """Counts."""

    count = 0

    def nextTuple(self):  # noqa: N802  Storm's name
        self.count += 1
        storm.emit([self.count], id=self.count)


{"bolt": Echo, "spout": Numbers}[sys.argv[2]]().run()
