"""Components that do what their input tells them, for any library with pystorm's names.

A tuple's first value, and each entry of a spout's script, is a list of acts:

    ["emit", values, {stream, anchors, direct_task, need_task_ids, tup_id}]   ["ack"]   ["fail"]
    ["log", text, level]   ["logger", level, text]   ["metric", name, value]   ["raise", text]
"""

from __future__ import annotations

from types import ModuleType
from typing import Any


class TestFailure(Exception):
    """What a component raises when it is told to."""

    __test__ = False


def classes(library: ModuleType) -> dict[str, type]:
    """Return the components by name, made of the classes of ``library``."""

    class Acts:
        """Carries out acts."""

        def act(self: Any, acts: list[Any], tup: Any = None) -> None:
            for name, *arguments in acts:
                if name == "emit":
                    answer = self.emit(arguments[0], **arguments[1])
                    if answer is not None:
                        self.log(f"task ids {answer}")
                elif name in ("ack", "fail"):
                    getattr(self, name)(tup)
                elif name == "log":
                    self.log(*arguments)
                elif name == "logger":
                    getattr(self.logger, arguments[0])(arguments[1])
                elif name == "metric":
                    self.report_metric(*arguments)
                elif name == "raise":
                    raise TestFailure(arguments[0])
                else:
                    raise AssertionError(f"no such act: {name}")

        def _exit(self, code: int) -> None:
            raise SystemExit(code)

    class Interpreter(Acts, library.Bolt):  # type: ignore[name-defined]
        def process(self, tup: Any) -> None:
            self.log(f"{type(tup).__name__} {tup!r}")
            self.act(tup.values[0], tup)

        def process_tick(self, tup: Any) -> None:
            self.log(f"tick {tup.values!r}")

    class Batching(Acts, library.BatchingBolt):  # type: ignore[name-defined]
        def group_key(self, tup: Any) -> Any:
            return tup.values[1]

        def process_batch(self, key: Any, tups: Any) -> None:
            self.emit([key, len(tups)])
            for tup in tups:
                self.act(tup.values[0], tup)

    class Scripted(Acts, library.Spout):  # type: ignore[name-defined]
        def initialize(self, storm_conf: Any, context: Any) -> None:
            self.script = list(storm_conf["script"])

        def next_tuple(self) -> None:
            if self.script:
                self.act(self.script.pop(0))

        def ack(self, tup_id: Any) -> None:
            self.log(f"ack {tup_id!r}")

        def fail(self, tup_id: Any) -> None:
            self.log(f"fail {tup_id!r}")

        def activate(self) -> None:
            self.log("activate")

        def deactivate(self) -> None:
            self.log("deactivate")

    class Reliable(Acts, library.ReliableSpout):  # type: ignore[name-defined]
        max_fails = 2

        def initialize(self, storm_conf: Any, context: Any) -> None:
            self.script = list(storm_conf["script"])

        def next_tuple(self) -> None:
            if self.script:
                self.act(self.script.pop(0))

    return {kind.__name__: kind for kind in (Interpreter, Batching, Scripted, Reliable)}
