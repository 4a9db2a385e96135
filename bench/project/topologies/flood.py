"""A spout without limit, a bolt that makes twenty tuples of one, and one that is slow."""

from flooding import FanBolt, FloodSpout, SlowBolt
from streamparse import Grouping, Topology


class Flood(Topology):
    """Nothing is anchored, so only flow control holds anybody back."""

    spout = FloodSpout.spec()
    fan = FanBolt.spec(inputs={spout: Grouping.SHUFFLE})
    slow = SlowBolt.spec(inputs={fan: Grouping.SHUFFLE})
