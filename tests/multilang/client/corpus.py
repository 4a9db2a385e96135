"""Scripts that were played to pystorm 3.1.4, and what it answered: corpus.jsonl.gz, one document a line.

    python -m tests.multilang.client.corpus 200        # makes the file anew, with 200 scripts of each kind

Kept so that what hypothesis once found to be the same stays the same, on every run and without pystorm.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.multilang.client.play import THEIRS, Script, normalised, play
from tests.multilang.client.strategies import asking_scripts, bolt_scripts, spout_scripts

FILE = Path(__file__).with_name("corpus.jsonl.gz")


class Recorded(msgspec.Struct):
    """One script with the answer to it."""

    script: Script
    messages: list[Any]
    """Normalised."""

    exit_code: int | None


def recorded() -> list[Recorded]:
    """Return what is kept."""
    decoder = msgspec.json.Decoder(Recorded)
    return [decoder.decode(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]


def _record(count: int) -> Iterator[Recorded]:
    with tempfile.TemporaryDirectory() as folder:
        for number, strategy in enumerate((bolt_scripts(), spout_scripts(), asking_scripts())):
            for script in _examples(strategy, count, number):
                played = play(THEIRS, script, Path(folder))
                yield Recorded(script, normalised(played.messages), played.exit_code)


def _examples(strategy: st.SearchStrategy[Script], count: int, number: int) -> list[Script]:
    found: dict[bytes, Script] = {}

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(strategy)
    def collect(script: Script) -> None:
        found[msgspec.json.encode(script)] = script

    collect()
    # Decoded anew, so that what is played now is what will be read later.
    return [msgspec.json.decode(text, type=Script) for text in found]


if __name__ == "__main__":
    lines = [msgspec.json.encode(each) for each in _record(int(sys.argv[1]))]
    FILE.write_bytes(gzip.compress(b"\n".join(lines), mtime=0))
    print(f"{len(lines)} scripts, {FILE.stat().st_size} bytes")  # noqa: T201  told to whoever runs it
