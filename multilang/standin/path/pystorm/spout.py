"""Stands in for pystorm.spout."""

from functools import partial

from multilang.client.component import Component
from multilang.client.spout import ReliableSpout, Spout
from multilang.standin.arrival import lacking

__all__ = ["Component", "ReliableSpout", "Spout"]

__getattr__ = partial(lacking, __name__)
