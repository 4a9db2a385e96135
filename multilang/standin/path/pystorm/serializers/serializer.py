"""Stands in for pystorm.serializers.serializer."""

from functools import partial

from multilang.client.serializers import Serializer
from multilang.standin.arrival import lacking

__all__ = ["Serializer"]

__getattr__ = partial(lacking, __name__)
