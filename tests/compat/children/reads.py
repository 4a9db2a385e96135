"""A spout that notes what it finds at `files`, at its start and whenever that is something else."""

from pathlib import Path

import speak

speak.greet()
found = None
for _ in speak.commands():
    now = [Path(file).read_text() for file in speak.setting("files")]
    if now != found:
        found = now
        speak.note(what="read", found=found)
