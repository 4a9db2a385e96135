"""A bolt that writes down who sent which number when, and emits it again, unanchored, with its own time.

File `got-COMPONENT-TASK` in the folder of the notes: three times 8 bytes a tuple; later lives append.
"""

import os
import struct
import time
from pathlib import Path

import speak

speak.greet()
path = Path(speak.conf["test.folder"], f"got-{speak.context['componentid']}-{speak.task}")
log = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
for message in speak.tuples():
    number, stamp = message["tuple"]
    os.write(log, struct.pack("qqq", message["task"], number, stamp))
    speak.say(command="emit", tuple=[number, time.monotonic_ns()], need_task_ids=False)
    speak.say(command="ack", id=message["id"])
