from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.blob_acl import (
    ADMIN,
    EVERYTHING,
    READ,
    WORLD,
    WRITE,
    Access,
    BlobAuthorizer,
    normalized,
    refuse_repeated,
)
from storm_compat.errors import NotAuthorized

NOTHING_FOR_ALL = Access(0, is_for_all=True)
STRICT = BlobAuthorizer(
    is_enabled=True, asks_named=True, admins=frozenset({"root"}), supervisors=frozenset({"sup"})
)

names = st.sampled_from(["ada", "bob", "eve"])
masks = st.integers(0, EVERYTHING)
entries = st.builds(Access, masks, st.none() | names) | st.builds(Access, masks, is_for_all=st.just(True))
acls = st.lists(entries, max_size=5)


@pytest.mark.parametrize(
    ("sent", "caller", "kept"),
    [
        ([], "ada", [Access(7, "ada")]),
        ([Access(READ, "bob")], "ada", [Access(READ, "bob"), Access(7, "ada")]),
        ([Access(READ, "ada")], "ada", [Access(7, "ada")]),
        ([Access(READ)], "ada", [Access(7, "ada")]),
        ([Access(READ, is_for_all=True)], "ada", [Access(READ, is_for_all=True), Access(7, "ada")]),
        ([Access(READ), Access(READ, "ada")], "ada", [Access(7, "ada")]),
        ([NOTHING_FOR_ALL], "ada", [Access(7, "ada")]),
        ([], None, [WORLD]),
        ([Access(READ, is_for_all=True)], None, [Access(READ, is_for_all=True), WORLD]),
        ([WORLD], None, [WORLD]),
        ([Access(7)], None, [WORLD]),
        ([Access(7, "bob")], None, [Access(7, "bob"), WORLD]),
    ],
)
def test_a_creator_keeps_all_rights(sent: list[Access], caller: str | None, kept: list[Access]) -> None:
    assert normalized(sent, caller, EVERYTHING) == tuple(kept)


def test_who_changes_rights_keeps_the_one_to_change_them() -> None:
    assert normalized([Access(READ, "ada")], "ada", ADMIN) == (Access(READ | ADMIN, "ada"),)


@given(acls, names)
def test_what_is_kept_never_locks_its_sender_out_and_is_kept_as_it_is_when_sent_again(
    sent: list[Access], caller: str
) -> None:
    kept = normalized(sent, caller, ADMIN)
    STRICT.require(kept, ADMIN, caller, "k")
    assert normalized(kept, caller, ADMIN) == kept
    assert NOTHING_FOR_ALL not in kept
    assert all(entry.is_for_all or entry.user for entry in kept)


@given(acls)
def test_what_nobody_sends_is_open_to_everybody(sent: list[Access]) -> None:
    kept = normalized(sent, None, EVERYTHING)
    assert normalized(kept, None, EVERYTHING) == kept
    STRICT.require(kept, EVERYTHING, None, "k")


def test_a_user_has_one_entry() -> None:
    refuse_repeated([Access(1, "ada"), Access(2, "bob"), WORLD, WORLD], "k")
    with pytest.raises(NotAuthorized) as caught:
        refuse_repeated([Access(1, "ada"), Access(2, "ada"), Access(1, "bob"), Access(1, "bob")], "k")
    assert str(caught.value) == "user [ada, bob] can't appear more than once in the ACLs for key [k]."


@given(acls, st.none() | names, masks)
def test_rights_add_up_over_the_entries_that_are_meant(
    acl: list[Access], caller: str | None, mask: int
) -> None:
    granted = 0
    for entry in acl:
        if entry.is_for_all or (caller and entry.user == caller):
            granted |= entry.mask
    try:
        STRICT.require(tuple(acl), mask, caller, "k")
        is_allowed = True
    except NotAuthorized:
        is_allowed = False
    assert is_allowed is (mask & ~granted == 0)


def test_the_texts_are_storms() -> None:
    acl = (Access(WRITE, "ada"),)
    with pytest.raises(NotAuthorized) as caught:
        STRICT.require(acl, READ | WRITE | ADMIN, "ada", "k")
    assert str(caught.value) == "[ada] does not have [READ ADMIN ] access to k"
    with pytest.raises(NotAuthorized) as caught:
        STRICT.require_any(acl, "bob", "k")
    assert str(caught.value) == "[bob] does not have access to k"
    with pytest.raises(NotAuthorized, match=r"^\[\] does not have \[READ \] access to k$"):
        STRICT.require(acl, READ, None, "k")


def test_any_right_is_enough_to_know_of_a_blob() -> None:
    STRICT.require_any((Access(WRITE, "ada"),), "ada", "k")
    STRICT.require_any((Access(READ, is_for_all=True),), None, "k")


def test_admins_may_do_everything_and_supervisors_read() -> None:
    STRICT.require((), EVERYTHING, "root", "k")
    STRICT.require_any((), "root", "k")
    STRICT.require((), READ, "sup", "k")
    with pytest.raises(NotAuthorized):
        STRICT.require((), READ | WRITE, "sup", "k")


@pytest.mark.parametrize(
    ("authorizer", "asked"),
    [
        (None, ["ada"]),
        ("a.b.SimpleACLAuthorizer", ["ada", None]),
        ("a.b.DenyAuthorizer", ["ada", None]),
        ("a.b.NoopAuthorizer", []),
    ],
)
def test_who_signed_in_is_asked_and_others_if_the_authorizer_asks_them(
    authorizer: str | None, asked: list[str | None]
) -> None:
    found = BlobAuthorizer.from_conf({"nimbus.authorizer": authorizer})
    for caller in ("ada", None):
        if caller in asked:
            with pytest.raises(NotAuthorized):
                found.require((), READ, caller, "k")
        else:
            found.require((), EVERYTHING, caller, "k")


def test_everybody_is_asked_if_it_is_switched_on() -> None:
    conf = {
        "storm.blobstore.acl.validation.enabled": True,
        "nimbus.admins": ["root"],
        "nimbus.supervisor.users": ["sup"],
    }
    assert BlobAuthorizer.from_conf(conf) == STRICT
