"""Stands in for pystorm.bolt."""

from functools import partial

from multilang.client.batching import BatchingBolt, TicklessBatchingBolt
from multilang.client.bolt import Bolt
from multilang.client.component import Component, Tuple
from multilang.standin.arrival import lacking

__all__ = ["BatchingBolt", "Bolt", "Component", "TicklessBatchingBolt", "Tuple"]

__getattr__ = partial(lacking, __name__)
