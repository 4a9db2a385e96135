"""A bolt that emits each number twice, and waits for the task ids of the first; early lists are kept."""

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
    number, anchors = message["tuple"][0], [message["id"]]
    speak.say(command="emit", tuple=[number, 0], anchors=anchors)
    take(lists, messages, list)
    speak.say(command="emit", tuple=[number, 1], anchors=anchors, need_task_ids=False)
    speak.say(command="ack", id=message["id"])
