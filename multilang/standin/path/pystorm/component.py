"""Stands in for pystorm.component."""

from functools import partial

from multilang.client.component import Component, Tuple, log
from multilang.client.errors import StormWentAwayError
from multilang.client.logs import LogStream, StormHandler
from multilang.client.serializers import SERIALIZERS as _SERIALIZERS
from multilang.standin.arrival import lacking

__all__ = ["_SERIALIZERS", "Component", "LogStream", "StormHandler", "StormWentAwayError", "Tuple", "log"]

__getattr__ = partial(lacking, __name__)
