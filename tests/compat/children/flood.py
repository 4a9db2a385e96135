"""A bolt that writes ten megabytes to stderr before it acks anything, and notes when that is done."""

import sys

import speak

speak.greet()
line = "x" * 999 + "\n"
for _ in range(10_000):
    sys.stderr.write(line)
sys.stderr.flush()
speak.note(what="flooded")
for message in speak.tuples():
    speak.say(command="ack", id=message["id"])
