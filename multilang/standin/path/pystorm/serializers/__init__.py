"""Stands in for pystorm.serializers."""

from functools import partial

from multilang.standin.arrival import lacking

__getattr__ = partial(lacking, __name__)
