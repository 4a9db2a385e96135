"""Stands in for pystorm.serializers.json_serializer."""

from functools import partial

from multilang.client.serializers import JSONSerializer
from multilang.standin.arrival import lacking

__all__ = ["JSONSerializer"]

__getattr__ = partial(lacking, __name__)
