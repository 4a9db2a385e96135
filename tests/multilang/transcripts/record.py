"""Write the transcripts anew: what real pystorm components write to their standard output.

    PYTHONPATH=. python tests/multilang/transcripts/record.py

Run by hand where pystorm is installed; the transcripts here are from 3.1.4 with simplejson 4.3.0.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from multilang import codec

HERE = Path(__file__).parent
CHILD = HERE.parent / "children" / "pystorm_words.py"
SENTENCES = ("the moon", "log metric moon", "direct ids été", "fail", "moon raise")


def deliver(number: int, sentence: str) -> bytes:
    prefix = codec.render_prefix("sentences", "default", 2)
    return prefix + b"%d" % number + codec.MIDDLE + codec.encode_json([sentence]) + codec.TUPLE_END


def said_to(role: str) -> bytes:
    if role == "spout":
        acks = codec.render_ack(b"7") + codec.render_ack(b'[7,{"a":null}]') + codec.render_fail(b'"seven"')
        return codec.ACTIVATE + codec.NEXT * 7 + acks + codec.DEACTIVATE
    said = codec.render_heartbeat(900) + codec.render_tick(901, 5)
    for number, sentence in enumerate(SENTENCES):
        said += deliver(number, sentence)
        if "ids" in sentence:
            said += codec.render_task_ids([3, 4])
    return said


def record(role: str) -> bytes:
    context = {
        "taskid": 5,
        "componentid": "words",
        "task->component": {"2": "sentences", "5": "words"},
        "source->stream->fields": {"sentences": {"default": ["sentence"]}},
    }
    with tempfile.TemporaryDirectory() as pid_dir:
        said = codec.render_handshake({"topology.name": "recorded"}, pid_dir, context) + said_to(role)
        done = subprocess.run(
            [sys.executable, "-u", str(CHILD), role],
            input=said,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ""},
            check=False,
        )
    # Tracebacks name folders of the machine that recorded.
    return done.stdout.replace(str(CHILD.parent).encode(), b"children").replace(sys.prefix.encode(), b"venv")


if __name__ == "__main__":
    for role in ("bolt", "printing", "spout"):
        (HERE / f"pystorm-{role}.txt").write_bytes(record(role))
