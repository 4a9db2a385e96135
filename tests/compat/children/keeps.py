"""A bolt like asks.py, of a library that keeps lists of task ids which come early, as storm.py does."""

from collections import deque

import speak

speak.greet()
messages, lists = deque(), deque()


def take(queue, other, kind):
    while not queue:
        message = speak.read()
        (queue if isinstance(message, kind) else other).append(message)
    return queue.popleft()


while True:
    message = take(messages, lists, dict)
    if speak.is_heartbeat(message):
        speak.say(command="sync")
        continue
    answers = []
    for number in range(50):
        value = message["tuple"][0] * 50 + number
        speak.say(command="emit", tuple=[value], anchors=[message["id"]])
        answers.append((value, take(lists, messages, list)))
    speak.note(what="answered", answers=answers)
    speak.say(command="ack", id=message["id"])
