from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storm_compat.logviewer import search as module
from storm_compat.logviewer.search import BLOCK_BYTES, Found, search


def found_in(folder: Path, text: bytes, needle: bytes, **more: object) -> Found:
    path = folder / "log"
    path.write_bytes(text)
    with path.open("rb", buffering=0) as log:
        return search(log, needle, **({"most": 10} | more))  # type: ignore[arg-type]


def test_a_match_comes_with_what_is_around_it(tmp_path: Path) -> None:
    text = b"a" * 200 + b"needle" + b"b" * 200
    (match,) = found_in(tmp_path, text, b"needle").matches
    assert (match.offset, match.matched) == (200, "needle")
    assert (match.before, match.after) == ("a" * 128, "b" * 128)


def test_what_is_no_text_does_no_harm(tmp_path: Path) -> None:
    (match,) = found_in(tmp_path, b"\xff\xfeneedle\x80", b"needle").matches
    assert (match.before, match.after) == ("\ufffd\ufffd", "\ufffd")


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    text = b"x1 x2 x3"
    first = found_in(tmp_path, text, b"x", most=2)
    assert ([match.offset for match in first.matches], first.next_offset) == ([0, 3], 4)
    second = found_in(tmp_path, text, b"x", most=2, start=first.next_offset)
    assert ([match.offset for match in second.matches], second.next_offset) == ([6], None)


def test_nothing_is_left_to_do_after_the_last_byte(tmp_path: Path) -> None:
    assert found_in(tmp_path, b"ab", b"b", most=1).next_offset is None


@pytest.mark.parametrize("shift", range(-7, 2))
def test_a_match_across_two_blocks_is_found_once(tmp_path: Path, shift: int) -> None:
    at = BLOCK_BYTES + shift
    text = b"." * at + b"needle" + b"." * 100
    assert [match.offset for match in found_in(tmp_path, text, b"needle").matches] == [at]


def test_when_it_is_late_the_rest_is_left_for_later(tmp_path: Path) -> None:
    text = b"x" + b"." * (3 * BLOCK_BYTES) + b"x"
    answers = iter([False, True])
    found = found_in(tmp_path, text, b"x", is_late=lambda: next(answers))
    assert ([match.offset for match in found.matches], found.next_offset) == ([0], BLOCK_BYTES)
    rest = found_in(tmp_path, text, b"x", start=found.next_offset)
    assert [match.offset for match in rest.matches] == [len(text) - 1]


@given(
    text=st.text("ab", max_size=60), needle=st.text("ab", min_size=1, max_size=4), start=st.integers(0, 20)
)
def test_it_finds_what_bytes_find_would(
    tmp_path_factory: pytest.TempPathFactory, text: str, needle: str, start: int
) -> None:
    data, wanted, position = text.encode(), [], start
    while (position := data.find(needle.encode(), position)) >= 0:
        wanted.append(position)
        position += len(needle)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_BYTES", 7)
        found = found_in(tmp_path_factory.mktemp("log"), data, needle.encode(), start=start, most=100)
    assert [match.offset for match in found.matches] == wanted
