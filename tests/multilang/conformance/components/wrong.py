"""Components that break one rule each, in plain Python: ``python wrong.py NAME``."""

import json
import os
import subprocess
import sys
import time


def read():
    """Return the next message; leave at the end of the input."""
    lines = []
    while (line := sys.stdin.readline()) != "end\n":
        if not line:
            sys.exit(0)
        lines.append(line)
    return json.loads("".join(lines))


def say(message):
    """Write a message."""
    sys.stdout.write(json.dumps(message) + "\nend\n")
    sys.stdout.flush()


def greet(pid=None, with_file=True):
    """Shake hands."""
    setup = read()
    if with_file:
        with open(os.path.join(setup["pidDir"], str(os.getpid())), "w"):  # noqa: PTH118, PTH123  as of old
            pass
    say({"pid": os.getpid() if pid is None else pid})


def echo(change=lambda message: message, after=lambda: None):
    """Serve as an echo for ever; ``change`` may spoil what it says."""
    while True:
        tup = read()
        if isinstance(tup, list):
            continue
        if tup["stream"] == "__heartbeat":
            say(change({"command": "sync"}))
            continue
        if tup["stream"] != "__tick":
            emit = {"command": "emit", "tuple": tup["tuple"], "anchors": [tup["id"]], "need_task_ids": False}
            say(change(emit))
        say(change({"command": "ack", "id": tup["id"]}))
        after()


def spoiled(command, **fields):
    """Return a change of all messages of one command."""
    return lambda message: {**message, **fields} if message["command"] == command else message


def pid_as_text():
    greet(pid=str(os.getpid()))
    echo()


def no_pid_file():
    greet(with_file=False)
    echo()


def acks_twice():
    greet()
    echo(after=lambda: say({"command": "ack", "id": "1"}))


def acks_heartbeats():
    greet()
    while True:
        say({"command": "ack", "id": read()["id"]})


def number_as_id():
    greet()

    def change(message):
        return {**message, "id": int(message["id"])} if message["command"] == "ack" else message

    echo(change)


def anchors_to_strangers():
    greet()
    echo(spoiled("emit", anchors=["12345"]))


def tuple_as_object():
    greet()
    echo(spoiled("emit", tuple={"value": 1}))


def prints():
    greet()

    def change(message):
        print("debugging", message["command"])  # noqa: T201  the mistake
        return message

    echo(change)


def latin_1():
    greet()

    def change(message):
        if message["command"] == "emit":
            sys.stdout.buffer.write('{"command": "log", "msg": "ä"}\nend\n'.encode("latin-1"))
        return message

    echo(change)


def stays():
    greet()
    try:
        echo()
    except SystemExit:
        time.sleep(60)


def leaves_a_child():
    greet()
    subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)  # its output is ours, as of careless authors
    echo()


def leaves_a_daemon():
    greet()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for descriptor in range(3):
                os.close(descriptor)
            time.sleep(60)
        os._exit(0)
    echo()


def nests():
    read()
    print("[" * 100_000 + "\nend", flush=True)  # noqa: T201
    read()


def dies_silently():
    """Leave at the second tuple, and say nothing."""
    greet()

    def change(message):
        if message.get("id") == "2":
            os._exit(0)
        return message

    echo(change)


def fails_and_hangs():
    """Fail the second tuple, and answer no other."""
    greet()

    def change(message):
        if message == {"command": "ack", "id": "2"}:
            say({"command": "fail", "id": "2"})
            time.sleep(60)
        return message

    echo(change)


def logs_for_ever():
    greet()
    while True:
        say({"command": "log", "msg": "still here"})


def dies_of_ticks():
    greet()

    def change(message):
        if message.get("id") == "-200":
            raise SystemExit(3)
        return message

    echo(change)


def slow_pid():
    time.sleep(60)


def extra_sync():
    greet()
    while True:
        read()
        say({"command": "sync"})
        say({"command": "sync"})


def no_sync_after_ack():
    greet()
    while True:
        if read()["command"] == "next":
            say({"command": "emit", "tuple": [1], "id": 1, "need_task_ids": False})
            say({"command": "sync"})


def anchored_spout():
    greet()
    while True:
        read()
        say({"command": "emit", "tuple": [1], "anchors": ["1"], "need_task_ids": False})
        say({"command": "sync"})


globals()[sys.argv[1]]()
