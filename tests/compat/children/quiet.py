"""A bolt that acks and tells nobody."""

import speak

speak.greet()
for message in speak.tuples():
    speak.say(command="ack", id=message["id"])
