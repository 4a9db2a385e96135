"""Storm's multilang protocol by hand, for children that say exactly what a test wants them to say."""

import json
import os
import sys
import time
from pathlib import Path

conf = {}
context = {}
task = 0


def read():
    """Return the next message; end the process when there is none any more."""
    lines = []
    while True:
        line = sys.stdin.readline()
        if not line:
            raise SystemExit
        if line == "end\n":
            return json.loads("".join(lines))
        lines.append(line)


def write(text):
    """Write text as it is, in one go."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say(**message):
    write(json.dumps(message) + "\nend\n")


def note(**facts):
    """Tell the test something; `at` is on a clock that all processes of the machine share."""
    line = json.dumps({**facts, "at": time.monotonic(), "pid": os.getpid()}) + "\n"
    path = Path(conf["test.folder"], f"{context['componentid']}-{task}.jsonl")
    with path.open("ab", buffering=0) as file:
        file.write(line.encode())


def setting(name, default=None):
    return conf.get(f"test.{name}", default)


def take_handshake():
    global conf, context, task  # noqa: PLW0603  the child is this one conversation
    handshake = read()
    conf, context = handshake["conf"], handshake["context"]
    task = context["taskid"]
    note(what="handshake", argv=sys.argv[1:], cwd=str(Path.cwd()), **handshake)
    Path(handshake["pidDir"], str(os.getpid())).touch()


def greet():
    take_handshake()
    say(pid=os.getpid())


def is_heartbeat(message):
    return isinstance(message, dict) and message.get("stream") == "__heartbeat"


def tuples():
    """Yield what a bolt is given, heartbeats answered."""
    while True:
        message = read()
        if is_heartbeat(message):
            say(command="sync")
        else:
            yield message


def commands():
    """Yield what a spout is told; each is answered with a sync when the next one is asked for."""
    while True:
        yield read()
        say(command="sync")
