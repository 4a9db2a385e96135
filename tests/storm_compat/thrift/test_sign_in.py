"""Both sides of signing in against each other, and servers that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.sasl import Mechanism, Negotiation, Plain, Rejected, Status
from storm_compat.thrift.sign_in import (
    Denied,
    DigestSecret,
    Distrusted,
    NotSasl,
    PlainSecret,
    Secret,
    SignIn,
    SignInFailed,
    Speech,
    speech_of,
)

USERS = {"alice": "wonder", "zoë": "naïve", "老子": "道", 'q"u\\o': 'a"b\\c', "space d": "x y"}
CHALLENGE = b'realm="localhost",nonce="n0nce",qop="auth",charset=utf-8,algorithm=md5-sess'


def digest(user: str = "alice", password: str = "wonder") -> DigestSecret:
    return DigestSecret(user, password, cnonce="c0nce")


def talk(secret: Secret, mechanisms: dict[str, Callable[[], Mechanism]]) -> Negotiation:
    """Let a client sign in at a server; return the server's side."""
    client, server = SignIn(secret), Negotiation(mechanisms)
    to_server, to_client = client.begin(), b""
    while to_server or to_client:
        while to_server:
            part, to_server = to_server[: server.wanted_bytes], to_server[server.wanted_bytes :]
            try:
                to_client += server.handle(part)
            except Rejected as rejected:
                to_client, to_server = to_client + rejected.reply, b""
        while to_client:
            part, to_client = to_client[: client.wanted_bytes], to_client[client.wanted_bytes :]
            to_server += client.handle(part)
    assert client.is_done
    return server


def server(nonce: str = "n0nce") -> dict[str, Callable[[], Mechanism]]:
    return {"DIGEST-MD5": lambda: DigestMd5(USERS, nonce=nonce, decoy="decoy")}


def asked(client: SignIn, *said: tuple[int, bytes]) -> bytes:
    """Return what the client answers last to a server's messages."""
    client.begin()
    answer = b""
    for status, payload in said:
        answer = client.handle(bytes([status]) + len(payload).to_bytes(4))
        if payload:
            answer = client.handle(payload)
    return answer


@pytest.mark.parametrize(("user", "password"), USERS.items())
def test_who_knows_the_password_signs_in(user: str, password: str) -> None:
    assert talk(digest(user, password), server()).principal == user
    assert talk(PlainSecret(user, password), {"PLAIN": lambda: Plain(USERS)}).principal == user


@pytest.mark.parametrize(("user", "password"), [("alice", "wrong"), ("nobody", "wonder")])
def test_who_does_not_hears_the_servers_word(user: str, password: str) -> None:
    with pytest.raises(Denied, match=r"^DIGEST-MD5: wrong user name or password$") as caught:
        talk(digest(user, password), server())
    assert not caught.value.is_other_mechanism
    with pytest.raises(Denied, match=r"^PLAIN: wrong user name or password$"):
        talk(PlainSecret(user, password), {"PLAIN": lambda: Plain(USERS)})


def test_another_mechanism_is_told_from_a_wrong_password() -> None:
    for secret, mechanisms in (
        (digest(), {"PLAIN": lambda: Plain(USERS)}),
        (PlainSecret("alice", "wonder"), server()),
    ):
        with pytest.raises(Denied, match=r"^Unsupported mechanism type") as caught:
            talk(secret, mechanisms)  # type: ignore[arg-type]  # a union of lambdas
        assert caught.value.is_other_mechanism


def test_the_password_stays_here() -> None:
    client = SignIn(digest())
    said = client.begin() + asked(client, (Status.OK, CHALLENGE))
    assert b"alice" in said
    assert b"wonder" not in said


def test_the_servers_own_name_is_said_for_java_servers_insist_on_it() -> None:
    answer = asked(SignIn(digest()), (Status.OK, CHALLENGE.replace(b"localhost", b"its.name")))
    assert b'digest-uri="storm_thrift_server/its.name"' in answer


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([(Status.COMPLETE, b"")], "without asking for the password"),
        ([(Status.OK, CHALLENGE), (Status.COMPLETE, b"")], "does not prove"),
        ([(Status.OK, CHALLENGE), (Status.COMPLETE, b"rspauth=" + b"0" * 32)], "does not prove"),
        ([(Status.OK, CHALLENGE), (Status.OK, CHALLENGE)], "another proof"),
        ([(Status.OK, CHALLENGE.replace(b"md5-sess", b"md5"))], "something else than md5-sess"),
        ([(Status.OK, CHALLENGE.replace(b'"auth"', b'"auth-conf"'))], "something else than md5-sess"),
        ([(Status.OK, b"")], "something else than md5-sess"),
        ([(Status.OK, b"realm=")], "something else than md5-sess"),
        ([(Status.OK, b"?!")], "not understood"),
    ],
)
def test_a_server_that_may_be_another_is_not_believed(said: list[tuple[int, bytes]], reason: str) -> None:
    client = SignIn(digest())
    with pytest.raises(Distrusted, match=reason):
        asked(client, *said)
    assert not client.is_done


def test_nothing_more_is_told_to_a_server_that_asks_plain_again() -> None:
    with pytest.raises(Distrusted, match="more than PLAIN"):
        asked(SignIn(PlainSecret("alice", "wonder")), (Status.OK, b"and?"))


@pytest.mark.parametrize(
    ("first", "speech"),
    [
        (b"\x00\x00\x00\x57\x80", Speech.FRAME),
        (b"\x15\x03\x03\x00\x02", Speech.TLS),
        (b"\x04\x00\x00\x00\x10", Speech.SASL),
        (b"HTTP/", Speech.HTTP),
        (b"220 m", None),
        (b"", None),
    ],
)
def test_an_answer_shows_what_answers(first: bytes, speech: Speech | None) -> None:
    assert speech_of(first) is speech


@pytest.mark.parametrize(
    "first", [b"\x00\x00\x00\x57\x80", b"\x15\x03\x03\x00\x02", b"HTTP/", b"\x02\x00\x01\x00\x00"]
)
def test_what_is_no_sasl_is_said(first: bytes) -> None:
    client = SignIn(digest())
    client.begin()
    with pytest.raises(NotSasl) as caught:
        client.handle(first)
    assert caught.value.speech is speech_of(first)


def test_what_a_stranger_says_does_not_control_a_terminal() -> None:
    with pytest.raises(Denied) as caught:
        asked(SignIn(digest()), (Status.BAD, b"\x1b[2Jno\xff"))
    assert str(caught.value) == "?[2Jno\ufffd"
    with pytest.raises(Denied, match="it says no more"):
        asked(SignIn(digest()), (Status.ERROR, b""))


@given(st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=60)), max_size=4), st.binary(max_size=12))
def test_noise_lets_nobody_believe_that_he_is_in(messages: list[tuple[int, bytes]], after: bytes) -> None:
    client = SignIn(digest())
    client.begin()
    noise = b"".join(bytes([status]) + len(text).to_bytes(4) + text for status, text in messages) + after
    try:
        while len(noise) >= client.wanted_bytes:
            part, noise = noise[: client.wanted_bytes], noise[client.wanted_bytes :]
            client.handle(part)
    except SignInFailed:
        pass
    assert not client.is_done
