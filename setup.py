"""What setup.cfg cannot say: with HERONRY_COMPILE=1 what a tuple passes is compiled, by mypyc and cc.

It is the same Python, a quarter quicker.  Without that nothing is compiled and nothing more is needed.
`make wheel` builds a package so.  Not for an editable installation: compiled modules hide their sources.
"""

import os
import sys

from setuptools import setup

MODULES = ("acks", "links", "local_task", "routing", "tuples")


def _extensions() -> list[object]:
    if os.environ.get("HERONRY_COMPILE") != "1":
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        sys.exit(
            "HERONRY_COMPILE=1 needs mypy where the package is built: pip install mypy 'setuptools<81', "
            "then pip install --no-build-isolation"
        )
    return list(mypycify([f"scheduler/stream/{module}.py" for module in MODULES]))


setup(ext_modules=_extensions())
