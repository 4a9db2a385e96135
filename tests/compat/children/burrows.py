"""A spout that nests folders deeper than most programs can follow."""

import os
from pathlib import Path

import speak

speak.greet()
for _ in range(2000):
    Path("a").mkdir()
    os.chdir("a")
speak.note(what="burrowed")
for _ in speak.commands():
    pass
