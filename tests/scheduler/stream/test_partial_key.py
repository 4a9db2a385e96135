from __future__ import annotations

import pytest

from scheduler.stream.partial_key import key_of_fields, key_of_value, two_tasks

# What RandomTwoTaskAssignmentCreator of Storm 2.8.2 chose: task count, key, the two indexes.
OF_JAVA = [
    (2, "183477a35a94c9", 1, 0),
    (2, "41", 1, 0),
    (3, "df7fae", 1, 2),
    (3, "e5c4caaf166f", 2, 0),
    (3, "", 0, 1),
    (4, "f1953297e1c8", 2, 1),
    (4, "94aa", 0, 3),
    (7, "eb50781ae0", 1, 4),
    (7, "22a420ee9989ec", 5, 3),
    (8, "9831c2d5e9f8c7dc", 3, 7),
    (16, "", 11, 1),
    (16, "81", 4, 9),
    (16, "09395a", 4, 6),
    (100, "4c73ba9c99", 34, 47),
    (100, "98eb", 78, 23),
    (1000, "4452a1", 43, 530),
    (1000, "419a6512500fcb", 532, 273),
    (1000, "fd07ad4165535585", 423, 88),
    (1000, "82", 631, 890),
]


@pytest.mark.parametrize(("count", "key", "first", "second"), OF_JAVA)
def test_the_two_tasks_of_a_key_are_javas(count: int, key: str, first: int, second: int) -> None:
    assert two_tasks(bytes.fromhex(key), count) == (first, second)


def test_the_two_are_never_the_same() -> None:
    for number in range(2000):
        first, second = two_tasks(b"%d" % number, 2 + number % 5)
        assert first != second


def test_a_key_is_the_hashes_of_its_fields_or_the_text_of_the_first_value() -> None:
    assert key_of_fields(["a", 1, None]) == bytes.fromhex("00000061 00000001 00000000")
    assert [key_of_value(value) for value in ("é", 12, True)] == ["é".encode(), b"12", b"true"]
