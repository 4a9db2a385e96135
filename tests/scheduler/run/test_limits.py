"""Limits of a process, looked at in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("soft", "hard", "count", "found"),
    [
        (300, 2000, 1000, "1000 1256"),
        (300, 600, 1000, "344 600"),
        (300, 600, 20, "20 300"),
        (100, 100, 20, "1 100"),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_needed_and_allowed(
    soft: int, hard: int, count: int, found: str
) -> None:
    program = (
        "import resource; from scheduler.run.limits import allow_descriptors as allow;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        f"print(allow({count}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == found
