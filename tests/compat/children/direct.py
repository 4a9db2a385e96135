"""A bolt that emits directly to `target` in three spellings, and notes task ids should it be told any."""

import speak

speak.greet()
component = speak.setting("target")
target = next(int(t) for t, name in speak.context["task->component"].items() if name == component)
for message in speak.tuples():
    if isinstance(message, list):
        speak.note(what="task ids", ids=message)
        continue
    for spelling in (target, float(target), str(target)):
        speak.say(
            command="emit",
            tuple=[repr(spelling)],
            task=spelling,
            stream=speak.setting("stream"),
            anchors=[message["id"]],
            need_task_ids=True,
        )
    speak.say(command="ack", id=message["id"])
    speak.note(what="tuple", values=message["tuple"])
