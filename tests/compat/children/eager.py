"""A spout that says sync twice, and emits after it; knows no command but next."""

import speak

speak.greet()
limit = speak.setting("count")
number = 0
while True:
    command = speak.read()["command"]
    if command == "next" and number < limit:
        speak.say(command="emit", tuple=[number], id=number, need_task_ids=False)
        speak.say(command="sync")
        speak.say(command="sync")
        speak.say(command="emit", tuple=[number + 1], id=number + 1, need_task_ids=False)
        number += 2
    else:
        speak.say(command="sync")
