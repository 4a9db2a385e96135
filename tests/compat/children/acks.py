"""A bolt that acks everything twice, and something that was never there."""

import speak

speak.greet()
for message in speak.tuples():
    speak.say(command="ack", id=message["id"])
    speak.say(command="ack", id=message["id"])
    speak.say(command="ack", id="987654320")
    speak.note(what="tuple", stream=message["stream"])
