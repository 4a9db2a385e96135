"""Stands in for pystorm.serializers.msgpack_serializer."""

from functools import partial

from multilang.client.serializers import MsgpackSerializer
from multilang.standin.arrival import lacking

__all__ = ["MsgpackSerializer"]

__getattr__ = partial(lacking, __name__)
