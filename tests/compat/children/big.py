"""A bolt that emits one string of `size` characters for each tuple."""

import speak

speak.greet()
for message in speak.tuples():
    text = "x" * speak.setting("size")
    speak.say(command="emit", tuple=[text], anchors=[message["id"]], need_task_ids=False)
    speak.say(command="ack", id=message["id"])
