"""A bolt like Storm's storm.py: at the value 3 it tells an error and ends in good order, the first time."""

from pathlib import Path

import speak

speak.greet()
for message in speak.tuples():
    mark = Path(speak.conf["test.folder"], "left")
    if message["tuple"] == [3] and not mark.exists():
        mark.touch()
        speak.say(command="error", msg="three is too much")
        raise SystemExit
    speak.note(what="tuple", values=message["tuple"])
    speak.say(command="ack", id=message["id"])
