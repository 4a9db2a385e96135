"""The other end of a component's pipes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from multilang.conformance.host import KEPT_ASIDES, Broken, Host

WRONG = Path(__file__).parent / "components" / "wrong.py"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def test_a_component_that_logs_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    command = [sys.executable, str(WRONG), "logs_for_ever"]
    with Host(command, tmp_path, patience_s=2.0, own_bin=Path(sys.executable).parent) as host:
        host.patience_s = 20.0
        host.greet()
        host.patience_s = 2.0
        with pytest.raises(Broken, match="an answer did not come within 2 s"):
            host.answer()
        assert len(host.asides) == KEPT_ASIDES
