"""A bolt that notes every tuple and then does as `answer` says.

ack (the default), fail, never; hold: ack when there is a file `release` among the notes.
"""

import time
from pathlib import Path

import speak

speak.greet()
answer = speak.setting("answer", "ack")
for message in speak.tuples():
    speak.note(
        what="tuple",
        values=message["tuple"],
        comp=message["comp"],
        stream=message["stream"],
        task=message["task"],
    )
    while answer == "hold" and not Path(speak.conf["test.folder"], "release").exists():
        time.sleep(0.02)
    if answer != "never":
        speak.say(command="fail" if answer == "fail" else "ack", id=message["id"])
