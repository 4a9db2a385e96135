"""pystorm's names, on Heronry's library; see `multilang.standin`."""

import sys

if sys.version_info < (3, 11):  # in words that Python 2 understands, too: pystorm runs on it
    raise ImportError(
        "heronry.accelerate needs Python 3.11 or newer, and this component runs on %s (%s): take"
        " heronry.accelerate out of the conf of this component, or of its topology"
        % (sys.version.split()[0], sys.executable)
    )

import importlib.util
from pathlib import Path
from types import ModuleType

if importlib.util.find_spec("multilang") is None:
    # The package that this file is in, without all else that is installed beside it.
    _house = ModuleType("multilang")
    _house.__path__ = [str(Path(__file__).resolve().parents[3])]
    sys.modules["multilang"] = _house

from multilang.standin.arrival import arrive

arrive()

from pystorm import bolt, component, exceptions, spout
from pystorm.bolt import BatchingBolt, Bolt, TicklessBatchingBolt
from pystorm.component import Component, Tuple
from pystorm.spout import ReliableSpout, Spout
from pystorm.version import VERSION, __version__

__all__ = [
    "VERSION",
    "BatchingBolt",
    "Bolt",
    "Component",
    "ReliableSpout",
    "Spout",
    "TicklessBatchingBolt",
    "Tuple",
    "__version__",
    "bolt",
    "component",
    "exceptions",
    "spout",
]
