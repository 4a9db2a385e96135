"""Key stores of both kinds, proved by handshakes in memory."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from storm_compat.access.tls import server_context
from storm_compat.errors import InvalidConf

PREFIX = "nimbus.thrift.tls.server."
PASSWORD = "s3cret"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return a folder with our key and the authority's certificate, as PEM and as PKCS12."""
    own = authority.issue_cert("nimbus.example")
    pem = own.private_key_and_cert_chain_pem.bytes()
    (tmp_path / "own.pem").write_bytes(pem)
    (tmp_path / "trust.pem").write_bytes(authority.cert_pem.bytes())
    key: Any = load_pem_private_key(own.private_key_pem.bytes(), None)
    (tmp_path / "locked.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode()))
        + own.cert_chain_pems[0].bytes()
    )
    certificate = x509.load_pem_x509_certificate(own.cert_chain_pems[0].bytes())
    root = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    seal = BestAvailableEncryption(PASSWORD.encode())
    (tmp_path / "own.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"nimbus", key, certificate, [root], seal)
    )
    (tmp_path / "open.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"nimbus", key, certificate, None, NoEncryption())
    )
    (tmp_path / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore([pkcs12.PKCS12Certificate(root, b"root")], seal)
    )
    (tmp_path / "trust.jks").write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2")
    (tmp_path / "noise").write_bytes(b"\x30\x82\0\0noise")
    return tmp_path


def context(files: Path, own: str, trust: str | None, **more: Any) -> ssl.SSLContext:
    conf = {
        f"{PREFIX}keystore.path": str(files / own),
        f"{PREFIX}keystore.password": PASSWORD,
        f"{PREFIX}truststore.path": None if trust is None else str(files / trust),
        f"{PREFIX}truststore.password": PASSWORD,
        "nimbus.thrift.tls.client.auth.required": True,
    }
    return server_context(conf | more)


def shake_hands(server_side: ssl.SSLContext, authority: trustme.CA) -> str:
    """Return the name of the client that the server has seen, after a handshake."""
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    authority.issue_cert("client.example", common_name="alice").configure_cert(client_side)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname="nimbus.example")
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
    certificate: Any = server.getpeercert()
    return next(value for ((name, value),) in certificate["subject"] if name == "commonName")


@pytest.mark.parametrize("own", ["own.pem", "locked.pem", "own.p12", "open.p12"])
@pytest.mark.parametrize("trust", ["trust.pem", "trust.p12"])
def test_stores_of_both_kinds_serve(files: Path, authority: trustme.CA, own: str, trust: str) -> None:
    more = {f"{PREFIX}keystore.password": None} if own == "open.p12" else {}
    assert shake_hands(context(files, own, trust, **more), authority) == "alice"


def test_clients_must_show_a_certificate_may_or_need_not(files: Path) -> None:
    assert context(files, "own.pem", "trust.pem").verify_mode is ssl.CERT_REQUIRED
    optional = {"nimbus.thrift.tls.client.auth.required": False}
    assert context(files, "own.pem", "trust.pem", **optional).verify_mode is ssl.CERT_OPTIONAL
    assert context(files, "own.pem", None, **optional).verify_mode is ssl.CERT_NONE


def test_nothing_older_than_tls_1_2_is_spoken(files: Path) -> None:
    assert context(files, "own.pem", "trust.pem").minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("own", "trust", "reason"),
    [
        ("none.pem", "trust.pem", r"keystore\.path is .*none\.pem, which cannot be used: No such file"),
        ("noise", "trust.pem", r"keystore\.path is .*noise, which cannot be used"),
        ("trust.pem", "trust.pem", r"keystore\.path is .*trust\.pem, which cannot be used"),
        ("trust.p12", "trust.pem", "it holds no key with its certificate"),
        ("own.pem", "trust.jks", "it is a JKS store; convert it: keytool"),
        ("own.pem", "noise", r"truststore\.path is .*noise, which cannot be used"),
        ("own.pem", None, r"truststore\.path must name the certificates that clients are believed by"),
    ],
)
def test_what_cannot_serve_is_named_by_its_key(files: Path, own: str, trust: str, reason: str) -> None:
    with pytest.raises(InvalidConf, match=reason):
        context(files, own, trust)


@pytest.mark.parametrize("own", ["locked.pem", "own.p12"])
@pytest.mark.parametrize("password", ["wrong", None])
def test_a_wrong_or_missing_password_is_an_error_and_no_question(
    files: Path, own: str, password: str | None
) -> None:
    with pytest.raises(InvalidConf, match="which cannot be used"):
        context(files, own, "trust.pem", **{f"{PREFIX}keystore.password": password})


def test_no_key_store_at_all_is_an_error() -> None:
    with pytest.raises(InvalidConf, match=r"keystore\.path is None, which cannot be used: it is not set"):
        server_context({})
