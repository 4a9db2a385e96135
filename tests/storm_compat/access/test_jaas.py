"""Login files as administrators write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.access.jaas import client, users
from storm_compat.errors import InvalidConf

STORMS = """
/* as in Storm's documentation */
StormServer {
   org.apache.zookeeper.server.auth.DigestLoginModule required
   user_super="adminsecret"
   user_bob="bob\\"s secret"  // his old one
   user_amy = plain ;
};
StormClient {
   org.apache.zookeeper.server.auth.DigestLoginModule required
   username="bob"
   password="bob\\"s secret";
};
"""


def test_the_file_of_storms_documentation_is_read() -> None:
    assert users(STORMS) == {"super": "adminsecret", "bob": 'bob"s secret', "amy": "plain"}
    assert client(STORMS) == ("bob", 'bob"s secret')


def test_what_stands_around_does_not_matter() -> None:
    text = '# users\nServer{a.B optional debug=true,\n}\nStormServer{\nuser_a="x;y}z" user_b="ü"\n}'
    assert users(text) == {"a": "x;y}z", "b": "ü"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no section StormServer; sections: none"),
        ('StormClient { M required username="x"; };', "no section StormServer; sections: StormClient"),
        ("StormServer { M required; };", "names nobody"),
        ('StormServer { M required user_a=""; };', r"without name or password: \['a'\]"),
        ('StormServer {\n M required\n user_a="x;\n};', "line 3: a quote is missing"),
        ('StormServer { M required user_a="x";', "section StormServer has no end"),
        ("StormServer { { };", "{ is not expected there"),
        ("StormServer { = };", "= is not expected there"),
        ("StormServer { a= };", "} is not expected there"),
    ],
)
def test_what_is_wrong_is_said_without_a_password(text: str, reason: str) -> None:
    with pytest.raises(InvalidConf, match=reason):
        users(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('StormServer { M required user_a="x"; };', "no section StormClient; sections: StormServer"),
        ('StormClient { M required password="x"; };', 'StormClient of the login file lacks username="..."'),
        ('StormClient { M required username="x" password=""; };', 'lacks password="..."'),
    ],
)
def test_a_client_that_is_not_told_who_it_is_cannot_sign_in(text: str, reason: str) -> None:
    with pytest.raises(InvalidConf, match=reason):
        client(text)


@given(st.text(alphabet='ab{}=;,"\\/*# \n', max_size=60))
def test_noise_raises_nothing_else(text: str) -> None:
    with suppress(InvalidConf):
        assert users(text)
    with suppress(InvalidConf):
        assert client(text)
