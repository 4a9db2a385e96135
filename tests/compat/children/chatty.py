"""A spout that logs a line of each level at every `next`, and emits one tuple."""

import speak

speak.greet()
number = 0
for command in speak.commands():
    if command["command"] == "next":
        for level, word in enumerate(("trace", "debug", "info", "warn", "error")):
            speak.say(command="log", msg=f"said {word} {number}", level=level)
        speak.say(command="emit", tuple=[f"value {number}"], need_task_ids=False)
        number += 1
