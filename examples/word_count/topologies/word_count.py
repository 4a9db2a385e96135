"""The word count topology: sentences, split into words, counted.

    sentence_spout --shuffle--> split --by word--> count

Change `par` to run more tasks of a component. The tick each second is when `count` writes its result file.
"""

from streamparse import Grouping, Topology

from bolts.count import CountBolt
from bolts.split import SplitBolt
from spouts.sentences import SentenceSpout


class WordCount(Topology):
    sentence_spout = SentenceSpout.spec(par=1)
    split = SplitBolt.spec(inputs={sentence_spout: Grouping.SHUFFLE}, par=2)
    count = CountBolt.spec(
        inputs={split: Grouping.fields("word")}, par=2, config={"topology.tick.tuple.freq.secs": 1}
    )
