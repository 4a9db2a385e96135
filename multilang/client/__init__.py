"""A library for authors of components, under pystorm's names and several times faster.

    from multilang.client import Bolt, Spout

Needs nothing of the rest of Heronry and, besides Python, msgspec alone.
Components run with it on any host that speaks Storm's multilang protocol.
"""

from multilang.client.batching import BatchingBolt, TicklessBatchingBolt
from multilang.client.bolt import Bolt
from multilang.client.component import Component, Tuple
from multilang.client.errors import StormWentAwayError
from multilang.client.logs import StormHandler
from multilang.client.spout import ReliableSpout, Spout

__all__ = [
    "BatchingBolt",
    "Bolt",
    "Component",
    "ReliableSpout",
    "Spout",
    "StormHandler",
    "StormWentAwayError",
    "TicklessBatchingBolt",
    "Tuple",
]
