"""Negotiations, message by message; the conversations are those of Storm's Java clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.thrift.digest import DigestMd5
from storm_compat.thrift.sasl import MAX_PAYLOAD_BYTES, Negotiation, Plain, Rejected, Status

USERS = {"alice": "wonder"}


def message(status: int, payload: bytes) -> bytes:
    return bytes([status]) + len(payload).to_bytes(4) + payload


STARTED = message(Status.START, b"PLAIN")


def feed(negotiation: Negotiation, data: bytes) -> bytes:
    """Give the negotiation as much as it wants at a time, and return all it says."""
    said = b""
    while data:
        part, data = data[: negotiation.wanted_bytes], data[negotiation.wanted_bytes :]
        said += negotiation.handle(part)
    return said


def plain(passwords: dict[str, str] | None = None, *pairs: tuple[str, str]) -> Negotiation:
    negotiation = Negotiation({"PLAIN": lambda: Plain(passwords)}, lambda own, other: (own, other) in pairs)
    assert feed(negotiation, STARTED) == b""
    return negotiation


def rejection(negotiation: Negotiation, data: bytes) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        feed(negotiation, data)
    reply = caught.value.reply
    assert int.from_bytes(reply[1:5]) == len(reply) - 5
    assert negotiation.principal is None
    return reply[0], reply[5:].decode()


def test_plain_as_a_java_client_says_it() -> None:
    negotiation = plain()
    assert feed(negotiation, message(Status.COMPLETE, b"\0alice\0password")) == message(Status.COMPLETE, b"")
    assert negotiation.principal == "alice"


def test_with_users_the_word_that_everybody_knows_is_not_enough() -> None:
    negotiation = plain(USERS)
    assert rejection(negotiation, message(Status.COMPLETE, b"\0alice\0password"))[0] == Status.BAD
    negotiation = plain(USERS)
    feed(negotiation, message(Status.COMPLETE, b"alice\0alice\0wonder"))
    assert negotiation.principal == "alice"


def test_nothing_tells_an_unknown_user_from_a_wrong_password() -> None:
    answers = {
        rejection(plain(USERS), message(Status.COMPLETE, b"\0" + user + b"\0" + password))
        for user in (b"alice", b"nobody")
        for password in (b"wrong", b"")
    }
    assert answers == {(Status.BAD, "PLAIN: wrong user name or password")}


@pytest.mark.parametrize(
    "payload",
    [b"", b"alice", b"\0alice", b"\0a\0b\0c", b"\0\0password", b"\0\xff\0x", b"\0" + b"a" * 300 + b"\0x"],
)
def test_what_is_no_plain_response_is_refused(payload: bytes) -> None:
    assert rejection(plain(), message(Status.COMPLETE, payload))[0] == Status.BAD


def test_acting_for_another_needs_leave() -> None:
    asked = message(Status.COMPLETE, b"bob\0alice\0wonder")
    assert rejection(plain(USERS), asked) == (
        Status.BAD,
        (
            "principal alice is not authorized to impersonate principal bob. "
            "nimbus.impersonation.acl says who may"
        ),
    )
    negotiation = plain(USERS, ("alice", "bob"))
    feed(negotiation, asked)
    assert negotiation.principal == "bob"


def test_leave_to_act_for_others_helps_nobody_with_a_wrong_password() -> None:
    negotiation = plain(USERS, ("alice", "bob"))
    assert rejection(negotiation, message(Status.COMPLETE, b"bob\0alice\0wrong"))[0] == Status.BAD


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        (message(Status.OK, b"PLAIN"), Status.ERROR, "Expecting START status, received OK"),
        (
            message(Status.START, b"GSSAPI"),
            Status.BAD,
            "Unsupported mechanism type GSSAPI; supported here: PLAIN",
        ),
        (message(9, b""), Status.ERROR, "Invalid status 9"),
        (b"\x01\xff\xff\xff\xff", Status.ERROR, "Invalid payload header length: -1"),
        (b"\x01" + (MAX_PAYLOAD_BYTES + 1).to_bytes(4), Status.ERROR, "Invalid payload header length: 16385"),
        (
            STARTED + message(Status.START, b""),
            Status.ERROR,
            "Expected COMPLETE or OK, got START",
        ),
        (
            STARTED + message(Status.BAD, b"no"),
            Status.ERROR,
            "Expected COMPLETE or OK, got BAD",
        ),
    ],
)
def test_what_is_no_negotiation_is_refused_with_status_and_reason(
    data: bytes, status: int, text: str
) -> None:
    negotiation = Negotiation({"PLAIN": lambda: Plain(None)})
    assert rejection(negotiation, data) == (status, text)


@given(st.lists(st.tuples(st.integers(0, 6), st.binary(max_size=60)), max_size=4), st.binary(max_size=12))
def test_noise_proves_nothing(messages: list[tuple[int, bytes]], after: bytes) -> None:
    negotiation = Negotiation(
        {"PLAIN": lambda: Plain(USERS), "DIGEST-MD5": lambda: DigestMd5(USERS, nonce="n", decoy="d")}
    )
    try:
        feed(negotiation, b"".join(message(*each) for each in messages) + after)
    except Rejected:
        pass
    assert negotiation.principal is None
