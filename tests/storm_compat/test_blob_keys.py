from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat import blob_keys
from storm_compat.errors import InvalidKey


@pytest.mark.parametrize(
    "key",
    [
        "k",
        "wc-1-17-stormjar.jar",
        "a b\tc",
        "...",
        ".hidden",
        "-x",
        "größe",
        "हिन्दी",
        "名前",
        "g:a:1.0",
        "x" * 200,
    ],
)
def test_what_storm_takes_is_taken(key: str) -> None:
    assert blob_keys.check(key) == key


@pytest.mark.parametrize(
    "key",
    [None, "", ".", "..", "a/b", "../x", "/etc/passwd", "a\\b", "a\0b", "a\nb", "a*", "x" * 201, "é" * 101],
)
def test_what_leads_elsewhere_or_is_no_name_is_refused(key: str | None) -> None:
    with pytest.raises(InvalidKey) as caught:
        blob_keys.check(key)
    assert str(caught.value).startswith(f"{key} does not appear to be a valid blob key. Use letters")


@given(st.text(min_size=1, max_size=60))
def test_what_passes_is_the_name_of_one_file(key: str) -> None:
    try:
        blob_keys.check(key)
    except InvalidKey:
        return
    assert "/" not in key
    assert "\0" not in key
    assert key not in {".", ".."}
    assert len(key.encode()) <= 255


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("wc-1-17-stormjar.jar", "wc-1-17-stormjar.jar"),
        ("/local/nimbus/stormdist/wc-1-17/stormjar.jar", "wc-1-17-stormjar.jar"),
        ("wc-1-17/stormconf.ser", "wc-1-17-stormconf.ser"),
        ("/etc/passwd", None),
        ("/etc/stormjar.jar", None),
        ("../x/stormjar.jar", None),
        ("/local/nimbus/stormdist/../stormdist/wc-1-17/stormjar.jar", None),
        ("/local/ready.json", None),
        ("stormjar.jar", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_files_of_topologies_have_keys(file: str | None, key: str | None) -> None:
    assert blob_keys.of_file(file, "/local") == key


def test_the_blobs_of_topologies_are_known_by_their_names() -> None:
    assert blob_keys.of_topology("wc-1-17", blob_keys.JAR) == "wc-1-17-stormjar.jar"
    assert blob_keys.topology_part("wc-1-17-stormjar.jar") == ("wc-1-17", "stormjar.jar")
    assert blob_keys.topology_part("wc-1-17-stormconf.ser") == ("wc-1-17", "stormconf.ser")
    assert blob_keys.topology_part("stormjar.jar") is None
    assert blob_keys.topology_part("dict.txt") is None
