"""A bolt that emits every tuple again, anchored, and acks it; notes what it read."""

import speak

speak.greet()
for message in speak.tuples():
    speak.note(what="tuple", values=message["tuple"])
    speak.say(command="emit", tuple=message["tuple"], anchors=[message["id"]], need_task_ids=False)
    speak.say(command="ack", id=message["id"])
