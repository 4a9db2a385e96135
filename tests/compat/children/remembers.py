"""A spout that emits numbers without end, `pause_s` apart, and plays again what fails.

Like one that reads from a queue it loses nothing when it is started anew: its notes say what was acked.
"""

import json
import time
from pathlib import Path

import speak

speak.greet()
pause_s = speak.setting("pause_s", 0.01)
path = Path(speak.conf["test.folder"], f"{speak.context['componentid']}-{speak.task}.jsonl")
notes = [json.loads(line) for line in path.read_text().splitlines()]
emitted = [note["name"] for note in notes if note["what"] == "emit"]
acked = {note["name"] for note in notes if note["what"] == "ack"}
todo = [name for name in dict.fromkeys(emitted) if name not in acked]
following = len(set(emitted))
at = 0.0
for command in speak.commands():
    if command["command"] in ("ack", "fail"):
        speak.note(what=command["command"], name=command["id"])
        if command["command"] == "fail":
            todo.append(command["id"])
    elif command["command"] != "next":
        speak.note(what=command["command"])
    elif time.monotonic() >= at:
        at = time.monotonic() + pause_s
        if not todo:
            todo.append(f"{speak.task}/{following}")
            following += 1
        name = todo.pop(0)
        speak.note(what="emit", name=name)
        speak.say(command="emit", tuple=[name], id=name, need_task_ids=False)
