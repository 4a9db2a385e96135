"""Log lines of our processes, and the bounded file of what components say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.run.logs import MAX_LINE_BYTES, RotatingLog

CHECKOUT = Path(__file__).parents[3]
NOW = time.mktime((2026, 1, 31, 12, 0, 0, 0, 0, -1)) + 0.125
STAMP = b"2026-01-31 12:00:00.125"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "6700" / "worker.log"


@pytest.fixture
def small(path: Path) -> Iterator[RotatingLog]:
    """Three files of about 60 bytes: two lines of 30."""
    rotating = RotatingLog(path, max_bytes=60)
    yield rotating
    rotating.close()


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_a_line_of_our_processes_has_time_level_logger_and_text() -> None:
    program = (
        "import logging; from scheduler.run import logs; logs.setup('container-2');"
        "logging.getLogger('scheduler.x').warning('container ended container=%s', 2);"
        "logging.getLogger('scheduler.x').debug('unseen')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    first, second = done.stderr.splitlines()
    time_and_level = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO"
    text = r"scheduler\.run\.logs process started name=container-2 pid=\d+"
    assert re.fullmatch(f"{time_and_level} {text}", first)
    assert re.fullmatch(r"[-\d]{10} [:\d]{8}\.\d{3} WARNING scheduler\.x container ended container=2", second)


def test_a_line_gets_its_time_and_one_end(small: RotatingLog, path: Path) -> None:
    small.write(b"INFO split:2 hello\r\n", NOW)
    assert path.read_bytes() == STAMP + b" INFO split:2 hello\n"


def test_the_oldest_of_three_files_goes(small: RotatingLog, path: Path) -> None:
    for n in range(8):
        small.write(b"%05d" % n, NOW)
    assert names(path) == ["worker.log", "worker.log.1", "worker.log.2"]
    assert [int(line.split()[-1]) for line in path.read_bytes().splitlines()] == [6, 7]
    assert [int(line.split()[-1]) for line in (path.parent / "worker.log.2").read_bytes().splitlines()] == [
        2,
        3,
    ]


def test_a_second_life_goes_on_in_the_same_file(small: RotatingLog, path: Path) -> None:
    small.write(b"00000", NOW)
    again = RotatingLog(path, max_bytes=60)
    again.write(b"00001", NOW)
    again.write(b"00002", NOW)
    again.close()
    assert names(path) == ["worker.log", "worker.log.1"]
    assert path.read_bytes() == STAMP + b" 00002\n"


def test_what_cannot_be_written_is_counted_and_said_later(small: RotatingLog, path: Path) -> None:
    descriptor = small._descriptor
    with Path("/dev/full").open("wb") as full:
        small._descriptor = full.fileno()
        small.write(b"lost", NOW)
        small.write(b"lost", NOW)
    small._descriptor = descriptor
    small.write(b"kept", NOW)
    assert path.read_bytes().splitlines() == [
        STAMP + b" 2 lines were lost: they could not be written",
        STAMP + b" kept",
    ]


def test_our_own_stderr_moves_on_with_the_file(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from scheduler.run.logs import RotatingLog\n"
        "log = RotatingLog(Path(sys.argv[1]), max_bytes=10)\n"
        "for n in range(4):\n"
        "    log.write(b'line', 0.0)\n"
        "print('last words', file=sys.stderr)\n"
    )
    path.parent.mkdir()
    with path.open("ab") as output:
        subprocess.run(
            [sys.executable, "-c", program, os.fspath(path)], cwd=CHECKOUT, stderr=output, check=True
        )
    assert path.read_text().endswith(" line\nlast words\n")


def test_a_line_without_end_is_cut(path: Path) -> None:
    rotating = RotatingLog(path)
    rotating.write(b"x" * (MAX_LINE_BYTES + 7), NOW)
    rotating.close()
    assert path.read_bytes() == STAMP + b" " + b"x" * MAX_LINE_BYTES + b" ... 7 bytes left out\n"
