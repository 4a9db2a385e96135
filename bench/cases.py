"""What is measured: each case takes a running cluster and returns its values by name.

    start        a fresh cluster each time, until the first tuple is at the last bolt, and down again
    idle         a topology whose spout has nothing to say: memory, and the CPU of waiting
    word count   spout -> split -> count under full load: rate, and what the engine costs beside components
    library      our component library against pystorm, child by child: `bench.library`
    pipes        components that answer by heart, so that the container is the limit: its CPU a message
    latency      spout -> b1 -> b2 at a steady rate: how long until the spout has the ack
    nimbus       calls and submissions, with many topologies that do not run: `bench.nimbus`
    flood        more than can be done: does the engine's memory grow?
    router       the stream manager's logic alone, in a process of its own

A window is opened by one look at all processes and closed by another; both
must find the same processes, else a component was started anew and the
figures mean nothing.  `bench.figures` says what the values should be.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.cluster import BenchError, Cluster, Submitted
from scheduler.config import StreamConfig
from scheduler.stream import is_compiled

HOPS_PER_SENTENCE = 7.4
"""Tuples delivered to a component: the sentence, and 6.4 words."""

SCRIPTED_MESSAGES = 21
"""Of one sentence by bench/project/src/scripted.py: 2 of the spout, 7 of split, 6 times 2 of count."""

PIPES_WINDOWS = 5

LATENCY_RATE_PER_S = 500
_LOOK_S = 0.25
_SETTLE_S = 3.0
"""Until a spout with nothing to say has its longest pause, and the processes are done with starting."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to look."""

    warm_up_s: float = 5.0
    window_s: float = 15.0
    latency_s: float = 20.0
    idle_s: float = 10.0
    flood_s: float = 20.0
    starts: int = 3
    router_rounds: int = 5
    nimbus_calls: int = 2000
    library_rounds: int = 3
    library_inputs: int = 20_000
    library_lone: int = 2000


QUICK = Pace(
    warm_up_s=2.0,
    window_s=5.0,
    latency_s=6.0,
    idle_s=3.0,
    flood_s=8.0,
    starts=1,
    router_rounds=2,
    nimbus_calls=500,
    library_rounds=1,
    library_inputs=5000,
    library_lone=500,
)


@dataclass(slots=True)
class Measured:
    """What a case found."""

    values: dict[str, float] = field(default_factory=dict)
    foreign_cores: float | None = None
    """The rest of the machine during the window; None where there was none."""

    details: dict[str, object] = field(default_factory=dict)


def start(make_cluster: Callable[[str], Cluster], pace: Pace) -> Measured:
    """Start a cluster, submit, wait for the first tuple, kill, stop; medians of several times."""
    runs: list[dict[str, float]] = []
    before = machine.sample([])
    for index in range(pace.starts):
        cluster = make_cluster(f"start-{index}")
        try:
            ready_s = cluster.start()
            submitted = cluster.submit("words")
            cluster.wait_for(submitted, "first-tuple")
            first_at = float((submitted.folder / "first-tuple").read_text())
            killed_s = cluster.kill(submitted)
        finally:
            stopped_s = cluster.stop()
        runs.append(
            {
                "ready_s": ready_s,
                "submit_s": submitted.returned_at - submitted.called_at,
                "first_tuple_s": first_at - submitted.returned_at,
                "submit_to_first_tuple_s": first_at - submitted.called_at,
                "kill_s": killed_s,
                "stop_s": stopped_s,
            }
        )
    values = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    window = machine.Window(before, machine.sample([]))
    return Measured(values, window.foreign_cores, {"runs": runs})


def idle(cluster: Cluster, pace: Pace) -> Measured:
    """Memory of the engine with one container, and its CPU while nothing is to be done."""
    submitted = cluster.submit("words", sentences=5)
    cluster.wait_for(submitted, "first-tuple")
    time.sleep(_SETTLE_S)
    window = _window(cluster, pace.idle_s)
    engine = [p for p in window.before.cpu_s if p.role in machine.ENGINE]
    memory = machine.memory_mib(engine)
    children = machine.memory_mib([p for p in window.before.cpu_s if p.role == "component"])
    cluster.kill(submitted)
    return Measured(
        {
            "rss_mib": sum(one["rss"] for one in memory.values()),
            "container_mib": memory["container"]["rss"],
            "pss_mib": sum(one["pss"] for one in memory.values()),
            "cpu_percent": 100 * window.cpu_s(*machine.ENGINE) / window.seconds,
        },
        window.foreign_cores,
        {"memory_mib": memory, "memory_children_mib": children, "cpu_s": window.cpu_s_by_label()},
    )


def word_count(
    cluster: Cluster,
    pace: Pace,
    *,
    file: str = "words",
    environment: str = "narrow",
    containers: int = 1,
    is_accelerated: bool = False,
) -> Measured:
    """Rate and cost of a word count that has all it can eat."""
    submitted = cluster.submit(
        file, environment=environment, containers=containers, is_accelerated=is_accelerated
    )
    cluster.wait_for(submitted, "progress")
    time.sleep(pace.warm_up_s)
    window = _window(cluster, pace.window_s)
    memory = machine.memory_mib([p for p in window.before.cpu_s if p.role in machine.ENGINE])
    sentences = _sentences(submitted, window)
    cluster.kill(submitted)
    engine_s, children_s = window.cpu_s(*machine.ENGINE), window.cpu_s("component")
    rate = sentences / window.seconds
    limit = machine.core_count() / (children_s / sentences)
    return Measured(
        {
            "sentences_per_s": rate,
            "engine_to_children": engine_s / children_s,
            "engine_us_per_hop": 1e6 * engine_s / sentences / HOPS_PER_SENTENCE,
            "children_us_per_sentence": 1e6 * children_s / sentences,
            "all_us_per_sentence": 1e6 * (engine_s + children_s) / sentences,
            "engine_cores": engine_s / window.seconds,
            "child_bound_limit_per_s": limit,
            "to_child_bound_limit": rate / limit,
            "rss_mib": sum(one["rss"] for one in memory.values()),
        },
        window.foreign_cores,
        {"sentences": sentences, "seconds": window.seconds, "cpu_s": window.cpu_s_by_label()},
    )


def flood(cluster: Cluster, pace: Pace) -> Measured:
    """Memory of the engine and the queue of a slow bolt, while a spout without limit feeds an amplifier."""
    submitted = cluster.submit("flood")
    cluster.wait_for(submitted, "progress")
    engine = [p for p in cluster.processes() if p.role in machine.ENGINE]
    memory_mib, queued_bytes = [], []
    before = machine.sample(cluster.processes())
    while time.monotonic() < before.at + pace.flood_s:
        # First what makes nimbus load the page.
        queued_bytes.append(cluster.gauge("heronry_component_queued_bytes", submitted, "slow"))
        memory_mib.append(sum(one["rss"] for one in machine.memory_mib(engine).values()))
        time.sleep(_LOOK_S)
    window = machine.Window(before, machine.sample(cluster.processes()))
    taken = _sentences(submitted, window)
    cluster.kill(submitted)
    return Measured(
        {
            "growth_mib": max(memory_mib) - memory_mib[0],
            "queued_to_mark": max(queued_bytes) / StreamConfig().high_mark_bytes,
            "tuples_per_s": taken / window.seconds,
        },
        window.foreign_cores,
        {"memory_mib": memory_mib, "queued_bytes": queued_bytes},
    )


def latency(cluster: Cluster, pace: Pace) -> Measured:
    """Time from emit to ack at a steady rate, as the spout sees it."""
    submitted = cluster.submit("paced", rate=LATENCY_RATE_PER_S)
    cluster.wait_for(submitted, "progress")
    time.sleep(pace.warm_up_s)
    window = _window(cluster, pace.latency_s)
    cluster.heronry("deactivate", submitted.name)
    cluster.wait_for(submitted, "latencies")
    taken = _latencies_ms(submitted.folder / "latencies", window)
    cluster.kill(submitted)
    if len(taken) < 1000:
        raise BenchError(f"only {len(taken)} tuples were acked in the window")
    return Measured(
        {
            "p50_ms": percentile(taken, 50),
            "p99_ms": percentile(taken, 99),
            "p999_ms": percentile(taken, 99.9),
            "engine_cores": window.cpu_s(*machine.ENGINE) / window.seconds,
            "tuples_per_s": len(taken) / window.seconds,
        },
        window.foreign_cores,
        {"tuples": len(taken), "max_ms": taken[-1], "cpu_s": window.cpu_s_by_label()},
    )


def mean(one: Measured, other: Measured) -> Measured:
    """Return the mean of two runs of a case; of the noise the larger."""
    values = {name: (value + other.values[name]) / 2 for name, value in one.values.items()}
    noise = [m.foreign_cores for m in (one, other) if m.foreign_cores is not None]
    return Measured(values, max(noise, default=None), {"runs": [one.details, other.details]})


def pipes(cluster: Cluster, pace: Pace) -> Measured:
    """CPU of a whole container a message, against framing and decoding of messages like those.

    The components answer by heart and in large batches, so that it is the
    container that costs, and not that it is woken for single messages.
    """
    values: dict[str, float] = {}
    details: dict[str, object] = {}
    noise: list[float] = []
    bare = router(pace).values
    for environment in ("narrow", "wide"):
        submitted = cluster.submit("scripted", environment=environment)
        cluster.wait_for(submitted, "progress")
        time.sleep(pace.warm_up_s)
        windows = [_window(cluster, pace.window_s / PIPES_WINDOWS) for _ in range(PIPES_WINDOWS)]
        found = [(_message_ns(submitted, window), window) for window in windows]
        cluster.kill(submitted)
        # The rest of the machine can only make batches smaller, and so messages dearer.
        ns, window = min(found, key=lambda pair: pair[0])
        values[f"{environment}_ns"] = ns
        values[f"{environment}_ratio"] = ns / bare[f"{environment}_cal_ns"]
        details[environment] = {
            "ns": [ns for ns, _ in found],
            "cal_ns": bare[f"{environment}_cal_ns"],
            "cpu_s": window.cpu_s_by_label(),
            "seconds": window.seconds,
        }
        noise.append(window.foreign_cores)
    return Measured(values, max(noise), details)


def router(pace: Pace) -> Measured:
    """The stream manager's logic, against framing and decoding of the same messages."""
    measured = _router(pace, dict(os.environ))
    if is_compiled():
        # Also as it is where nobody compiled it.
        interpreted = _router(
            pace, {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        )
        for name in ("narrow_ns", "narrow_ratio", "wide_ns", "wide_ratio"):
            measured.values[f"interpreted_{name}"] = interpreted.values[name]
    return measured


def _router(pace: Pace, environment: dict[str, str]) -> Measured:
    script = Path(__file__).with_name("router.py")
    command = [sys.executable, str(script), "--json", "--rounds", str(pace.router_rounds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"bench/router.py ended with code {done.returncode}: {done.stderr.strip()}")
    return Measured(**json.loads(done.stdout))


def _window(cluster: Cluster, seconds: float) -> machine.Window:
    """Return what a cluster did for so many seconds from now.

    Raises:
        BenchError: a process ended or was started meanwhile.
    """
    processes = cluster.processes()
    before = machine.sample(processes)
    time.sleep(seconds)
    try:
        after = machine.sample(processes)
    except OSError as exc:
        raise BenchError("a process of the cluster ended while it was measured") from exc
    if cluster.processes() != processes:
        raise BenchError("a process of the cluster was started or ended while it was measured")
    return machine.Window(before, after)


def _message_ns(submitted: Submitted, window: machine.Window) -> float:
    return 1e9 * window.cpu_s("container") / (_sentences(submitted, window) * SCRIPTED_MESSAGES)


def _sentences(submitted: Submitted, window: machine.Window) -> float:
    """Return how many sentences were acked in a window, by interpolation of what the spout wrote."""
    # The line that is just being written has no end yet.
    lines = (submitted.folder / "progress").read_text().split("\n")[:-1]
    points = [(float(at), int(count)) for at, count in map(str.split, lines)]
    sentences = _count_at(points, window.after.at) - _count_at(points, window.before.at)
    if sentences <= 0:
        raise BenchError("no sentence was acked in the window")
    return sentences


def _count_at(points: list[tuple[float, int]], at: float) -> float:
    for (t0, n0), (t1, n1) in itertools.pairwise(points):
        if t0 <= at <= t1:
            return n0 + (n1 - n0) * (at - t0) / (t1 - t0)
    # Behind the last line, less than its distance to the next one: as fast as before.
    (t0, n0), (t1, n1) = points[-2:]
    return n1 + (n1 - n0) * (at - t1) / (t1 - t0)


def _latencies_ms(path: Path, window: machine.Window) -> list[float]:
    """Return the sorted latencies of the tuples that were acked in a window."""
    pairs = array("q")
    pairs.frombytes(path.read_bytes())
    since_ns, until_ns = window.before.at * 1e9, window.after.at * 1e9
    return sorted(pairs[i + 1] / 1e6 for i in range(0, len(pairs), 2) if since_ns <= pairs[i] <= until_ns)


def percentile(ordered: list[float], percent: float) -> float:
    """Return the value below which so many percent of sorted values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
