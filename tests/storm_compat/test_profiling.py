from __future__ import annotations

from typing import Any

import pytest

from storm_compat.errors import InvalidSetting, NotForUs
from storm_compat.profiling import to_restart
from storm_compat.thrift import idl


def request(action: str, *ports: int) -> Any:
    storm = idl.load()
    return storm.ProfileRequest(
        storm.NodeInfo("here", set(ports)), storm.ProfileAction._NAMES_TO_VALUES[action]
    )


def test_a_restart_names_the_containers_by_their_ports() -> None:
    assert to_restart(request("JVM_RESTART", 6702, 6700, 6702)) == [1, 3]


def test_what_needs_a_jvm_is_refused_with_a_hint() -> None:
    with pytest.raises(NotForUs, match=r"JSTACK_DUMP needs a JVM.*JVM_RESTART.*py-spy"):
        to_restart(request("JSTACK_DUMP", 6700))


def test_a_request_must_name_a_worker() -> None:
    for nothing in (request("JVM_RESTART"), None):
        with pytest.raises(InvalidSetting, match="names no worker"):
            to_restart(nothing)
