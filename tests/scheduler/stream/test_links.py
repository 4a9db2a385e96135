"""Frames between containers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import PeerError
from scheduler.stream.links import (
    LEFT,
    MAX_FRAME_BYTES,
    FrameSplitter,
    Link,
    decode_frame,
    pack_frames,
    stream_numbers,
)
from scheduler.topology import Stream
from tests.scheduler.stream.cluster import bolt, spout, topology

NUMBERS = st.integers(0, 2**63 - 1)
ROWS = st.tuples(
    st.integers(1, 9999),
    st.integers(1, 9999),
    st.integers(0, 99),
    st.binary(max_size=40),
    st.lists(st.tuples(st.integers(1, 999), NUMBERS, NUMBERS), max_size=3).map(
        lambda t: [n for e in t for n in e]
    ),
)
REPORTS = st.tuples(NUMBERS, NUMBERS, st.integers(0, 2**62 - 1), st.booleans())
CONGESTIONS = st.tuples(st.integers(1, 9999), st.booleans())
FRAMES = st.tuples(
    st.lists(ROWS, max_size=4),
    st.lists(REPORTS, max_size=3),
    st.lists(CONGESTIONS, max_size=3),
    NUMBERS,
    st.integers(LEFT, 99),
)


@settings(max_examples=60, deadline=None)
@given(frames=st.lists(FRAMES, max_size=4), cuts=st.lists(st.integers(1, 50), min_size=1))
def test_frames_arrive_as_they_were_wherever_reads_cut_them(frames: list[object], cuts: list[int]) -> None:
    data = b"".join(pack_frames(*frame) for frame in frames)  # type: ignore[misc]
    splitter = FrameSplitter()
    bodies, position, turn = [], 0, 0
    while position < len(data):
        size = cuts[turn % len(cuts)]
        bodies += splitter.feed(data[position : position + size])
        position, turn = position + size, turn + 1
    assert [decode_frame(body) for body in bodies] == frames


def test_a_large_frame_in_small_reads_is_not_copied_for_each() -> None:
    frame = pack_frames([(1, 2, 3, b"x" * (4 << 20), [])], [], [])
    splitter = FrameSplitter()
    pieces = [frame[at : at + 1024] for at in range(0, len(frame), 1024)]
    assert [body for piece in pieces[:-1] for body in splitter.feed(piece)] == []
    (body,) = splitter.feed(pieces[-1])
    assert len(decode_frame(body)[0][0][3]) == 4 << 20


@pytest.mark.parametrize("length", [MAX_FRAME_BYTES + 1, 0x47455420, 0xFFFFFFFF])  # the second is "GET "
def test_a_length_that_no_peer_sends_is_refused_before_anything_is_kept(length: int) -> None:
    with pytest.raises(PeerError, match=f"a frame of {length} bytes exceeds {MAX_FRAME_BYTES}"):
        FrameSplitter().feed(length.to_bytes(4, "big"))


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=60))
def test_garbage_is_a_peers_error(body: bytes) -> None:
    with pytest.raises(PeerError):
        decode_frame(b"\xc1" + body)  # never a msgpack value
    try:
        decode_frame(body)
    except PeerError:
        pass


@pytest.mark.parametrize(
    "frame",
    [
        [],
        [[], []],
        [[], [], [], 1],
        [[], [], [], 1, 1, 1],
        [[], [], [], 1, "1"],
        [[[1, 2, 3, b"", [1, 2]]], [], [], 0, 0],
        [[[1, 2, 3, b""]], [], [], 0, 0],
        [[["1", 2, 3, b"", []]], [], [], 0, 0],
        [[], [[1, 2, 3]], [], 0, 0],
        [[], [], [[1, 2]], 0, 0],
        [[], [], []],
        {"rows": []},
    ],
)
def test_a_frame_of_another_shape_is_a_peers_error(frame: object) -> None:
    with pytest.raises(PeerError):
        decode_frame(msgspec.msgpack.encode(frame))


def test_a_frame_that_would_be_too_large_becomes_several_with_rows_in_order_and_reports_last() -> None:
    rows = [(number, 1, 0, b"x" * 100, []) for number in range(7)]
    data = pack_frames(rows, [(1, 2, 3, True)], [(4, False)], 77, 5, max_bytes=250)
    frames = [decode_frame(body) for body in FrameSplitter().feed(data)]
    assert len(frames) > 3
    assert [row for frame in frames for row in frame[0]] == rows
    assert all(frame[1:] == ([], [], 0, 0) for frame in frames[:-1])
    assert frames[-1][1:] == ([(1, 2, 3, True)], [(4, False)], 77, 5)


def test_any_number_of_containers_fits_into_a_report() -> None:
    link = Link(1)
    peers = 0
    for container_id in range(1, 2000):
        peers |= Link(container_id).bit
    link.reports.append((2**63 - 1, 2**63 - 1, peers, False))
    (body,) = FrameSplitter().feed(link.take_frame())
    assert decode_frame(body)[1] == [(2**63 - 1, 2**63 - 1, peers, False)]


def test_the_first_containers_have_a_bit_each() -> None:
    assert len({Link(container_id).bit for container_id in range(1, 63)}) == 62


def test_taking_a_frame_forgets_what_was_in_it() -> None:
    link = Link(2)
    assert link.has_news  # by which plan we route
    link.take_frame()
    assert not link.has_news
    link.congestions.append((1, True))
    assert link.has_news
    link.take_frame()
    assert not link.has_news


def hand_over(source: Link, destination: Link) -> None:
    """Let everything that waits on one end of a link arrive at the other."""
    for body in FrameSplitter().feed(source.take_frame()):
        destination.note_frame(body, decode_frame(body))


def test_rows_are_on_the_way_until_the_peer_says_that_it_took_them() -> None:
    here, there = Link(2), Link(1)
    here.rows.append((1, 2, 3, b"[1]", []))
    hand_over(here, there)
    assert here.on_way_bytes == there.taken_bytes > 0
    assert there.has_news
    hand_over(there, here)
    assert (here.on_way_bytes, there.taken_bytes, there.on_way_bytes) == (0, 0, 0)
    assert not here.has_news  # what only tells of bytes is not told of


def test_little_is_not_worth_a_frame_but_goes_with_the_next() -> None:
    here, there = Link(2), Link(1, quiet_bytes=100)
    here.rows.append((1, 2, 3, b"[1]", []))
    there.take_frame()
    hand_over(here, there)
    assert not there.has_news
    there.reports.append((1, 2, 3, False))
    hand_over(there, here)
    assert here.on_way_bytes == 0
    here.rows.append((1, 2, 3, b"x" * 100, []))
    hand_over(here, there)
    assert there.has_news


def test_with_a_peer_only_unanchored_rows_survive() -> None:
    link = Link(2)
    free, bound = (1, 2, 3, b"[]", []), (1, 2, 3, b"[]", [1, 2, 3])
    link.rows, link.reports, link.congestions = [bound, free], [(1, 2, 3, False)], [(1, True)]
    link.drop_anchored()
    assert (link.rows, link.reports, link.congestions) == ([free], [], [])


def test_streams_are_numbered_by_component_and_stream_id() -> None:
    streams = {"z": Stream(()), "b": Stream(())}
    plan = topology(spout("s", 1, streams=streams), bolt("a", 2, reads=[]))
    assert stream_numbers(plan) == {("a", "default"): 0, ("s", "b"): 1, ("s", "z"): 2}


def test_a_peer_that_left_before_it_had_read_all_is_not_clear() -> None:
    here, there = Link(2), Link(1)
    here.rows.append((1, 2, 0, b"[]", []))
    (body,) = FrameSplitter().feed(here.take_frame())
    there.follows = LEFT
    (left,) = FrameSplitter().feed(there.take_frame())
    here.note_frame(left, decode_frame(left))
    assert not here.ends_well
    there.note_frame(body, decode_frame(body))
    for follows in (3, LEFT):
        there.follows = follows
        (left,) = FrameSplitter().feed(there.take_frame())
        here.note_frame(left, decode_frame(left))
    assert here.ends_well
