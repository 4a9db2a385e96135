"""Stands in for pystorm.bolt."""

import logging
from functools import partial

from multilang.client.batching import BatchingBolt, TicklessBatchingBolt
from multilang.client.bolt import Bolt
from multilang.client.component import Component, Tuple
from multilang.standin.arrival import lacking

log = logging.getLogger(__name__)

__all__ = ["BatchingBolt", "Bolt", "Component", "TicklessBatchingBolt", "Tuple", "log"]

__getattr__ = partial(lacking, __name__)
