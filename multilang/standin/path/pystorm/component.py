"""Stands in for pystorm.component."""

from functools import partial

from multilang.client.component import Component, Tuple, log, remote_pdb_handler
from multilang.client.errors import StormWentAwayError
from multilang.client.logs import PYTHON_LEVELS as _PYTHON_LOG_LEVELS
from multilang.client.logs import STORM_LEVELS as _STORM_LOG_LEVELS
from multilang.client.logs import LogStream, StormHandler
from multilang.client.serializers import SERIALIZERS as _SERIALIZERS
from multilang.client.serializers import JSONSerializer, MsgpackSerializer
from multilang.standin.arrival import lacking

_STORM_LOG_TRACE, _STORM_LOG_DEBUG, _STORM_LOG_INFO, _STORM_LOG_WARN, _STORM_LOG_ERROR = range(5)

__all__ = [
    "_PYTHON_LOG_LEVELS",
    "_SERIALIZERS",
    "_STORM_LOG_LEVELS",
    "Component",
    "JSONSerializer",
    "LogStream",
    "MsgpackSerializer",
    "StormHandler",
    "StormWentAwayError",
    "Tuple",
    "log",
    "remote_pdb_handler",
]

__getattr__ = partial(lacking, __name__)
