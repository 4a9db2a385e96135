"""The doors over real sockets: who gets in, as whom, and what happens to the others."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.caller import current
from storm_compat.thrift import idl
from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.doors import Door, FramedDoor, SaslDoor, TlsDoor, distinguished_name
from storm_compat.thrift.sasl import Plain
from storm_compat.thrift.server import ServerLimits
from storm_compat.thrift.wire_scan import ScanLimits
from tests.access_clients import (
    BAD,
    ERROR,
    OK,
    SignInFailed,
    connect,
    digest,
    hear,
    over_tls,
    plain,
    say,
    signed_in,
)
from tests.storm_compat.serving import serving

pytestmark = pytest.mark.timeout(30)
storm: Any = idl.load()
USERS = {"alice": "wonder", "bob": "builder"}
MAX_BYTES = 2_000_000


class Handler:
    """Tells who calls, and takes anything."""

    def getNimbusConf(self) -> str:  # noqa: N802  Storm's name
        caller = current()
        return f"{caller.principal} {caller.transport}"

    def isTopologyNameAllowed(self, name: str) -> bool:  # noqa: N802  Storm's name
        return len(name) > 100


def digest_door() -> Door:
    return SaslDoor(
        MAX_BYTES,
        "digest",
        {"DIGEST-MD5": lambda: DigestMd5(USERS, nonce="n0nce", decoy="decoy")},
        lambda own, other, host: (own, other, host) == ("bob", "amy", "127.0.0.1"),
    )


def plain_door(passwords: dict[str, str] | None = None) -> Door:
    return SaslDoor(
        MAX_BYTES, "plain-sasl", {"PLAIN": lambda: Plain(passwords)}, lambda own, other, host: False
    )


def drained(sock: socket.socket) -> int:
    """Wait for the other side to close, and return how many bytes it had to say."""
    count = 0
    try:
        while chunk := sock.recv(1000):
            count += len(chunk)
    except ConnectionResetError:
        pass
    return count


def is_closed(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


# -- plain and SASL -------------------------------------------------------------


def test_the_plain_door_lends_a_name_if_it_is_told_to() -> None:
    with serving(Handler(), FramedDoor(MAX_BYTES)) as address:
        client = signed_in(*address, None)
        assert client.getNimbusConf() == "None plain"
        client.close()
    with serving(Handler(), FramedDoor(MAX_BYTES, principal="lent")) as address:
        client = signed_in(*address, None)
        assert client.getNimbusConf() == "lent plain"
        client.close()


@pytest.mark.parametrize(
    ("sign_in", "name"), [(digest("alice", "wonder"), "alice"), (digest("bob", "builder", "amy"), "amy")]
)
def test_who_signs_in_by_digest_is_known_and_served(sign_in: Any, name: str) -> None:
    with serving(Handler(), digest_door()) as address:
        client = signed_in(*address, sign_in)
        assert client.getNimbusConf() == f"{name} digest"
        assert client.isTopologyNameAllowed("x" * 100_000) is True
        client.close()


def test_who_signs_in_by_plain_is_known_and_served() -> None:
    for passwords, sign_in in ((None, plain("alice")), (USERS, plain("alice", "wonder"))):
        with serving(Handler(), plain_door(passwords)) as address:
            client = signed_in(*address, sign_in)
            assert client.getNimbusConf() == "alice plain-sasl"
            client.close()


@pytest.mark.parametrize(
    "sign_in",
    [digest("alice", "wrong"), digest("nobody", "wonder"), digest("alice", "wonder", "bob"), plain("alice")],
)
def test_who_proves_nothing_is_told_so_and_gets_nothing_else(
    sign_in: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Handler(), digest_door()) as address, pytest.raises(SignInFailed) as caught:
        signed_in(*address, sign_in)
    assert caught.value.args[0] == BAD
    assert "could not sign in" in caplog.text
    assert "wonder" not in caplog.text


def test_calls_before_signing_in_are_not_served() -> None:
    buffer = TCyMemoryBuffer()
    protocol = TCyBinaryProtocol(buffer)
    protocol.write_message_begin("getNimbusConf", 1, 1)
    storm.Nimbus.getNimbusConf_args().write(protocol)
    message = buffer.getvalue()
    with serving(Handler(), digest_door()) as address, connect(*address) as sock:
        sock.sendall(len(message).to_bytes(4) + message)
        assert hear(sock)[0] == ERROR
        sock.shutdown(socket.SHUT_WR)
        assert is_closed(sock)


def test_who_does_not_come_to_the_point_is_cut_off() -> None:
    with serving(Handler(), digest_door(), ServerLimits(sign_in_timeout_s=0.3)) as address:
        idle = signed_in(*address, digest("alice", "wonder"))
        for opening in (b"", b"\x01", b"\x01\0\0\0\x0aDIGEST"):
            with connect(*address) as sock:
                sock.sendall(opening)
                assert is_closed(sock)
        with connect(*address) as sock:
            say(sock, 1, b"DIGEST-MD5")
            say(sock, OK, b"")
            assert hear(sock)[0] == OK
            assert is_closed(sock)
        assert idle.getNimbusConf() == "alice digest"
        idle.close()


# -- TLS ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_door(authority: trustme.CA, *, verify: ssl.VerifyMode = ssl.CERT_REQUIRED) -> Door:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = verify
    return TlsDoor(MAX_BYTES, ScanLimits(), context)


def client_context(authority: trustme.CA, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    authority.configure_trust(context)
    if name is not None:
        authority.issue_cert(
            "client.example", common_name=name, organization_name="Herons, Inc."
        ).configure_cert(context)
    return context


def test_the_subject_of_a_certificate_is_the_principal(authority: trustme.CA) -> None:
    with serving(Handler(), tls_door(authority)) as address:
        client = over_tls(*address, client_context(authority, "alice"))
        principal, _, transport = client.getNimbusConf().rpartition(" ")
        assert transport == "tls"
        assert principal.startswith("CN=alice,OU=")
        assert principal.endswith(",O=Herons\\, Inc.")
        client.close()


def test_without_a_certificate_one_is_anonymous_or_out(
    authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Handler(), tls_door(authority, verify=ssl.CERT_OPTIONAL)) as address:
        client = over_tls(*address, client_context(authority, None))
        assert client.getNimbusConf() == "CN=ANONYMOUS tls"
        client.close()
    with serving(Handler(), tls_door(authority)) as address:
        client = over_tls(*address, client_context(authority, None))
        with pytest.raises((ssl.SSLError, OSError)):
            client.getNimbusConf()
        client.close()
    assert "no TLS connection came about: PEER_DID_NOT_RETURN_A_CERTIFICATE" in caplog.text


def test_who_lacks_a_certificate_hears_so_whatever_he_has_sent_meanwhile(authority: trustme.CA) -> None:
    context = client_context(authority, None)
    with (
        serving(Handler(), tls_door(authority)) as address,
        context.wrap_socket(connect(*address), server_hostname="127.0.0.1") as sock,
    ):
        sock.sendall(b"x" * 1_000_000)
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            sock.recv(1)


def test_a_certificate_of_a_stranger_opens_nothing(authority: trustme.CA) -> None:
    context = client_context(authority, None)
    trustme.CA().issue_cert("client.example").configure_cert(context)
    with serving(Handler(), tls_door(authority)) as address:
        client = over_tls(*address, context)
        with pytest.raises((ssl.SSLError, OSError)):
            client.getNimbusConf()
        client.close()


def bare_call(method: str, **arguments: Any) -> bytes:
    buffer = TCyMemoryBuffer()
    protocol = TCyBinaryProtocol(buffer)
    protocol.write_message_begin(method, 1, 1)
    getattr(storm.Nimbus, f"{method}_args")(**arguments).write(protocol)
    return bytes(buffer.getvalue())


def received(sock: ssl.SSLSocket, size: int) -> bytes:
    data = b""
    while len(data) < size and (chunk := sock.recv(size - len(data))):
        data += chunk
    return data


@contextmanager
def tls_socket(address: tuple[str, int], authority: trustme.CA) -> Iterator[ssl.SSLSocket]:
    context = client_context(authority, "alice")
    with context.wrap_socket(connect(*address), server_hostname="127.0.0.1") as sock:
        yield sock


def test_messages_without_frames_may_come_in_any_pieces(authority: trustme.CA) -> None:
    call = bare_call("isTopologyNameAllowed", name="x" * 200)
    with serving(Handler(), tls_door(authority)) as address, tls_socket(address, authority) as sock:
        sock.sendall(call)
        one = sock.recv(1000)
        for piece in (call[:1], call[1:30], call[30:] + call + call[:100], call[100:]):
            sock.sendall(piece)
        assert received(sock, 3 * len(one)) == 3 * one


def test_large_messages_pass_up_to_the_limit_and_not_beyond(authority: trustme.CA) -> None:
    with serving(Handler(), tls_door(authority)) as address:
        client = over_tls(*address, client_context(authority, "alice"))
        assert client.isTopologyNameAllowed("x" * 1_900_000) is True
        client.close()
        with tls_socket(address, authority) as sock:
            sock.sendall(bare_call("isTopologyNameAllowed", name="x" * 2_100_000)[:1000])
            answer = received(sock, 10_000)
        assert b"more than 2,000,000 bytes" in answer


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x10\x80\x01\0\x01",
        b"\x80\x01\0\x01\xff\xff\xff\xff",
        b"\xff" * 100,
    ],
)
def test_what_is_no_message_ends_the_connection(authority: trustme.CA, noise: bytes) -> None:
    with serving(Handler(), tls_door(authority)) as address, tls_socket(address, authority) as sock:
        sock.sendall(noise)
        assert is_closed(sock)


def test_who_does_not_speak_tls_is_cut_off(authority: trustme.CA) -> None:
    with serving(Handler(), tls_door(authority), ServerLimits(sign_in_timeout_s=0.3)) as address:
        for opening in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", bare_call("getNimbusConf")):
            with connect(*address) as sock:
                sock.sendall(opening)
                assert drained(sock) < 100


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ((), ""),
        (
            ((("countryName", "AT"),), (("organizationName", "Herons"),), (("commonName", "alice"),)),
            "CN=alice,O=Herons,C=AT",
        ),
        (((("commonName", "a"), ("emailAddress", "a@b")),), "CN=a+emailAddress=a@b"),
        (((("commonName", 'x,O=root+"\\;<>'),),), 'CN=x\\,O=root\\+\\"\\\\\\;\\<\\>'),
        (((("commonName", " #a "),),), "CN=\\ #a\\ "),
        (((("commonName", "#a"),),), "CN=\\#a"),
    ],
)
def test_names_are_written_as_rfc_2253_wants_them(subject: Any, name: str) -> None:
    assert distinguished_name(subject) == name
