"""A bolt that anchors to what it has already acked."""

import speak

speak.greet()
for message in speak.tuples():
    speak.say(command="ack", id=message["id"])
    speak.say(command="emit", tuple=message["tuple"], anchors=[message["id"]], need_task_ids=False)
