"""A bolt that says two things, and thinks for three seconds, before it answers the handshake."""

import os
import time

import speak

speak.take_handshake()
speak.say(command="log", msg="first words", level=2)
speak.say(command="log", msg="second words", level=3)
time.sleep(3)
speak.say(pid=os.getpid())
for message in speak.tuples():
    speak.say(command="ack", id=message["id"])
