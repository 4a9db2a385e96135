"""Full load for a minute, or as long as HERONRY_SOAK_S says, with components stopped and killed at random.

All numbers that the spouts emit are accounted for in the end, one by one: each emit is acked or fails, each
number is acked once, never before both of its copies were at the sink, and none is left over.  What a killed
spout had pending is its own loss; what it had heard must be right all the same.  Meanwhile the memory of the
engine must stay where it is.
"""

from __future__ import annotations

import os
import random
import signal
import time
from array import array
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster import Draft, Running, until
from tests.compat.conftest import Run

SECONDS = float(os.environ.get("HERONRY_SOAK_S", "60"))
SEED = int(os.environ.get("HERONRY_SOAK_SEED", time.time()))
KILL_EVERY_S = 5.0 if SECONDS < 200 else 15.0
"""A component that lived for a minute is started again at once; one that dies more often waits longer."""
STOP_EVERY_S = 0.7
LONGEST_STOP_S = 2.0
WARM_UP_S = SECONDS / 3
MOST_GROWTH_MIB = 12.0
DRAIN_S = 120.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(SECONDS + DRAIN_S + 60),
    pytest.mark.differs("How components run is Heronry's own"),
]


def soaked() -> Draft:
    draft = Draft()
    draft.spout("spout", "soak_spout.py", par=2, conf={"heronry.spout.window": 16})
    fan = {"streams": {"default": ["number", "copy"]}, "conf": {"heronry.task.ids.ahead": True}}
    draft.bolt("relay", "soak_relay.py", {"spout": "shuffle"}, par=2, **fan)
    draft.bolt("sink", "soak_sink.py", {"relay": ["number"]}, par=2, streams={})
    return draft


def components(running: Running) -> list[int]:
    return running.pids("soak_")


def engine_mib(running: Running) -> float:
    """Return the resident memory of the topology's own processes."""
    pages = 0
    for pid in running.pids("scheduler.run."):
        pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def disturb(running: Running, until_s: float, chance: random.Random) -> list[float]:
    """Stop and kill components until then; return the memory of the engine, each second or so."""
    memory: list[float] = []
    goes_on: list[tuple[float, int]] = []
    kill_at = time.monotonic() + KILL_EVERY_S
    try:
        while (now := time.monotonic()) < until_s:
            for due, pid in goes_on[:]:
                if now >= due:
                    send(pid, signal.SIGCONT)
                    goes_on.remove((due, pid))
            alive = components(running)
            if alive and now >= kill_at:
                send(chance.choice(alive), signal.SIGKILL)
                kill_at = now + KILL_EVERY_S
            elif alive:
                pid = chance.choice(alive)
                send(pid, signal.SIGSTOP)
                goes_on.append((now + chance.uniform(0.05, LONGEST_STOP_S), pid))
            memory.append(engine_mib(running))
            time.sleep(chance.uniform(0.0, 2 * STOP_EVERY_S))
    finally:
        for _, pid in goes_on:
            send(pid, signal.SIGCONT)
    return memory


def numbers(folder: Path, name: str) -> dict[int, array[int]]:
    """Return the numbers of all files of a name, by the process that wrote them."""
    found = {}
    for path in folder.glob(f"{name}-*"):
        values: array[int] = array("q")
        data = path.read_bytes()
        values.frombytes(data[: len(data) // 8 * 8])
        found[int(path.name.rpartition("-")[2])] = values
    return found


def test_every_number_is_accounted_for_though_components_stop_and_die(run: Run) -> None:
    print(f"HERONRY_SOAK_SEED={SEED}")  # noqa: T201  # shown when it fails
    conf = {"topology.workers": 2, "topology.max.spout.pending": 500, "topology.message.timeout.secs": 60}
    running = run(soaked(), conf)
    folder = running.folder
    assert folder is not None
    until(lambda: any(map(len, numbers(folder, "acked").values())), "the first ack")
    chance = random.Random(SEED)
    began = time.monotonic()
    disturb(running, began + WARM_UP_S, chance)
    memory = disturb(running, began + SECONDS, chance)
    (folder / "stop").touch()

    def is_done() -> bool:
        done = {note["pid"] for note in running.notes("spout", what="done")}
        alive = running.pids("soak_spout")
        return len(alive) == 2 and set(alive) <= done

    until(is_done, "everything acked", timeout_s=DRAIN_S)
    done = {note["pid"]: note["count"] for note in running.notes("spout", what="done")}
    seen = [{n for values in numbers(folder, f"seen{copy}").values() for n in values} for copy in range(2)]
    emitted, acked, failed = (numbers(folder, name) for name in ("emitted", "acked", "failed"))
    for pid, times in emitted.items():
        first = pid << 24
        emits, acks, fails = (Counter(found.get(pid, ())) for found in (emitted, acked, failed))
        assert max(acks.values(), default=0) <= 1
        lost = [number for number in acks if not all(number in copies for copies in seen)]
        assert lost == [], "acked, but not seen by the sink"
        if pid in done:
            assert sorted(acks) == list(range(first, first + done[pid]))
            assert emits == acks + fails
        else:
            assert not (acks + fails) - emits
        print(f"{pid}: {len(times)} emits, {len(acks)} acks, {sum(fails.values())} fails")  # noqa: T201
    assert sum(map(len, acked.values())) > 100 * SECONDS
    print(f"engine: {memory[0]:.1f} MiB after the warm-up, {memory[-1]:.1f} MiB in the end")  # noqa: T201
    growth_mib = min(memory[-5:]) - memory[0]
    assert growth_mib <= MOST_GROWTH_MIB
