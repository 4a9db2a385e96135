"""DIGEST-MD5 against the example of its RFC, and against clients that cheat."""

from __future__ import annotations

import pytest

from storm_compat.thrift.digest import DigestMd5, digest_response, directives
from storm_compat.thrift.sasl import Proof, Rejected

USERS = {"alice": "wonder", "zoë": "naïve", "老子": "道"}
NONCE = "OA6MG9tEQGm2hh"


def challenged() -> DigestMd5:
    mechanism = DigestMd5(USERS, nonce=NONCE, decoy="nobody knows")
    assert mechanism.step(b"") == (
        b'realm="localhost",nonce="OA6MG9tEQGm2hh",qop="auth",charset=utf-8,algorithm=md5-sess'
    )
    return mechanism


def answer(user: str = "alice", password: str = "wonder", **changed: str) -> bytes:
    said = {
        "charset": "utf-8",
        "username": user,
        "realm": "localhost",
        "nonce": NONCE,
        "nc": "00000001",
        "cnonce": "OA6MHXh6VqTrRk",
        "digest-uri": "storm_thrift_server/nimbus.example",
        "maxbuf": "65536",
        "qop": "auth",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    said.setdefault("response", digest_response(said, password, "AUTHENTICATE"))
    bare = {"charset", "nc", "qop", "maxbuf", "response"}
    return ",".join(
        f"{name}={value}" if name in bare else f'{name}="{value}"' for name, value in said.items()
    ).encode()


def reason(response: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        challenged().step(response)
    return str(caught.value)


def test_the_arithmetic_is_that_of_the_rfc() -> None:
    said = {
        "username": "chris", "realm": "elwood.innosoft.com", "nonce": "OA6MG9tEQGm2hh", "nc": "00000001",
        "cnonce": "OA6MHXh6VqTrRk", "digest-uri": "imap/elwood.innosoft.com", "qop": "auth",
    }  # fmt: skip
    assert digest_response(said, "secret", "AUTHENTICATE") == "d388dad90d4bbd760a152321f2143af7"
    assert digest_response(said, "secret", "") == "ea40f60335c427b5527b84dbabcdfffd"


@pytest.mark.parametrize(("user", "password"), USERS.items())
def test_who_knows_the_password_is_believed_and_told_that_we_know_it_too(user: str, password: str) -> None:
    response = answer(user, password)
    proof = challenged().step(response)
    said = directives(response)
    assert proof == Proof(user, "", f"rspauth={digest_response(said, password, '')}".encode())


def test_the_name_it_wants_to_act_in_is_part_of_what_it_proves() -> None:
    response = answer(authzid="bob")
    confirmed = digest_response(directives(response), "wonder", "")
    assert challenged().step(response) == Proof("alice", "bob", f"rspauth={confirmed}".encode())
    assert reason(answer() + b',authzid="bob"') == "DIGEST-MD5: wrong user name or password"


def test_nothing_tells_an_unknown_user_from_a_wrong_password() -> None:
    texts = {
        reason(answer("alice", "wrong")),
        reason(answer("nobody", "wonder")),
        reason(answer(response="0" * 32)),
    }
    assert texts == {"DIGEST-MD5: wrong user name or password"}


def test_the_password_that_stands_in_for_unknown_users_opens_nothing() -> None:
    assert reason(answer("nobody", "nobody knows")) == "DIGEST-MD5: wrong user name or password"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"nonce": "another"}, "Mismatched nonce"),
        ({"nc": "00000002"}, "Mismatched nc"),
        ({"qop": "auth-conf"}, "Mismatched qop"),
        ({"realm": "elsewhere"}, "Mismatched realm"),
        ({"username": ""}, "Missing username"),
        ({"cnonce": ""}, "Missing cnonce"),
        ({"digest_uri": "imap/nimbus.example"}, "The service must be storm_thrift_server"),
        ({"username": "a" * 300}, "at most 256 characters"),
    ],
)
def test_an_answer_to_another_question_is_refused(changed: dict[str, str], text: str) -> None:
    assert text in reason(answer(**changed))


@pytest.mark.parametrize(
    "response", [b"", b"\xff", b"username", b'username="alice', b"a=b c=d", b"nc=1,NC=1", b",,,,"]
)
def test_what_is_no_list_of_directives_is_refused(response: bytes) -> None:
    assert reason(response).startswith("DIGEST-MD5: ")


def test_quoted_values_may_hold_quotes_and_commas() -> None:
    assert directives(b'username="a\\"b,c\\\\", nc=1') == {"username": 'a"b,c\\', "nc": "1"}


def test_an_answer_before_the_challenge_is_refused() -> None:
    with pytest.raises(Rejected, match="before there was a challenge"):
        DigestMd5(USERS, nonce=NONCE, decoy="x").step(answer())
