"""A bolt that emits to its direct stream without a task, and directly to one that does not listen there."""

import speak

speak.greet()
tasks = {name: int(task) for task, name in speak.context["task->component"].items()}
for message in speak.tuples():
    speak.say(command="emit", tuple=["regular"], stream="there", need_task_ids=False)
    speak.say(command="emit", tuple=["to nobody"], stream="there", task=tasks["stranger"])
    speak.say(command="emit", tuple=["right"], stream="there", task=tasks["sink"])
    speak.say(command="ack", id=message["id"])
