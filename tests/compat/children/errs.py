"""A bolt that tells an error with each tuple, and goes on."""

import speak

speak.greet()
for message in speak.tuples():
    speak.say(command="error", msg=f"trouble {message['tuple'][0]}")
    speak.say(command="ack", id=message["id"])
