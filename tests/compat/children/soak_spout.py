"""A spout under full load that emits again what fails, and writes all outcomes down.

Files in the folder of the notes, 8 bytes a number: `acked-PID`, `failed-PID`, `emitted-PID`; no other
process has these numbers.  Once there is a file `stop` it emits nothing new, and notes `done` when nothing
is pending.
"""

import os
import struct
from collections import deque
from pathlib import Path

import speak

speak.greet()
folder = Path(speak.conf["test.folder"])
pack = struct.Struct("q").pack
logs = {
    name: os.open(folder / f"{name}-{os.getpid()}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for name in ("acked", "failed", "emitted")
}
first = os.getpid() << 24
count = 0
again = deque()
pending = set()
is_stopping = is_done = False
for command in speak.commands():
    match command["command"]:
        case "next":
            if count % 256 == 0 or not pending:
                is_stopping = is_stopping or (folder / "stop").exists()
            if again:
                number = again.popleft()
            elif is_stopping:
                if not pending and not is_done:
                    is_done = True
                    speak.note(what="done", count=count)
                continue
            else:
                number = first + count
                count += 1
            os.write(logs["emitted"], pack(number))
            pending.add(number)
            speak.say(command="emit", id=number, tuple=[number], need_task_ids=False)
        case "ack" | "fail" as outcome:
            number = command["id"]
            os.write(logs[f"{outcome}ed"], pack(number))
            pending.remove(number)  # an outcome without an emit ends the process: the test sees it
            if outcome == "fail":
                again.append(number)
