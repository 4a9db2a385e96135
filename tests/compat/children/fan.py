"""A bolt that emits each tuple anchored twice to the same input, and acks it."""

import speak

speak.greet()
for message in speak.tuples():
    anchors = [message["id"], message["id"]]
    speak.say(command="emit", tuple=message["tuple"], anchors=anchors, need_task_ids=False)
    speak.say(command="ack", id=message["id"])
