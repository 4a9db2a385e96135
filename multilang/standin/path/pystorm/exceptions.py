"""Stands in for pystorm.exceptions."""

from functools import partial

from multilang.client.errors import StormWentAwayError
from multilang.standin.arrival import lacking

__all__ = ["StormWentAwayError"]

__getattr__ = partial(lacking, __name__)
