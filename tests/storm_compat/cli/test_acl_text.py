from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.blob_acl import Access
from storm_compat.cli import acl_text


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("u:ada:rwa", Access(7, "ada")),
        ("user:ada:r-a", Access(5, "ada")),
        ("ada:w", Access(2, "ada")),
        ("o::r", Access(1, is_for_all=True)),
        ("OTHER::-", Access(0, is_for_all=True)),
        ("rw", Access(3, is_for_all=True)),
        ("u::r", Access(1)),
    ],
)
def test_the_forms_of_storms_command_are_understood(text: str, entry: Access) -> None:
    assert acl_text.parse([text]) == (entry,)


@pytest.mark.parametrize("text", ["", "u:ada", "x:ada:r", "u:ada:x", "u:a:d:r", "u:ada:", ":"])
def test_other_words_are_met_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match="is not u:NAME:ACCESS"):
        acl_text.parse([text])


entries = st.builds(
    Access, st.integers(0, 7), st.none() | st.from_regex("[a-z]+", fullmatch=True)
) | st.builds(Access, st.integers(0, 7), is_for_all=st.just(True))


@given(st.lists(entries).map(tuple))
def test_what_is_shown_can_be_said_again(acl: tuple[Access, ...]) -> None:
    assert acl_text.parse(acl_text.show(acl).split()) == acl
