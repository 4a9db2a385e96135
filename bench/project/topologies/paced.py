"""spout --> b1 --> b2 at a steady rate."""

from pacing import PacedSpout, RelayBolt, SinkBolt
from streamparse import Grouping, Topology


class Paced(Topology):
    """Three components in a row."""

    spout = PacedSpout.spec()
    b1 = RelayBolt.spec(inputs={spout: Grouping.SHUFFLE})
    b2 = SinkBolt.spec(inputs={b1: Grouping.SHUFFLE})
