"""Which doors Nimbus opens at which addresses, from its configuration.

    nimbus.thrift.port, host of --nimbus      by nimbus.thrift.transport, else storm.thrift.transport
    heronry.thrift.digest.port                DIGEST-MD5         unset: closed; 0: any free port
    heronry.thrift.plain.sasl.port            PLAIN              the same
    nimbus.thrift.tls.port                    TLS                0: closed, as in Storm
    heronry.thrift.host                       host of these three; unset: that of --nimbus

A door that asks nobody who he is opens to this machine alone, unless heronry.trust.network says that whoever
reaches it may run programs here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from storm_compat.caller import Transport
from storm_compat.errors import Exposed, InvalidConf

LOGIN_KEY: Final = "java.security.auth.login.config"
TRUST_KEY: Final = "heronry.trust.network"

_TRANSPORTS: Final[dict[str, Transport]] = {
    "SimpleTransportPlugin": "plain",
    "DigestSaslTransportPlugin": "digest",
    "PlainSaslTransportPlugin": "plain-sasl",
}
_SASL_PORTS: Final[dict[str, Transport]] = {
    "heronry.thrift.digest.port": "digest",
    "heronry.thrift.plain.sasl.port": "plain-sasl",
}


@dataclass(frozen=True, slots=True)
class WayIn:
    """One address and what is asked of those who come there."""

    transport: Transport
    host: str
    port: int


def ways_in(conf: Mapping[str, Any], host: str, port: int) -> list[WayIn]:
    """Return where to listen; the first is the one that clients without more ado come to.

    Raises:
        InvalidConf: a key names something that we do not have, or a port that is none.
        Exposed: a door that asks nothing would be open to other machines.
    """
    ways = [WayIn(_transport(conf), host, port)]
    other_host = str(conf.get("heronry.thrift.host") or host)
    for key, transport in _SASL_PORTS.items():
        if conf.get(key) is not None:
            ways.append(WayIn(transport, other_host, _port(conf, key)))
    if tls_port := _port(conf, "nimbus.thrift.tls.port"):
        ways.append(WayIn("tls", other_host, tls_port))
    if conf.get("nimbus.thrift.tls.server.only"):
        raise InvalidConf(
            "nimbus.thrift.tls.server.only is not supported: there is always the port of --nimbus. "
            "Leave that one on 127.0.0.1 and give heronry.thrift.host the address for TLS"
        )
    if not conf.get(TRUST_KEY):
        for way in ways:
            if not is_local(way.host) and not asks_who(way, conf):
                raise Exposed(way.host, way.port, way.transport)
    return ways


def warnings(ways: list[WayIn], conf: Mapping[str, Any]) -> Iterator[str]:
    """Return what the person who starts this should know."""
    for way in ways:
        if not is_local(way.host) and not asks_who(way, conf):
            yield (
                f"Nimbus listens on {way.host} ({way.transport}), not only on this machine, and asks nobody "
                "for a password: whoever reaches that address can run programs here as this user"
            )
        elif not is_local(way.host) and way.transport != "tls":
            yield (
                f"Nimbus listens on {way.host} ({way.transport}) without encryption: who can listen to that "
                "network sees all that is sent"
            )


def asks_who(way: WayIn, conf: Mapping[str, Any]) -> bool:
    """Return whether nobody gets in there without a proof of who he is."""
    if way.transport == "tls":
        return bool(conf.get("nimbus.thrift.tls.client.auth.required"))
    if way.transport == "plain-sasl":
        return conf.get(LOGIN_KEY) is not None
    return way.transport == "digest"


def is_local(host: str) -> bool:
    """Return whether only this machine reaches an address; a name counts as reachable from anywhere."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


_SECRET: Final = (".password", ".keypassword", ".auth.payload")


def without_secrets(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration that may be shown to clients and components."""
    return {key: value for key, value in conf.items() if not key.endswith(_SECRET)}


def _transport(conf: Mapping[str, Any]) -> Transport:
    key = "nimbus.thrift.transport" if conf.get("nimbus.thrift.transport") else "storm.thrift.transport"
    name = str(conf.get(key) or "SimpleTransportPlugin")
    transport = _TRANSPORTS.get(name.rpartition(".")[2])
    if transport is None:
        raise InvalidConf(
            f"{key} is {name}; there are {', '.join(_TRANSPORTS)}, and TLS by nimbus.thrift.tls.port. "
            "Kerberos is not supported"
        )
    return transport


def _port(conf: Mapping[str, Any], key: str) -> int:
    port = conf.get(key) or 0
    if not isinstance(port, int) or not 0 <= port <= 65535:
        raise InvalidConf(f"{key} is {port!r}; a port is a number from 0 to 65535")
    return port
