"""A bolt like Storm's storm.py: after each of its 50 emits for a tuple it blocks for the task ids."""

from collections import deque

import speak

speak.greet()
waiting = deque()
answers = 0
while True:
    message = waiting.popleft() if waiting else speak.read()
    if speak.is_heartbeat(message):
        speak.say(command="sync")
        continue
    for number in range(50):
        values = [message["tuple"][0], number]
        speak.say(command="emit", tuple=values, anchors=[message["id"]])
        while not isinstance(answer := speak.read(), list):
            waiting.append(answer)
        answers += len(answer) == 1
    speak.say(command="ack", id=message["id"])
    speak.note(what="answered", count=answers, last=answer)
