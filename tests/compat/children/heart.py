"""A bolt that notes its heartbeats and acks them, as old libraries do."""

import speak

speak.greet()
while True:
    message = speak.read()
    speak.note(what="message", message=message)
    speak.say(command="ack", id=message["id"])
