import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multilang.errors import RemoteProtocolError
from multilang.framing import END, FrameReader

PIECES = st.sampled_from(
    [b"end", b"\n", b"\r\n", b"\r", b"\nend\n", b"\r\nend\r\n", b"e", b" ", b'{"command":"sync"}']
)


def feed_all(pieces: list[bytes]) -> list[bytes]:
    reader = FrameReader()
    return [text for piece in pieces for text in reader.feed(piece)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in itertools.pairwise(edges)]


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map(b"".join), st.lists(st.integers(0, 400), max_size=12))
def test_where_reads_stop_makes_no_difference(data: bytes, places: list[int]) -> None:
    texts = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(END)[:-1]

    assert feed_all([data]) == texts
    assert feed_all(cut(data, places)) == texts
    assert feed_all([data[i : i + 1] for i in range(len(data))]) == texts


def test_windows_line_ends_are_cut_like_others_in_single_bytes() -> None:
    data = b'{"command":"sync"}\r\nend\r\n{\r\n"pid": 1}\r\nend\r\n'

    assert feed_all([bytes([byte]) for byte in data]) == [b'{"command":"sync"}', b'{\n"pid": 1}']


def test_line_ends_of_old_macs_end_a_message_at_once() -> None:
    assert feed_all([b'{"command":\r"sync"}\rend\r']) == [b'{"command":\n"sync"}']
    assert feed_all([b"1\rend\r", b"\n2\r", b"\nend\r", b"\r3\rend\r"]) == [b"1", b"2", b"\n3"]


def test_blank_lines_and_indented_json_stay_in_the_text() -> None:
    assert feed_all([b'\n\n{\n  "pid": 1\n}\n\nend\n']) == [b'\n\n{\n  "pid": 1\n}\n']


@pytest.mark.parametrize("line", [b"end ", b" end", b"END", b"endx", b"the end"])
def test_only_a_line_that_is_exactly_end_ends_a_message(line: bytes) -> None:
    assert feed_all([b"1\n" + line + b"\n2\nend\n"]) == [b"1\n" + line + b"\n2"]


def test_characters_that_python_takes_for_line_ends_end_nothing() -> None:
    text = '{"x":"\u2028end\u2028\u0085end\x0c"}'.encode()

    assert feed_all([text + END]) == [text]


def test_an_end_in_the_first_line_does_not_swallow_the_message_behind_it() -> None:
    assert feed_all([b"end\n{}\nend\n"]) == [b"end\n{}"]
    assert feed_all([b"{}\nend\nend\n[]\nend\n{}\nend\n"]) == [b"{}", b"end\n[]", b"{}"]


def test_end_without_a_line_end_ends_a_message_at_the_end_of_output() -> None:
    for last in (b"\nend", b"\r\nend", b"\rend"):
        reader = FrameReader()

        assert reader.feed(b'{"pid": 1}' + last) == []
        assert reader.finish() == [b'{"pid": 1}']
        assert reader.finish() == []


def test_what_is_cut_off_by_the_end_of_output_is_dropped() -> None:
    reader = FrameReader()
    reader.feed(b'1\nend\n{"command": "em')

    assert reader.finish() == []
    assert reader.buffered_bytes == 0


def test_the_size_of_the_unfinished_message_is_known() -> None:
    reader = FrameReader()

    assert reader.buffered_bytes == 0
    reader.feed(b"1\nend\n" + b"x" * 1000)
    reader.feed(b"y")
    assert reader.buffered_bytes == 1001
    reader.feed(END)
    assert reader.buffered_bytes == 0


def test_an_unfinished_message_beyond_the_bound_is_refused_and_let_go() -> None:
    reader = FrameReader(max_bytes=100)
    reader.feed(b"x" * 90)

    with pytest.raises(RemoteProtocolError, match="exceeds 100 bytes, or the line 'end' is missing"):
        reader.feed(b"x" * 90)
    assert reader.buffered_bytes == 0


def test_many_messages_together_may_be_larger_than_the_bound_of_one() -> None:
    reader = FrameReader(max_bytes=100)

    assert reader.feed((b"x" * 60 + END) * 5 + b"x" * 60) == [b"x" * 60] * 5
    assert reader.feed(END) == [b"x" * 60]


def seconds_to_read(mebibytes: int) -> float:
    read = b"x" * 64 * 1024
    reader = FrameReader()
    started = time.process_time()
    for _ in range(mebibytes * 16):
        reader.feed(read)
    (text,) = reader.feed(END)
    assert len(text) == mebibytes << 20
    return time.process_time() - started


def seconds_to_join_and_search(mebibytes: int) -> float:
    reads = [b"x" * 64 * 1024] * (mebibytes * 16)
    started = time.process_time()
    assert b"".join(reads).split(END) != []
    return time.process_time() - started


def test_a_large_message_costs_no_more_than_a_few_passes_over_it() -> None:
    cost = min(seconds_to_read(20) for _ in range(3))
    one_pass = min(seconds_to_join_and_search(20) for _ in range(3))

    # About 2 here; one buffer that each read is added to takes more than 50.
    assert cost < 12 * one_pass
