"""A bolt that writes down each number it gets, then acks: files `seen0-PID` and `seen1-PID`, 8 bytes each."""

import os
import struct
from pathlib import Path

import speak

speak.greet()
pack = struct.Struct("q").pack
logs = [
    os.open(
        Path(speak.conf["test.folder"], f"seen{copy}-{os.getpid()}"), os.O_CREAT | os.O_WRONLY | os.O_APPEND
    )
    for copy in range(2)
]
for message in speak.tuples():
    number, copy = message["tuple"]
    os.write(logs[copy], pack(number))
    speak.say(command="ack", id=message["id"])
