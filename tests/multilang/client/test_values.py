from __future__ import annotations

import datetime as dt
import enum
import json
import math
import uuid
from collections import Counter, OrderedDict, namedtuple
from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st

from multilang.client.values import encode, encode_values


class Text(str):
    __slots__ = ()


class Number(enum.IntEnum):
    ONE = 1


class Colour(enum.Enum):
    RED = "red"


Pair = namedtuple("Pair", "a b")  # noqa: PYI024  as authors write them

_keys = (
    st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: text.encode())
    | st.decimals(allow_nan=False, allow_infinity=False)
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner) | st.lists(inner).map(tuple)
)


def _as_pystorm(value: Any) -> Any:
    return simplejson.loads(simplejson.dumps(value, namedtuple_as_object=False), use_decimal=True)


@settings(deadline=None)
@given(_values)
def test_what_simplejson_writes_is_written_the_same(value: Any) -> None:
    assert simplejson.loads(encode(value), use_decimal=True) == _as_pystorm(value)


@settings(deadline=None)
@given(st.lists(_values))
def test_the_values_of_a_tuple_are_written_the_same(values: list[Any]) -> None:
    assert simplejson.loads(encode_values(values), use_decimal=True) == _as_pystorm(values)


@pytest.mark.parametrize(
    "value",
    [
        Text("a"),
        Number.ONE,
        Pair(1, [Pair(2, b"x")]),
        Counter("aab"),
        OrderedDict(a=1),
        {1: 2, 2.5: 3, None: 4, False: 5},
        10**40,
        Decimal("1.10"),
        "\ud800 alone",
        ["\ud800", {"k": ("\udfff", b"bytes", Decimal(1))}],
    ],
)
def test_unusual_types_are_written_the_same(value: Any) -> None:
    assert json.loads(encode([value])) == json.loads(simplejson.dumps([value], namedtuple_as_object=False))


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        dt.date(2026, 1, 1),
        uuid.uuid4(),
        Colour.RED,
        object(),
        {("a", 1): 2},
        [[1, [{"k": {3}}]]],
    ],
)
def test_what_simplejson_refuses_is_refused_by_name(value: Any) -> None:
    with pytest.raises(TypeError):
        simplejson.dumps(value)
    with pytest.raises(TypeError, match=r"not JSON serializable|keys must be"):
        encode_values([value])


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, [math.nan], {"a": math.inf}, Decimal("NaN")]
)
def test_numbers_that_are_not_finite_become_null(value: Any) -> None:
    assert json.loads(encode([value, "\ud800"])) == json.loads(
        encode(["x", value]).replace(b'"x",', b"")[:-1] + b',"\\ud800"]'
    )
    assert b"NaN" not in encode([value])
    assert b"Infinity" not in encode([value])


@pytest.mark.parametrize("values", ["text", {"a": 1}, 5, None, {1}])
def test_a_tuple_must_be_a_list_or_a_tuple(values: Any) -> None:
    with pytest.raises(TypeError, match="must be a list or a tuple, not"):
        encode_values(values)
