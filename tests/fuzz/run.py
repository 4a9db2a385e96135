"""`make fuzz`: drive the promises of `targets` with atheris for a while, or by chance where that is missing.

    python -m tests.fuzz.run [--seconds 300] [TARGET ...]

Begins with corpus/. What atheris finds on its way lies in .tmp/fuzz afterwards. What breaks a promise ends
the run and is kept in corpus/, so that `make test` knows of it from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz import corpus

REPOSITORY = Path(__file__).parents[2]
FOUND = REPOSITORY / ".tmp" / "fuzz"
MAX_BYTES = 4096


def main() -> int:
    """Run every target in turn and return how many broke their promise."""
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description="Fuzz what reads bytes of strangers.")
    parser.add_argument("--seconds", type=int, default=300, help="for all targets together")
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    has_atheris = importlib.util.find_spec("atheris") is not None
    if not has_atheris:
        print("atheris is not there for this Python: messages are spoilt by chance instead")
    broken = 0
    for name in names:
        seconds = max(options.seconds // len(names), 1)
        print(f"== {name}: {seconds} s", flush=True)
        broken += (_guided if has_atheris else _blind)(name, seconds)
    return min(broken, 1)


def _guided(name: str, seconds: int) -> int:
    """Run libFuzzer in a process of its own: it ends the process that it runs in."""
    from tests.fuzz.targets import CORPUS_OF

    kept = FOUND / name
    kept.mkdir(parents=True, exist_ok=True)
    known = corpus.FOLDER / CORPUS_OF[name]
    command = [
        *(sys.executable, "-m", "tests.fuzz.guided", name),
        *(f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", "-timeout=20", "-rss_limit_mb=1024"),
        *("-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={known}/broken-"),
        *(str(kept), str(known)),
    ]
    return int(subprocess.run(command, cwd=REPOSITORY, env=os.environ, check=False).returncode != 0)


def _blind(name: str, seconds: int) -> int:
    """Spoil messages at random until the time is over."""
    import random

    from tests.fuzz.spoil import spoilt
    from tests.fuzz.targets import CORPUS_OF, TARGETS

    until = time.monotonic() + seconds
    dice = random.Random()
    seeds = corpus.contents(CORPUS_OF[name])
    count = 0
    while time.monotonic() < until:
        data = dice.choice(seeds)
        for _ in range(dice.randint(1, 4)):
            data = spoilt(data, dice)
        count += 1
        try:
            TARGETS[name](data)
        except Exception:
            place = corpus.FOLDER / CORPUS_OF[name] / f"broken-{hashlib.sha256(data).hexdigest()[:16]}"
            place.write_bytes(data)
            print(f"broken after {count} tries, kept as {place}")
            raise
    print(f"{count} tries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
