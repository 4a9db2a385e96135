"""spout --shuffle--> split --by word--> count, on pystorm; environment `wide`: two tasks of each bolt."""

from counting import CountBolt, SentenceSpout, SplitBolt
from streamparse import Grouping, Topology

BOLTS = {"narrow": 1, "wide": 2}


class Words(Topology):
    """Word count."""

    spout = SentenceSpout.spec()
    split = SplitBolt.spec(inputs={spout: Grouping.SHUFFLE}, par=BOLTS)
    count = CountBolt.spec(inputs={split: Grouping.fields("word")}, par=BOLTS)
