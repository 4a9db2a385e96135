"""A streamparse bolt that raises at the value 3, the first time it sees it."""

from pathlib import Path

from streamparse import Bolt


class RaisingBolt(Bolt):
    """Emits each value again."""

    outputs = ["value"]

    def process(self, tup):
        value = tup.values[0]
        mark = Path(self.storm_conf["test.folder"], "raised")
        if value == 3 and not mark.exists():
            mark.touch()
            raise RuntimeError("three is too much")
        self.emit([value])
