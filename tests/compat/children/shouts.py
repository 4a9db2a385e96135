"""A spout that reports errors of twenty million characters."""

import speak

speak.greet()
for number in range(3):
    speak.say(command="error", msg=f"{number}" + "x" * 20_000_000)
speak.note(what="shouted")
for _ in speak.commands():
    pass
