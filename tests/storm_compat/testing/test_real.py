"""The fixture `cluster`: real containers, and nothing left of them."""

from pathlib import Path

import pytest

from multilang.testing import TestingError
from tests.cluster import processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

WORD_COUNT = Path(__file__).parents[3] / "examples" / "word_count"


def test_a_project_runs_and_leaves_nothing(cluster):
    words = cluster.submit(WORD_COUNT, name="lake", conf={"word_count.sentences": 50})
    words.until(lambda: words.counts("sentence_spout").acked == 50, within_s=60)
    assert words.counts("count").acked == 390
    assert words.errors() == []
    assert "all 50 sentences were acked, after 0 fails" in words.log()
    with pytest.raises(TestingError, match="there are: count, sentence_spout, split"):
        words.counts("cunt")
    root = str(cluster._cluster.root)
    cluster.close()
    assert not Path(root).exists()
    assert [line for line in processes().values() if root in line] == []


def test_what_nimbus_refuses_is_an_error_of_the_test(cluster):
    with pytest.raises(TestingError, match="would be refused: Field TOPOLOGY_WORKERS"):
        cluster.submit(WORD_COUNT, conf={"topology.workers": "two"})
