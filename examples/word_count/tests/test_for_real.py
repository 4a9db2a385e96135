"""Word count in real containers."""

from word_count import WordCount


def test_it_runs_in_containers(cluster):
    words = cluster.submit(WordCount, conf={"word_count.sentences": 100})

    words.until(lambda: words.counts("count").acked == 780)

    assert words.counts("sentence_spout").acked == 100
    assert words.errors() == []
    assert "all 100 sentences were acked, after 0 fails" in words.log()
