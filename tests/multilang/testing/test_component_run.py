"""What a type checker knows of components, and of one under test."""

import pytest
from mypy import api

CODE = """
from typing import Any

from multilang.client import Bolt, ReliableSpout, Tuple
from multilang.testing import BoltRun, SpoutRun, Start, run

class Split(Bolt):
    def initialize(self, storm_conf: dict[str, Any], context: dict[str, Any]) -> None:
        self.auto_ack = bool(storm_conf.get("acks"))

    def process(self, tup: Tuple) -> None:
        self.emit([tup.values[0]])

class Words(ReliableSpout):
    def next_tuple(self) -> None:
        self.emit(["a"], tup_id=1)

split: BoltRun = run(Split, inputs=["sentence"])
words: SpoutRun = run(Words, task=3)

def test(component: Start) -> None:
    component(Split).send(["a b"])
    component(Words).next(2)
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_bolt_can_be_sent_tuples_and_a_spout_be_asked(tmp_path):
    options = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={tmp_path}"]
    said, _, code = api.run([*options, "-c", CODE])
    assert code == 0, said
    said, _, code = api.run([*options, "-c", f"{CODE}\nwords.send(['a'])\nrun(Split, input=['a'])"])
    assert code == 1
    assert '"SpoutRun" has no attribute "send"' in said
    assert 'did you mean "inputs"?' in said
