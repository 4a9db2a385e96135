"""Every way in against every door, over real sockets: who gets in as whom, and what the others are told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from storm_compat.caller import current
from storm_compat.client import ClientError, NimbusAddress, NimbusClient, NimbusUnreachable, NotLetIn
from storm_compat.client_ways import FramedWay, Obstacle, SaslWay, TlsWay, UnusableFile, Way
from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.doors import Door, FramedDoor, SaslDoor, TlsDoor
from storm_compat.thrift.sasl import Plain, Status, message
from storm_compat.thrift.wire_scan import ScanLimits
from tests.storm_compat.serving import serving

pytestmark = pytest.mark.timeout(30)
USERS = {"alice": "wonder"}
MAX_BYTES = 64 * 1024 * 1024


class Handler:
    """Tells who calls."""

    def getNimbusConf(self) -> str:  # noqa: N802  Storm's name
        caller = current()
        return f'{{"principal": "{caller.principal}", "transport": "{caller.transport}"}}'

    def isTopologyNameAllowed(self, name: str) -> bool:  # noqa: N802  Storm's name
        return len(name) > 100_000


@dataclass(frozen=True)
class Files:
    authority: trustme.CA
    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / f"{name}.pem"


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return where alice's certificate and key are, those of a stranger, and whom to believe."""
    files = Files(trustme.CA(), tmp_path_factory.mktemp("pem"))
    own = files.authority.issue_cert("client.example", common_name="alice")
    files.authority.cert_pem.write_to_path(str(files.authorities))
    own.cert_chain_pems[0].write_to_path(str(files.cert))
    own.private_key_pem.write_to_path(str(files.key))
    own.private_key_and_cert_chain_pem.write_to_path(str(files.both))
    trustme.CA().issue_cert("x.example").private_key_and_cert_chain_pem.write_to_path(str(files.stranger))
    key: Any = load_pem_private_key(own.private_key_pem.bytes(), None)
    files.locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open"))
    )
    files.noise.write_bytes(b"\x30\x82noise")
    return files


def door(kind: str, files: Files, *names: str) -> Door:
    if kind == "framed":
        return FramedDoor(MAX_BYTES)
    if kind == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        files.authority.configure_trust(context)
        files.authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
        return TlsDoor(MAX_BYTES, ScanLimits(), context)
    if kind == "digest":
        made: Any = {"DIGEST-MD5": lambda: DigestMd5(USERS, nonce="n0nce", decoy="decoy")}
    else:
        made = {"PLAIN": lambda: Plain(USERS)}
    return SaslDoor(MAX_BYTES, "digest" if kind == "digest" else "plain-sasl", made, lambda *_: False)


def way(kind: str, files: Files) -> Way:
    ways: dict[str, Callable[[], Way]] = {
        "framed": FramedWay,
        "digest": lambda: SaslWay("digest", "alice", "wonder"),
        "plain": lambda: SaslWay("plain", "alice", "wonder"),
        "tls": lambda: TlsWay(files.authorities, files.cert, files.key),
        "tls-nobody": lambda: TlsWay(files.authorities),
        "tls-stranger": lambda: TlsWay(files.authorities, files.stranger),
    }
    return ways[kind]()


def obstacle(address: tuple[str, int], by: Way, timeout_s: float = 10.0) -> tuple[type, Obstacle | None]:
    """Return how a client fails, with the obstacle, in its first call at the latest."""
    with (
        pytest.raises(ClientError) as caught,
        NimbusClient(NimbusAddress(*address), by, call_timeout_s=timeout_s) as client,
    ):
        client.conf()
    assert "wonder" not in str(caught.value)
    return caught.type, getattr(caught.value, "obstacle", None)


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, int]]:
    """Serve one client: for what it says each time, an answer; then say no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            connection, _ = listener.accept()
            with connection:
                for answer in answers:
                    connection.recv(65536)
                    connection.sendall(answer)
                with suppress(OSError):  # the client may be gone
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

        thread = threading.Thread(target=work)
        thread.start()
        yield listener.getsockname()
        thread.join(10)


@pytest.mark.parametrize(
    ("where", "by", "principal"),
    [
        ("framed", "framed", "None"),
        ("digest", "digest", "alice"),
        ("plain", "plain", "alice"),
        ("tls", "tls", "CN=alice,"),
    ],
)
def test_the_right_way_leads_in(pem: Files, where: str, by: str, principal: str) -> None:
    with (
        serving(Handler(), door(where, pem)) as address,
        NimbusClient(NimbusAddress(*address), way(by, pem)) as client,
    ):
        assert client.conf()["principal"].startswith(principal)
        assert client.is_name_allowed("x" * 200_000) is True


@pytest.mark.parametrize(
    ("where", "by", "kind", "wanted"),
    [
        ("framed", "digest", NimbusUnreachable, Obstacle.SIGN_IN_UNKNOWN),
        ("framed", "plain", NimbusUnreachable, Obstacle.SIGN_IN_UNKNOWN),
        ("framed", "tls", NimbusUnreachable, Obstacle.TLS_UNKNOWN),
        ("digest", "framed", NimbusUnreachable, Obstacle.SIGN_IN_WANTED),
        ("digest", "plain", NotLetIn, Obstacle.OTHER_MECHANISM),
        ("digest", "tls", NimbusUnreachable, Obstacle.TLS_UNKNOWN),
        ("plain", "framed", NimbusUnreachable, Obstacle.SIGN_IN_WANTED),
        ("plain", "digest", NotLetIn, Obstacle.OTHER_MECHANISM),
        ("tls", "framed", NimbusUnreachable, Obstacle.CLOSED),
        ("tls", "digest", NimbusUnreachable, Obstacle.CLOSED),
        ("tls", "tls-nobody", NotLetIn, Obstacle.CERTIFICATE_WANTED),
        ("tls", "tls-stranger", NotLetIn, Obstacle.CERTIFICATE_REFUSED),
    ],
)
def test_another_way_leads_nowhere_and_shows_what_is_wanted(
    pem: Files, where: str, by: str, kind: type, wanted: Obstacle
) -> None:
    with serving(Handler(), door(where, pem)) as address:
        assert obstacle(address, way(by, pem)) == (kind, wanted)


@pytest.mark.parametrize("mechanism", ["digest", "plain"])
@pytest.mark.parametrize(("user", "password"), [("alice", "wonderful"), ("nobody", "wonder")])
def test_a_wrong_password_is_told_with_the_user(pem: Files, mechanism: Any, user: str, password: str) -> None:
    with (
        serving(Handler(), door(mechanism, pem)) as address,
        pytest.raises(
            NotLetIn, match=rf"does not let us in: .*wrong user name or password \(user '{user}'\)"
        ),
        NimbusClient(NimbusAddress(*address), SaslWay(mechanism, user, password)),
    ):
        pass


def test_a_server_is_believed_for_its_certificate_and_its_name(pem: Files) -> None:
    with serving(Handler(), door("tls", pem, "nimbus.example")) as address:
        assert obstacle(address, way("tls", pem))[1] is Obstacle.OTHER_NAME
    with serving(Handler(), door("tls", pem)) as address:
        assert obstacle(address, TlsWay())[1] is Obstacle.NOT_TRUSTED
        assert obstacle(address, TlsWay(pem.cert))[1] is Obstacle.NOT_TRUSTED


def test_a_certificate_whose_time_is_over_is_not_helped_by_trust(pem: Files) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem.authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)).configure_cert(context)
    with serving(Handler(), TlsDoor(MAX_BYTES, ScanLimits(), context)) as address:
        assert obstacle(address, way("tls", pem))[1] is Obstacle.BAD_CERTIFICATE


@pytest.mark.parametrize(
    ("by", "answers", "wanted"),
    [
        # Java's TLS has an answer to everything.
        ("framed", [b"\x15\x03\x03\x00\x02\x02\x0a"], Obstacle.TLS_WANTED),
        ("digest", [b"\x15\x03\x03\x00\x02\x02\x0a"], Obstacle.TLS_WANTED),
        ("framed", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], Obstacle.OTHER_SERVER),
        ("digest", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], Obstacle.OTHER_SERVER),
        ("digest", [b"220 mail.example ESMTP\r\n"], Obstacle.OTHER_SERVER),
        ("digest", [], Obstacle.CLOSED),
        ("framed", [], Obstacle.CLOSED),
        ("tls", [], Obstacle.TLS_UNKNOWN),
        ("tls", [b"220 mail.example ESMTP\r\n"], Obstacle.TLS_UNKNOWN),
        ("digest", [message(Status.COMPLETE, b"rspauth=x")], Obstacle.IMPOSTOR),
        ("digest", [message(Status.OK, b"realm=")[:7]], None),
    ],
)
def test_other_servers_are_known_by_their_answers(
    pem: Files, by: str, answers: list[bytes], wanted: Obstacle | None
) -> None:
    with answering(*answers) as address:
        assert obstacle(address, way(by, pem)) == (NimbusUnreachable, wanted)


@pytest.mark.parametrize(("by", "wanted"), [("digest", "SIGN_IN_UNKNOWN"), ("tls", "TLS_UNKNOWN")])
def test_a_server_that_says_nothing_is_given_up(pem: Files, by: str, wanted: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert obstacle(listener.getsockname(), way(by, pem), 0.2)[1] is Obstacle[wanted]


def test_a_connection_that_was_good_once_shows_nothing_of_the_door_when_it_is_lost(pem: Files) -> None:
    answer = b"\x80\x01\0\x02\0\0\0\x0dgetNimbusConf\0\0\0\0\x0b\0\0\0\0\0\x02{}\0"
    with (
        answering(len(answer).to_bytes(4) + answer) as address,
        NimbusClient(NimbusAddress(*address), FramedWay()) as client,
    ):
        assert client.conf() == {}
        with pytest.raises(NimbusUnreachable, match="connection lost in getNimbusConf") as caught:
            client.conf()
        assert caught.value.obstacle is None


def test_an_encrypted_key_opens_with_its_passphrase(pem: Files) -> None:
    by = TlsWay(pem.authorities, pem.cert, pem.locked, passphrase=lambda: "open")
    with (
        serving(Handler(), door("tls", pem)) as address,
        NimbusClient(NimbusAddress(*address), by) as client,
    ):
        assert client.conf()["transport"] == "tls"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["none"], r"none\.pem cannot be used: No such file"),
        (["noise"], r"noise\.pem cannot be used: it does not hold certificates as PEM"),
        (["authorities", "none"], r"none\.pem cannot be used: No such file"),
        (["authorities", "cert"], r"cert\.pem cannot be used: it does not hold a certificate and its key"),
        (["authorities", "cert", "none"], r"none\.pem cannot be used: No such file"),
        (["authorities", "stranger", "key"], r"stranger\.pem cannot be used: .*the one that .*key\.pem"),
        (["authorities", "cert", "locked"], r"cert\.pem cannot be used"),
    ],
)
def test_a_file_of_no_use_is_named(pem: Files, files: list[str], reason: str) -> None:
    with pytest.raises(UnusableFile, match=reason):
        TlsWay(*(pem.folder / f"{name}.pem" for name in files))
