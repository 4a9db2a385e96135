"""A bolt that ignores the end of its input and SIGTERM, as does a child of it in another session."""

import os
import signal
import time

import speak

speak.greet()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    speak.note(what="grandchild")
    time.sleep(600)
speak.note(what="ready")
time.sleep(600)
