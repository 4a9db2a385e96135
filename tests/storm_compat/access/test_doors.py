"""From a configuration with files to doors and limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storm_compat.access.doors import door_for, server_limits
from storm_compat.access.ways_in import WayIn
from storm_compat.errors import InvalidConf
from storm_compat.thrift.server import ServerLimits

LIMITS = ServerLimits()
DIGEST = WayIn("digest", "127.0.0.1", 0)


def login(folder: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    file = folder / "jaas.conf"
    file.write_text(text)
    file.chmod(mode)
    return {"java.security.auth.login.config": str(file)}


def test_a_login_file_that_others_can_read_is_complained_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = 'StormServer { M required user_a="b"; };'
    door_for(DIGEST, login(tmp_path, text), LIMITS)
    assert caplog.text == ""
    door_for(DIGEST, login(tmp_path, text, 0o644), LIMITS)
    assert "others can read the passwords of users" in caplog.text


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ({}, r"DIGEST-MD5 needs java\.security\.auth\.login\.config"),
        ({"java.security.auth.login.config": "/no/such/file"}, "which cannot be read: .*No such file"),
    ],
)
def test_digest_without_users_is_refused(conf: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidConf, match=reason):
        door_for(DIGEST, conf, LIMITS)


def test_limits_are_as_configured() -> None:
    conf = {
        "nimbus.thrift.max_buffer_size": 1_048_576,
        "heronry.thrift.max.connections": 20,
        "heronry.thrift.max.held.bytes": 2_000_000,
        "heronry.thrift.frame.timeout.secs": 2.5,
        "heronry.thrift.sign.in.timeout.secs": 3,
    }
    assert server_limits(conf) == ServerLimits(1_048_576, 20, 2_000_000, 2.5, 3)
    assert server_limits({}) == ServerLimits()


def test_requests_may_be_larger_than_the_frames_that_clients_take() -> None:
    conf = {"nimbus.thrift.max_buffer_size": 1_048_576, "heronry.thrift.max.request.bytes": 5_000_000}
    assert server_limits(conf).max_frame_bytes == 5_000_000


def test_a_frame_larger_than_all_that_is_held_by_default_raises_that_too() -> None:
    limits = server_limits({"nimbus.thrift.max_buffer_size": 2**30})
    assert (limits.max_frame_bytes, limits.max_held_bytes) == (2**30, 2**30)


@pytest.mark.parametrize("value", [0, -1, "5", True, float("nan"), float("inf")])
def test_limits_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(InvalidConf, match=r"max\.connections is .* must be a number above 0"):
        server_limits({"heronry.thrift.max.connections": value})
