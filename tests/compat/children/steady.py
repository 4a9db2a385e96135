"""A spout that emits a number now and then, for ever, and notes when."""

import time

import speak

speak.greet()
number = 0
for command in speak.commands():
    if command["command"] == "next":
        time.sleep(0.02)
        speak.note(what="emit", number=number)
        speak.say(command="emit", tuple=[number], need_task_ids=False)
        number += 1
