"""A spout like Storm's storm.py: blocks for the task ids within `next`; notes everything it reads."""

import speak

speak.greet()
left = speak.setting("count")
for message in speak.commands():
    speak.note(what="message", message=message)
    if message["command"] == "next" and left:
        left -= 1
        speak.say(command="emit", tuple=[left], id=left)
        speak.note(what="answer", message=speak.read())
