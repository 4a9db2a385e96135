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
import itertools
import json
import random
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

# Behind what is installed, and what make put on the path: it is not the sources that are measured.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from multilang import codec
from scheduler.plan import Container, Instance, PackingPlan
from scheduler.stream.links import FrameSplitter
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
    """Stream managers and the components around them; between two there is a connection over loopback."""

    def __init__(self, split_count: int, count_count: int, *, containers: int = 1) -> None:
        topology = _topology(split_count, count_count)
        instances = [Instance(c.component, task) for c in topology.components for task in c.tasks]
        # Every other task of a bolt is elsewhere, as round-robin packing has it.
        places = [
            tuple(i for i in instances if i.task % containers == c % containers) for c in range(containers)
        ]
        plan = PackingPlan(
            topology.topology_id, 1, tuple(Container(c + 1, place) for c, place in enumerate(places))
        )
        self.managers = [
            StreamManager(topology, plan, c + 1, 5 + c, random.Random(c)) for c in range(containers)
        ]
        self.home = {task: manager for manager in self.managers for task in manager.tasks}
        locals_ = [local for manager in self.managers for local in manager.tasks.values()]
        self.tasks = {name: [t for t in locals_ if t.component == name] for name in _SCRIPTS}
        self.wires = [Wire(*pair) for pair in itertools.permutations(self.managers, 2)]
        self.chunks: list[bytes] = []
        self.message_count = 0
        self.seconds: list[float] = []
        """By chunk."""
        for manager in self.managers:
            for link in manager.links:
                manager.link_up(link, 0.0)
            for task in manager.tasks:
                manager.open(task, {}, "", {})
                manager.receive(task, b'{"pid": 3}\nend\n', 0.0)
            manager.is_active = True
        self._write()

    def close(self) -> None:
        """Close the connections."""
        for wire in self.wires:
            wire.close()

    def run(self) -> None:
        """Count words until all sentences are acked."""
        for first in range(0, _SENTENCES, SENTENCE_CHUNK):
            self._give(_SPOUT, _spoken(first))
            for name in ("split", "count"):
                for local in self.tasks[name]:
                    self._give(local.task, _SCRIPTS[name](local))
        if self.home[_SPOUT].tasks[_SPOUT].live:
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
        self.message_count += self.home[task].receive(task, chunk, 0.0)
        self._write()
        self.seconds.append(process_time() - began)

    def _write(self) -> None:
        """Do what the containers do at the end of a round, but for the system calls of pipes."""
        for manager in self.managers:
            manager.pump(0.0)
            for local in manager.take_dirty(0.0):
                while (data := local.take()) is not None:
                    local.wrote(data, len(data))
                manager.gates.measure(local, 0.0)
            manager.take_notices()
        if sum(wire.carry() for wire in self.wires):
            self._write()


class Wire:
    """The way from one stream manager to another."""

    def __init__(self, source: StreamManager, destination: StreamManager) -> None:
        self._source, self._destination = source, destination
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._out = socket.create_connection(listener.getsockname())
            self._in, _ = listener.accept()
        self._splitter = FrameSplitter()
        self.row_count = 0

    def carry(self) -> bool:
        """Send what waits and let it arrive; return whether there was anything."""
        link = self._source.links[self._destination.container_id]
        if not link.has_news:
            return False
        self.row_count += len(link.rows)
        frame = link.take_frame()
        self._source.gates.measure_link(link, 0.0)
        left = len(frame)
        while left:
            sent = self._out.send(frame[-left:][: 64 * 1024])
            bodies = []
            while sent:
                data = self._in.recv(256 * 1024)
                sent, left = sent - len(data), left - len(data)
                bodies += self._splitter.feed(data)
            for body in bodies:
                self._destination.receive_frame(self._source.container_id, body, 0.0)
        return True

    def close(self) -> None:
        """Close both ends."""
        self._out.close()
        self._in.close()


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
    values["extra_us_per_remote_hop"] = _extra_us(rounds)
    return {"values": values, "details": details}


def _extra_us(rounds: int) -> float:
    """Return what a tuple to another container costs more: both sides, loopback and acks included."""
    totals = []
    remote_count = 0
    for containers in (1, 2):
        seconds = []
        for _ in range(rounds):
            played = Played(2, 2, containers=containers)
            played.run()
            played.close()
            seconds.append(played.seconds)
            remote_count = sum(wire.row_count for wire in played.wires)
        totals.append(_undisturbed(seconds))
    return 1e6 * (totals[1] - totals[0]) / remote_count


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
    print(f"to another container: {measured['values']['extra_us_per_remote_hop']:.1f} µs more a tuple")


if __name__ == "__main__":
    main()
