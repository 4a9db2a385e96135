"""One target under atheris, which looks for what reaches new code; what follows its name is libFuzzer's."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["storm_compat.thrift", "storm_compat.access.jaas"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()
