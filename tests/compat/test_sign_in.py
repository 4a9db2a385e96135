"""Check 39: our commands sign in to a real Storm, by the file that its own clients have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import BIN, run
from tests.compat.real_storm import HURRIED, RealStorm

pytestmark = [pytest.mark.slow, pytest.mark.storm_only]

AUTH = "org.apache.storm.security.auth"
LOGIN = """
StormServer {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_alice="wonder";
};
StormClient {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="%s" password="%s";
};
"""


def login(path: Path, user: str, password: str) -> Path:
    path.write_text(LOGIN % (user, password))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("mechanism", "plugin", "password"),
    [
        ("digest", "digest.DigestSaslTransportPlugin", "wonder"),
        # What Storm's own client says, whoever it is.
        ("plain", "plain.PlainSaslTransportPlugin", "password"),
    ],
)
def test_39_our_commands_sign_in_to_storm(tmp_path: Path, mechanism: str, plugin: str, password: str) -> None:
    alice = login(tmp_path / "alice.conf", "alice", password)

    def listed(storm: RealStorm, file: Path, *options: str) -> tuple[int, str]:
        words = ("--nimbus", storm.address, "--login", str(file), "--mechanism", mechanism, *options)
        return run(BIN / "heronry", *words, "list", cwd=tmp_path)

    conf = {"storm.thrift.transport": f"{AUTH}.{plugin}", "java.security.auth.login.config": str(alice)}
    with RealStorm(
        tmp_path / "home",
        {**HURRIED, **conf},
        daemons=("zookeeper", "nimbus"),
        is_ready=lambda storm: listed(storm, alice)[0] == 0,
    ) as storm:
        assert "No topologies running" in listed(storm, alice)[1]
        if mechanism == "digest":
            code, output = listed(storm, login(tmp_path / "wrong.conf", "alice", "wrong"))
            assert (code, "does not let us in: DIGEST-MD5" in output) == (5, True), output
            assert "Check username and password" in output
        code, output = run(BIN / "heronry", "--nimbus", storm.address, "list", cwd=tmp_path)
        assert (code, "Perhaps the port wants another way in" in output) == (6, True), output
