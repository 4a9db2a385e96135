"""A spout that emits each of the setting `keys` once, as the value of a tuple of its own."""

import speak

speak.greet()
waiting = list(speak.setting("keys"))
for command in speak.commands():
    if command["command"] == "next" and waiting:
        speak.say(command="emit", tuple=[waiting.pop(0)], need_task_ids=False)
