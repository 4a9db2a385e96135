"""A bolt that notes how long the text of each tuple is, and takes `pause_s` over it."""

import time

import speak

speak.greet()
for message in speak.tuples():
    speak.note(what="length", length=len(message["tuple"][0]))
    time.sleep(speak.setting("pause_s", 0))
    speak.say(command="ack", id=message["id"])
