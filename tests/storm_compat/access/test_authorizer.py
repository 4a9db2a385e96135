"""SimpleACLAuthorizer's decisions, one table."""

from __future__ import annotations

from typing import Any

import pytest

from storm_compat.access.authorizer import Authorizer, may_act_for
from storm_compat.access.operations import OPERATIONS
from storm_compat.errors import InvalidConf, NotAuthorized

ACL = "org.apache.storm.security.auth.authorizer.SimpleACLAuthorizer"
GROUPS = {"gina": {"wheel"}, "greg": {"staff"}, "gus": {"ops"}, "gwen": {"audit"}}
CONF = {
    "nimbus.authorizer": ACL,
    "nimbus.admins": ["root"],
    "nimbus.admins.groups": ["wheel"],
    "nimbus.supervisor.users": ["sup"],
    "nimbus.users": ["amy", "bob"],
    "nimbus.groups": ["staff"],
}
TOPOLOGY = {
    "topology.users": ["amy"],
    "topology.groups": "ops",
    "topology.readonly.users": "bob",
    "topology.readonly.groups": ["audit"],
}


def groups_of(user: str) -> frozenset[str]:
    return frozenset(GROUPS.get(user, ()))


def authorizer(**changed: Any) -> Authorizer:
    conf = CONF | {key.replace("_", "."): value for key, value in changed.items()}
    return Authorizer.from_conf(conf, groups_of)


def allowed(decides: Authorizer, principal: str | None) -> str:
    """Return for which of these a principal passes, by initials: use, read, own, supervise, blobs."""
    methods = {"u": "beginFileUpload", "r": "getTopologyInfo", "o": "killTopology",
               "s": "beginFileDownload", "b": "getBlobMeta"}  # fmt: skip
    return "".join(
        letter
        for letter, method in methods.items()
        if decides.permits(principal, OPERATIONS[method], TOPOLOGY if letter in "ro" else {})
    )


@pytest.mark.parametrize(
    ("principal", "may"),
    [
        ("root", "urosb"),
        ("gina", "urosb"),
        ("sup", "sb"),
        ("amy", "urob"),
        ("bob", "urb"),
        ("greg", "ub"),
        ("gus", "rob"),
        ("gwen", "rb"),
        ("eve", "b"),
        (None, ""),
    ],
)
def test_who_may_do_what(principal: str | None, may: str) -> None:
    assert allowed(authorizer(), principal) == may


def test_with_no_users_named_everybody_with_a_name_is_one() -> None:
    decides = authorizer(nimbus_users=[], nimbus_groups=None)
    assert allowed(decides, "eve") == "ub"
    assert allowed(decides, None) == ""


def test_without_an_authorizer_named_the_plain_port_is_trusted_and_who_signs_in_is_checked() -> None:
    decides = authorizer(nimbus_authorizer=None)
    assert allowed(decides, None) == "urosb"
    assert allowed(decides, "bob") == "urb"


def test_the_two_others_let_everybody_or_nobody() -> None:
    assert allowed(authorizer(nimbus_authorizer="x.NoopAuthorizer"), None) == "urosb"
    assert allowed(authorizer(nimbus_authorizer="x.DenyAuthorizer"), "root") == ""


def test_an_authorizer_that_we_do_not_have_is_refused() -> None:
    with pytest.raises(InvalidConf, match=r"nimbus\.authorizer is com\.example\.Mine; there are"):
        authorizer(nimbus_authorizer="com.example.Mine")


def test_the_texts_are_storms() -> None:
    with pytest.raises(NotAuthorized) as with_name:
        authorizer().require("eve", OPERATIONS["killTopologyWithOpts"], TOPOLOGY, "wc")
    with pytest.raises(NotAuthorized) as without:
        authorizer().require("eve", OPERATIONS["uploadChunk"], {}, None)
    assert str(with_name.value) == "killTopology on topology wc is not authorized"
    assert str(without.value) == "fileUpload is not authorized"


@pytest.mark.parametrize(
    ("entry", "other", "host", "may"),
    [
        ({"hosts": ["10.0.0.1"], "groups": ["staff"]}, "greg", "10.0.0.1", True),
        ({"hosts": ["*"], "groups": ["*"]}, "anybody", "10.9.9.9", True),
        ({"hosts": ["10.0.0.1"], "groups": ["*"]}, "greg", "10.0.0.2", False),
        ({"hosts": ["*"], "groups": ["staff"]}, "gina", "10.0.0.1", False),
        ({"hosts": ["*"]}, "greg", "10.0.0.1", False),
        ({"groups": ["*"]}, "greg", "10.0.0.1", False),
        (None, "greg", "10.0.0.1", False),
    ],
)
def test_acting_for_others_takes_an_entry_that_fits(entry: Any, other: str, host: str, may: bool) -> None:
    conf = {"nimbus.impersonation.acl": {"proxy": entry}}
    assert may_act_for(conf, "proxy", other, host, groups_of) is may
    assert may_act_for(conf, "other", other, host, groups_of) is False
    assert may_act_for({}, "proxy", other, host, groups_of) is False
