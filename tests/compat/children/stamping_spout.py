"""A spout that emits numbers with the time, to nobody who acks, as fast as it is asked.

File `emitted-TASK` in the folder of the notes: 8 bytes a number; a later life goes on where it ended.
"""

import os
import struct
import time
from pathlib import Path

import speak

speak.greet()
path = Path(speak.conf["test.folder"], f"emitted-{speak.task}")
log = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
number = speak.task << 32 | os.fstat(log).st_size // 8
for command in speak.commands():
    if command["command"] == "next":
        os.write(log, struct.pack("q", number))
        speak.say(command="emit", tuple=[number, time.monotonic_ns()], need_task_ids=False)
        number += 1
    else:
        speak.note(what=command["command"])
