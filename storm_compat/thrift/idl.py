"""Storm's Thrift classes, made from `storm.thrift` on first use.

    storm = idl.load()
    storm.StormTopology(spouts={}, bolts={}, state_spouts={})
    ThriftServer(storm.Nimbus, handler)

Nothing is parsed at import time, so a command that needs no Thrift does not pay for it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

# thriftpy2 registers the module in sys.modules under this name and insists on the suffix. streamparse takes
# `storm_thrift`, and users do run both in one process.
MODULE_NAME = "heronry_storm_thrift"


@cache
def load() -> ModuleType:
    """Return the module that holds every struct, enum, exception and service of Storm's interface.

    The same module every time; the first call takes about 0.1 s. Unset fields of its classes are ``None``.
    Attributes are typed ``Any``: the classes exist only at run time.
    """
    import thriftpy2

    module: ModuleType = thriftpy2.load(Path(__file__).with_name("storm.thrift"), module_name=MODULE_NAME)
    return module
