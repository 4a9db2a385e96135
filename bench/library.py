"""The component library against pystorm: the same classes, as real children, one library after the other.

    this process --inputs--> streamparse_run, CPU clock of the child --> all outputs

What is measured is the child alone; who feeds it never lets it wait.  An input
counts as done when its ack, or a spout's sync, was read.  Both libraries get
their turn in every round; values are medians of the rounds.

Outputs are read each millisecond, as a container does under load, and once
more at once, as Storm's thread for each component does.  The latter wakes the
reader up with each write, which the writer pays for: pystorm, that is.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.cases import Measured, Pace, percentile
from bench.cluster import BenchError
from multilang import standin
from multilang.framing import END

LIBRARIES = ("pystorm", "ours")
_PROCESS_CLOCK = 2
_READ_BYTES = 1 << 20
_READ_EVERY_S = 0.001  # as `scheduler.stream.polling`
_WITHIN_S = 120.0
_WARM_UP_COUNT = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of bench/project/src/plain.py, and what it is fed."""

    script: str
    answer: bytes
    """Comes once for each input, and in nothing else."""

    values: tuple[str, ...] = ()
    """Bolts: what the tuples hold, in turn."""

    def inputs(self, count: int) -> bytes:
        """Return so many messages."""
        if not self.values:
            return (b'{"command":"next","id":""}' + END) * count
        texts = [json.dumps([value]).encode() for value in self.values]
        prefix = b'{"comp":"spout","stream":"default","task":1,"id":"%d","tuple":%b}' + END
        return b"".join(prefix % (number, texts[number % len(texts)]) for number in range(count))


KINDS = {
    "split": Kind("plain.Split", b'"ack"', ("the cow jumped over the moon tonight",)),
    "count": Kind("plain.Count", b'"ack"', ("the", "cow", "jumped", "over", "moon")),
    "next": Kind("plain.Sentences", b'"sync"'),
}


@dataclass(slots=True)
class _Runs:
    """What the rounds of one library brought, by name of the value."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.values[name])


def library(sources: Path, pace: Pace) -> Measured:
    """Return CPU an input, latency of a lone tuple and memory of both libraries, and their ratios."""
    runs = {name: _Runs() for name in LIBRARIES}
    before = machine.sample([])
    for _ in range(pace.library_rounds):
        for kind_name, kind in KINDS.items():
            for name in LIBRARIES:
                with _child(sources, kind, name) as child:
                    child.feed(_WARM_UP_COUNT, _READ_EVERY_S)
                    for suffix, every_s in (("", _READ_EVERY_S), ("_at_once", 0.0)):
                        began_s = child.cpu_s
                        child.feed(pace.library_inputs, every_s)
                        cpu_us = 1e6 * (child.cpu_s - began_s) / pace.library_inputs
                        runs[name].add(f"{kind_name}{suffix}_us", cpu_us)
                    if kind_name == "split":
                        runs[name].add("rss_mib", child.memory_mib("Rss"))
                        runs[name].add("anon_mib", child.memory_mib("Anonymous"))
                        runs[name].add("lone_us", 1e6 * child.lone_s(pace.library_lone))
    window = machine.Window(before, machine.sample([]))
    values = {}
    for name in runs["ours"].values:
        ours, theirs = runs["ours"].median(name), runs["pystorm"].median(name)
        what = name.rpartition("_")[0]
        values |= {name: ours, f"pystorm_{name}": theirs, f"{what}_ratio": ours / theirs}
    return Measured(values, window.foreign_cores, {name: of.values for name, of in runs.items()})


class Child:
    """One component, and both ends of its pipes."""

    def __init__(self, process: subprocess.Popen[bytes], kind: Kind) -> None:
        self._process = process
        self._kind = kind
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin.fileno(), process.stdout.fileno()
        self._end = b""
        """Of what was read: an answer may lie across two reads."""

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU that it has used."""
        return time.clock_gettime_ns((~self._process.pid << 3) | _PROCESS_CLOCK) / 1e9

    def memory_mib(self, name: str) -> float:
        """Return a line of its smaps_rollup."""
        text = (machine.PROC / str(self._process.pid) / "smaps_rollup").read_text()
        (line,) = (line for line in text.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) / 1024

    def feed(self, count: int, every_s: float) -> None:
        """Give it so many inputs at once, read what it says every so often, return when all are answered.

        Raises:
            BenchError: it ended, or took too long.
        """
        unsent = memoryview(self._kind.inputs(count))
        deadline = time.monotonic() + _WITHIN_S
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdin, selectors.EVENT_WRITE)
            selector.register(self._stdout, selectors.EVENT_READ)
            while count > 0:
                if time.monotonic() > deadline:
                    raise BenchError(f"{self._kind.script} left {count} inputs unanswered")
                for key, _ in selector.select(1.0):
                    if key.fd == self._stdin:
                        unsent = unsent[os.write(self._stdin, unsent) :]
                        if not unsent:
                            selector.unregister(self._stdin)
                    else:
                        count -= self._read()
                if every_s:
                    time.sleep(every_s)

    def lone_s(self, count: int) -> float:
        """Return the median time from a tuple to its ack, one at a time, in seconds."""
        os.set_blocking(self._stdin, True)
        os.set_blocking(self._stdout, True)
        taken = []
        one = self._kind.inputs(1)
        for _ in range(count):
            began = time.perf_counter()
            os.write(self._stdin, one)
            while not self._read():
                pass
            taken.append(time.perf_counter() - began)
        return percentile(sorted(taken), 50)

    def _read(self) -> int:
        """Return how many answers came with the next read."""
        data = os.read(self._stdout, _READ_BYTES)
        if not data:
            raise BenchError(f"{self._kind.script} ended with code {self._process.wait()}")
        seen = self._end + data
        self._end = seen[-(len(self._kind.answer) - 1) :]
        return seen.count(self._kind.answer)


@contextmanager
def _child(sources: Path, kind: Kind, name: str) -> Iterator[Child]:
    """Start a component on a library, shake hands, and end it afterwards."""
    runner = Path(sys.executable).with_name("streamparse_run")
    found = str(runner) if runner.exists() else shutil.which("streamparse_run")
    if found is None:
        raise BenchError("there is no streamparse_run. Run this as: make bench")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    if name == "ours":
        environment |= standin.environment(environment)
    process = subprocess.Popen(
        [found, f"-s json {kind.script}"],
        cwd=sources,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        with tempfile.TemporaryDirectory() as pid_dir:
            assert process.stdin is not None
            process.stdin.write(json.dumps(_handshake(pid_dir)).encode() + END)
            process.stdin.flush()
            child = Child(process, kind)
            child.feed(1, 0.0)
            yield child
    finally:
        process.kill()
        process.communicate()


def _handshake(pid_dir: str) -> dict[str, object]:
    return {
        "conf": {"topology.name": "bench"},
        "pidDir": pid_dir,
        "context": {
            "taskid": 2,
            "componentid": "component",
            "task->component": {"1": "spout", "2": "component"},
            "source->stream->fields": {"spout": {"default": ["value"]}},
        },
    }
