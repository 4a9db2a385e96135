"""Puts `multilang.client` in pystorm's place for components that know nothing of it.

    heronry.accelerate: true -> PYTHONPATH=<path/>:... -> import pystorm -> path/pystorm -> multilang.client

`environment` is for the host.  All else runs in the component's own
environment, which need not have Heronry in it.  What cannot be stood in for
raises an ImportError that says so while the component is imported, before it
has said anything to its host.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

KEY: Final = "heronry.accelerate"
MSGSPEC_VARIABLE: Final = "HERONRY_MSGSPEC"
"""Where the host's msgspec is, for environments that have none of their own."""


_PATH: Final = str(Path(__file__).parent / "path")


def is_in(environment: Mapping[str, str]) -> bool:
    """Return whether a Python component with these variables finds the fast library as pystorm."""
    return environment.get("PYTHONPATH", "").split(os.pathsep)[0] == _PATH


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make a Python component take the fast library for pystorm."""
    paths = [_PATH, *filter(None, [inherited.get("PYTHONPATH")])]
    variables = {"PYTHONPATH": os.pathsep.join(paths)}
    spec = importlib.util.find_spec("msgspec")
    if spec is not None and spec.origin is not None:
        variables[MSGSPEC_VARIABLE] = str(Path(spec.origin).parent)
    return variables
