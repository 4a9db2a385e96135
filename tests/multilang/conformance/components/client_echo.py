"""An echo and a spout on pystorm's names: ``python client_echo.py LIBRARY bolt|spout``."""

import importlib
import sys

library = importlib.import_module(sys.argv[1])


class Echo(library.Bolt):
    """Emits each tuple's values; waits for the task ids of every second one."""

    count = 0

    def process(self, tup):
        self.count += 1
        if list(tup.values) == ["raise"]:
            raise ValueError("as told")
        self.emit(list(tup.values), need_task_ids=self.count % 2 == 1)


class Numbers(library.Spout):
    """Counts."""

    count = 0

    def next_tuple(self):
        self.count += 1
        self.emit([self.count], tup_id=self.count, need_task_ids=self.count % 2 == 1)


{"bolt": Echo, "spout": Numbers}[sys.argv[2]]().run()
