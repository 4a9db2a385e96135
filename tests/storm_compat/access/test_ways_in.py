"""From a configuration to doors, and never to an open one by accident."""

from __future__ import annotations

from typing import Any

import pytest

from storm_compat.access.ways_in import WayIn, is_local, ways_in, without_secrets
from storm_compat.access.ways_in import warnings as warnings_of
from storm_compat.conf import cluster
from storm_compat.errors import Exposed, InvalidConf

LOGIN = {"java.security.auth.login.config": "/etc/jaas.conf"}
AUTH = "org.apache.storm.security.auth."


def ways(overrides: dict[str, Any], host: str = "127.0.0.1") -> list[WayIn]:
    return ways_in(cluster(overrides), host, 6627)


def test_by_default_there_is_the_plain_one() -> None:
    assert ways({}) == [WayIn("plain", "127.0.0.1", 6627)]


def test_plain_sasl_and_tls_can_be_open_at_once() -> None:
    conf = LOGIN | {
        "heronry.thrift.digest.port": 0,
        "heronry.thrift.plain.sasl.port": 6629,
        "nimbus.thrift.tls.port": 6630,
        "heronry.thrift.host": "10.0.0.1",
    }
    assert ways(conf) == [
        WayIn("plain", "127.0.0.1", 6627),
        WayIn("digest", "10.0.0.1", 0),
        WayIn("plain-sasl", "10.0.0.1", 6629),
        WayIn("tls", "10.0.0.1", 6630),
    ]


@pytest.mark.parametrize(
    ("key", "name", "transport"),
    [
        ("storm.thrift.transport", f"{AUTH}digest.DigestSaslTransportPlugin", "digest"),
        ("nimbus.thrift.transport", f"{AUTH}plain.PlainSaslTransportPlugin", "plain-sasl"),
        ("nimbus.thrift.transport", "backtype.storm.security.auth.SimpleTransportPlugin", "plain"),
    ],
)
def test_the_main_port_speaks_as_storms_keys_say(key: str, name: str, transport: str) -> None:
    assert [way.transport for way in ways({key: name})] == [transport]


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (
            {"storm.thrift.transport": f"{AUTH}kerberos.KerberosSaslTransportPlugin"},
            "Kerberos is not supported",
        ),
        ({"heronry.thrift.digest.port": "6628"}, "heronry.thrift.digest.port is '6628'"),
        ({"heronry.thrift.digest.port": 70000}, "a port is a number from 0 to 65535"),
        ({"nimbus.thrift.tls.server.only": True}, "is not supported"),
    ],
)
def test_what_we_do_not_have_is_refused(overrides: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidConf, match=reason):
        ways(overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"storm.thrift.transport": f"{AUTH}plain.PlainSaslTransportPlugin"},
        {"nimbus.thrift.tls.port": 1, "nimbus.thrift.tls.client.auth.required": False},
    ],
)
def test_a_door_that_asks_nothing_does_not_open_to_other_machines(overrides: dict[str, Any]) -> None:
    with pytest.raises(Exposed, match="could run programs here as this user"):
        ways(overrides, "0.0.0.0")
    conf = cluster(overrides | {"heronry.trust.network": True})
    trusted = ways_in(conf, "0.0.0.0", 6627)
    assert "asks nobody for a password" in " ".join(warnings_of(trusted, conf))


def test_doors_that_ask_may_open_to_other_machines() -> None:
    conf = LOGIN | {
        "storm.thrift.transport": f"{AUTH}digest.DigestSaslTransportPlugin",
        "heronry.thrift.plain.sasl.port": 1,
        "nimbus.thrift.tls.port": 2,
    }
    opened = ways(conf, "0.0.0.0")
    assert [way.transport for way in opened] == ["digest", "plain-sasl", "tls"]
    said = list(warnings_of(opened, cluster(conf)))
    assert len(said) == 2
    assert all("without encryption" in text for text in said)


@pytest.mark.parametrize(
    ("host", "is_so"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("", False), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("nimbus.example", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, is_so: bool) -> None:
    assert is_local(host) is is_so


def test_passwords_are_not_shown() -> None:
    secrets = ("nimbus.thrift.tls.server.keystore.password", "storm.zookeeper.auth.payload")
    shown = without_secrets({**dict.fromkeys(secrets, "x"), "nimbus.thrift.port": 1})
    assert shown == {"nimbus.thrift.port": 1}
