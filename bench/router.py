"""The logic of a stream manager alone: CPU a message, and how many times its decoding that is.

    python bench/router.py [--json] [--rounds N]

A word count whose components are played here: what they would write is made
from the ids that were delivered to them, given to `StreamManager.receive`,
and what the manager wants written is taken and thrown away.  Only the
manager is timed, in chunks as components under load write them.

`cal` is what no router can do without: splitting the same bytes into
messages and decoding each with msgspec.  All rounds do the same, chunk by
chunk; of each chunk the quickest round counts, for both, so that the ratio
hardly depends on the machine or on its load.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from multilang import codec
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.stream.local_task import LocalTask
from scheduler.stream.router import StreamManager
from scheduler.topology import Component, Grouping, GroupingKind, Input, Stream, Topology

SENTENCE_CHUNK = 50
_SENTENCES = 10_000
_WORDS = (
    "the",
    "cow",
    "jumped",
    "over",
    "an",
    "apple",
    "a",
    "day",
    "keeps",
    "doctor",
    "away",
    "four",
    "score",
)
_SPOUT = 1


class Played:
    """A stream manager and the components around it."""

    def __init__(self, split_count: int, count_count: int) -> None:
        topology = _topology(split_count, count_count)
        instances = tuple(Instance(c.component, task) for c in topology.components for task in c.tasks)
        plan = PackingPlan(topology.topology_id, 1, (Container(1, instances),))
        self.manager = manager = StreamManager(topology, plan, 1, 5, random.Random(1))
        self.tasks = {name: [t for t in manager.tasks.values() if t.component == name] for name in _SCRIPTS}
        self.chunks: list[bytes] = []
        self.message_count = 0
        self.seconds: list[float] = []
        """By chunk."""
        for task in manager.tasks:
            manager.open(task, {}, "", {})
            manager.receive(task, b'{"pid": 3}\nend\n', 0.0)
        manager.is_active = True
        self._write()

    def run(self) -> None:
        """Count words until all sentences are acked."""
        for first in range(0, _SENTENCES, SENTENCE_CHUNK):
            self._give(_SPOUT, _spoken(first))
            for name in ("split", "count"):
                for local in self.tasks[name]:
                    self._give(local.task, _SCRIPTS[name](local))
        if self.manager.tasks[_SPOUT].live:
            raise AssertionError("not every sentence was acked")

    def calibrate(self) -> list[float]:
        """Return the seconds that framing and decoding of the same chunks takes, by chunk."""
        decode = codec.decode
        found = []
        for chunk in self.chunks:
            began = process_time()
            for text in chunk.split(b"\nend\n")[:-1]:
                decode(text)
            found.append(process_time() - began)
        return found

    def _give(self, task: int, chunk: bytes) -> None:
        self.chunks.append(chunk)
        began = process_time()
        self.message_count += self.manager.receive(task, chunk, 0.0)
        self._write()
        self.seconds.append(process_time() - began)

    def _write(self) -> None:
        """Do what the container does at the end of a round, but for the system calls."""
        manager = self.manager
        manager.pump(0.0)
        for local in manager.take_dirty(0.0):
            while (data := local.take()) is not None:
                local.wrote(data, len(data))
            manager.gates.measure(local, 0.0)
        manager.take_notices()


def _topology(split_count: int, count_count: int) -> Topology:
    by_word = Grouping(GroupingKind.FIELDS, ("word",))
    components = (
        _component("spout", (), (_SPOUT,), "sentence"),
        _component(
            "split",
            (Input("spout", "default", Grouping(GroupingKind.SHUFFLE)),),
            tuple(range(10, 10 + split_count)),
            "word",
        ),
        _component(
            "count",
            (Input("split", "default", by_word),),
            tuple(range(20, 20 + count_count)),
            "word",
            "count",
        ),
    )
    return Topology("words-1-1", "words", components, {"topology.acker.executors": 1})


def _component(name: str, inputs: tuple[Input, ...], tasks: tuple[int, ...], *fields: str) -> Component:
    return Component(name, name == "spout", ("true",), {"default": Stream(fields)}, inputs, tasks, 1)


def _spoken(first: int) -> bytes:
    """Return what pystorm writes for a chunk of sentences, one for each ``next``."""
    return "".join(_SENTENCE % number + _SYNC for number in range(first, first + SENTENCE_CHUNK)).encode()


def _split(local: LocalTask) -> bytes:
    return "".join(
        "".join(_EMIT % (delivery, f'"{_WORDS[(delivery + index) % len(_WORDS)]}"') for index in range(6))
        + _ACK % delivery
        for delivery in local.pend
    ).encode()


def _count(local: LocalTask) -> bytes:
    return "".join(_EMIT % (delivery, '"word", 17') + _ACK % delivery for delivery in local.pend).encode()


_SENTENCE = (
    '{"command": "emit", "tuple": ["the cow jumped over the moon"], "id": %d, "need_task_ids": false}\nend\n'
)
_SYNC = '{"command": "sync"}\nend\n'
_EMIT = '{"command": "emit", "anchors": ["%d"], "tuple": [%s], "need_task_ids": false}\nend\n'
_ACK = '{"command": "ack", "id": "%d"}\nend\n'
_SCRIPTS: dict[str, Callable[[LocalTask], bytes]] = {"split": _split, "count": _count}


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return the values and details of the benchmark."""
    values: dict[str, float] = {}
    details: dict[str, float] = {}
    for name, task_count in (("narrow", 1), ("wide", 2)):
        logic, cal = [], []
        message_count = 0
        for _ in range(rounds):
            played = Played(task_count, task_count)
            played.run()
            logic.append(played.seconds)
            cal.append(played.calibrate())
            message_count = played.message_count
        details[f"{name}_messages"] = message_count
        values[f"{name}_ns"] = 1e9 * _undisturbed(logic) / message_count
        values[f"{name}_cal_ns"] = 1e9 * _undisturbed(cal) / message_count
        values[f"{name}_ratio"] = values[f"{name}_ns"] / values[f"{name}_cal_ns"]
    return {"values": values, "details": details}


def _undisturbed(rounds: list[list[float]]) -> float:
    """Return the sum over the chunks of the least that each took in any round."""
    return sum(map(min, zip(*rounds, strict=True)))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Time the logic of a stream manager alone.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    measured = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps(measured))
        return
    for name, shape in (("narrow", "1/1/1 tasks"), ("wide", "1/2/2 tasks")):
        values = measured["values"]
        print(
            f"{shape}: {values[f'{name}_ns']:.0f} ns a message, "
            f"{values[f'{name}_ratio']:.2f} cal of {values[f'{name}_cal_ns']:.0f} ns"
        )


if __name__ == "__main__":
    main()
