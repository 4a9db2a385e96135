"""The components of word count, each by itself, in this process."""

import pytest

from bolts.count import CountBolt
from bolts.split import SplitBolt
from spouts.sentences import SENTENCES, SentenceSpout


def test_a_sentence_becomes_its_words(component):
    split = component(SplitBolt, inputs=["sentence"])

    done = split.send(["the heron waits"])

    assert done.emitted == [["the"], ["heron"], ["waits"]]
    assert [emit.anchors for emit in done.emits] == [[["the heron waits"]]] * 3
    assert done.acked == [["the heron waits"]]


def test_words_are_counted(component):
    count = component(CountBolt, inputs=["word"])

    count.send(["a"], ["b"], ["a"])

    assert count.outcome.emitted == [["a", 1], ["b", 1], ["a", 2]]
    assert count.instance.counts == {"a": 2, "b": 1}


def test_counts_are_written_at_a_tick(component, tmp_path):
    count = component(CountBolt, inputs=["word"], conf={"word_count.result_file": str(tmp_path)}, task=7)
    count.send(["a"])
    assert not (tmp_path / "7.json").exists()

    count.tick()

    assert (tmp_path / "7.json").read_text() == '{"a": 1}'


def test_what_is_no_sentence_fails(component):
    split = component(SplitBolt, inputs=["sentence"])

    with pytest.raises(AttributeError):
        split.send([17])

    assert split.outcome.failed == [[17]]
    assert "has no attribute 'split'" in split.outcome.errors[0]


def test_a_sentence_that_fails_comes_again(component):
    spout = component(SentenceSpout, conf={"word_count.sentences": 1})
    assert spout.next(2).emitted == [[SENTENCES[0]]]  # the second time there is nothing more

    spout.fail(0)

    assert spout.next().emits[0].message_id == 0
    assert spout.ack(0).logged("all 1 sentences were acked, after 1 fails")
