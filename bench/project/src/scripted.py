"""Word count by heart: components that read no JSON, so that what moves their messages is the limit.

They look for ids in what they are given and answer with ready text, a read at a time.  The text is pystorm's.
The benchmark makes copies of this file, scripted_spout.py and so on, whose names tell what they run.
"""

import json
import os
import re
from pathlib import Path

from progress import Progress

WORDS = ("the", "cow", "jumped", "over", "an", "apple", "a", "day", "keeps", "doctor", "away", "four")
WORDS_PER_SENTENCE = 6
END = b"\nend\n"
_READ_BYTES = 1 << 16

_ID = re.compile(rb'"task":\d+,"id":"(\d+)"')
_SENTENCE = b'{"command": "emit", "tuple": ["%b"], "id": %%d, "need_task_ids": false}\nend\n' % (
    " ".join(WORDS[:WORDS_PER_SENTENCE]).encode()
)
_SYNC = b'{"command": "sync"}\nend\n'
_EMIT = b'{"command": "emit", "anchors": ["%%b"], "tuple": [%b], "need_task_ids": false}\nend\n'
_ACK = b'{"command": "ack", "id": "%b"}\nend\n'
_SPLIT = [
    b"".join(_EMIT % json.dumps(WORDS[(first + i) % len(WORDS)]).encode() for i in range(WORDS_PER_SENTENCE))
    + _ACK
    for first in range(len(WORDS))
]
_COUNT = _EMIT % b'"word", 17' + _ACK


class Spout:
    """Emits a sentence for each ``next``; counts acks."""

    def __init__(self, conf):
        self.progress = Progress(conf)
        self.message_id = 0

    def answer(self, commands):
        nexts, acks = commands.count(b'"next"'), commands.count(b'"command":"ack"')
        if acks:
            self.progress.add(acks)
        first, self.message_id = self.message_id, self.message_id + nexts
        told = [_SENTENCE % number + _SYNC for number in range(first, self.message_id)]
        return b"".join(told) + _SYNC * (commands.count(END) - nexts)


class Split:
    """Emits six words of each tuple, and acks it."""

    def __init__(self, conf):
        pass

    def answer(self, deliveries):
        return b"".join(
            _SPLIT[int(number) % len(_SPLIT)] % ((number,) * (WORDS_PER_SENTENCE + 1))
            for number in _ID.findall(deliveries)
        )


class Count:
    """Emits a word and a number for each tuple, and acks it."""

    def __init__(self, conf):
        pass

    def answer(self, deliveries):
        return b"".join(_COUNT % (number, number) for number in _ID.findall(deliveries))


def _write(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def run(role):
    """Shake hands, then answer until the end of input."""
    rest = b""
    while END not in rest:
        rest += os.read(0, _READ_BYTES)
    handshake, _, rest = rest.partition(END)
    hello = json.loads(handshake)
    pid = os.getpid()
    Path(hello["pidDir"], str(pid)).touch()
    _write(b'{"pid": %d}\nend\n' % pid)
    component = role(hello["conf"])
    while True:
        whole, end, rest = rest.rpartition(END)
        if end:
            _write(component.answer(whole + end))
        data = os.read(0, _READ_BYTES)
        if not data:
            return
        rest += data


ROLES = {"spout": Spout, "split": Split, "count": Count}

if __name__ == "__main__":
    run(ROLES[Path(__file__).stem.rpartition("_")[2]])
