from __future__ import annotations

from typing import Any

import pytest

from storm_compat.blob_map import KEY, Link, parse
from storm_compat.errors import InvalidConf


def test_each_key_becomes_a_link() -> None:
    entries = {"b": {"localname": "words", "uncompress": True, "workerRestart": True}, "a": {}, "c": None}
    assert parse({KEY: entries}) == (Link("a", "a"), Link("b", "words", True, True), Link("c", "c"))


@pytest.mark.parametrize("conf", [{}, {KEY: None}, {KEY: {}}, {KEY: {}, "storm.disable.symlinks": True}])
def test_most_topologies_want_none(conf: dict[str, Any]) -> None:
    assert parse(conf) == ()


def test_where_links_are_switched_off_none_can_be_had() -> None:
    with pytest.raises(
        InvalidConf, match=r"^symlinks are disabled so blobs are not supported but topology\.blob"
    ):
        parse({KEY: {"a": {}}, "storm.disable.symlinks": True})


@pytest.mark.parametrize(
    ("key", "entry", "text"),
    [
        ("k", {"localname": "../x"}, "without folders"),
        ("k", {"localname": "a/b"}, "without folders"),
        ("k", {"localname": ".."}, "without a dot in front"),
        (".k", {}, "without a dot in front"),
        ("k", {"localname": ""}, "must be a text"),
        ("k", {"localname": 3}, "must be a text"),
        ("k", {"localname": "x" * 201}, "longer than 200 bytes"),
        ("k", {"localname": "resources"}, "is taken"),
        ("k", {"uncompress": "yes"}, "uncompress of k must be true or false, but is 'yes'"),
        ("k", {"workerRestart": 1}, "workerRestart of k must be true or false, but is 1"),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, entry: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidConf, match=text):
        parse({KEY: {key: entry}})


def test_two_blobs_cannot_have_one_name() -> None:
    with pytest.raises(InvalidConf, match="gives two blobs the name 'x': a and x"):
        parse({KEY: {"a": {"localname": "x"}, "x": {}}})
