"""Streamparse's quickstart project, the example, and all of the DSL: with pystorm, and accelerated."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster import BIN, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

WORD_COUNT = Path(__file__).parents[2] / "examples" / "word_count"
EVERYTHING = Path(__file__).parent / "everything"
MODES = ({}, {"heronry.accelerate": True})


def test_every_project_of_the_examples_is_tried_here():
    projects = [path.parent for path in WORD_COUNT.parent.glob("*/config.json")]
    assert projects == [WORD_COUNT]


def test_the_quickstart_project_counts_the_same_in_both_modes(cluster, tmp_path):
    code, out = run(BIN / "sparse", "quickstart", "lake", cwd=tmp_path, LEIN_ROOT="1")
    assert code == 0, out
    shares = []
    for number, mode in enumerate(MODES):
        words = cluster.submit(tmp_path / "lake", conf=mode, name=f"lake{number}")
        words.until(lambda words=words: words.counts("count_bolt").executed > 3000, within_s=90)
        words.deactivate()
        words.until(lambda words=words: is_at_rest(words), within_s=60)
        emitted, counted = words.counts("word_spout").emitted, words.counts("count_bolt")
        assert (counted.executed, counted.emitted, counted.acked) == (emitted, emitted, emitted)
        assert words.errors() == []
        assert is_accelerated(words.log()) is bool(mode)
        shares.append([round(task / emitted, 2) for task in executed_by_task(words)])
        words.kill()
    assert shares[0] == shares[1]


def test_the_example_counts_the_same_in_both_modes(cluster, tmp_path):
    results = []
    for number, mode in enumerate(MODES):
        folder = tmp_path / str(number)
        conf = {"word_count.sentences": 500, "word_count.result_file": str(folder), **mode}
        words = cluster.submit(WORD_COUNT, conf=conf, name=f"words{number}")
        words.until(lambda folder=folder: sum(sum(c.values()) for c in counts(folder)) == 3900, within_s=90)
        words.until(lambda words=words: words.counts("sentence_spout").acked == 500)
        assert words.errors() == []
        assert is_accelerated(words.log()) is bool(mode)
        counted = [words.counts(component) for component in ("sentence_spout", "split", "count")]
        found = [(c.emitted, c.executed, c.acked - ticks(c), c.failed) for c in counted]
        results.append((counts(folder), found))
        words.kill()
    assert results[0] == results[1]


def test_all_that_streamparse_offers_brings_the_same_in_both_modes(cluster, tmp_path):
    results = []
    for number, mode in enumerate(MODES):
        folder = tmp_path / str(number)
        folder.mkdir()
        conf = {"everything.folder": str(folder), "topology.workers": 2, **mode}
        topology = cluster.submit(EVERYTHING, conf=conf, name=f"everything{number}")
        topology.until(
            lambda folder=folder: all(
                sum(sums(folder, by).values()) == 440 for by in ("by_ticks", "by_time")
            ),
            within_s=90,
        )
        topology.until(lambda topology=topology: topology.counts("sentences").acked == 120)
        assert topology.errors() == []
        assert is_accelerated(topology.log()) is bool(mode)
        each = [json.loads(path.read_text()) for path in sorted(folder.glob("chosen-*.json"))]
        results.append((each, *(sums(folder, name) for name in ("bad", "by_ticks", "by_time"))))
        topology.kill()
    assert results[0] == results[1]


def sums(folder, component):
    """Return word -> sum over all tasks of a component."""
    return sum(
        (Counter(json.loads(path.read_text())) for path in folder.glob(f"{component}-*.json")), Counter()
    )


def counts(folder):
    """Return word -> count of each task that wrote its file."""
    return [Counter(json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]


def ticks(counted):
    """Return how many acks were of ticks, which come by the clock."""
    return max(0, counted.acked - counted.executed) if counted.executed else 0


def is_at_rest(words):
    return words.counts("word_spout").emitted == words.counts("count_bolt").acked


def executed_by_task(words):
    executors = words._client.info(words.name).components()["count_bolt"]
    return [executor.counts.executed for executor in executors]


def is_accelerated(log):
    return "logging to the host from level" in log
