"""A bounded run of what `make fuzz` runs for as long as one likes; and good clients are never refused."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from thriftpy2.thrift import TType

from storm_compat.thrift import idl
from storm_compat.thrift.shape_scan import StructShape, ValueShape, scan_arguments
from tests.fuzz import corpus
from tests.fuzz.spoil import spoilt
from tests.fuzz.targets import CORPUS_OF, LIMITS, TARGETS, decode, encode

pytestmark = pytest.mark.timeout(120)
storm: Any = idl.load()
BOUNDED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("target", "name"),
    [(target, path.name) for target in TARGETS for path in corpus.files(CORPUS_OF[target])],
)
def test_everything_in_the_corpus_keeps_its_promise(target: str, name: str) -> None:
    TARGETS[target]((corpus.FOLDER / CORPUS_OF[target] / name).read_bytes())


@pytest.mark.parametrize("target", TARGETS)
@BOUNDED
@given(data=st.data())
def test_spoilt_messages_keep_the_promise(target: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(corpus.contents(CORPUS_OF[target])))
    TARGETS[target](spoilt(seed, random.Random(data.draw(st.integers(0, 2**32)))))


@pytest.mark.parametrize("target", TARGETS)
@BOUNDED
@given(noise=st.binary(max_size=300))
def test_noise_keeps_the_promise(target: str, noise: bytes) -> None:
    TARGETS[target](noise)


# -- what good clients send -----------------------------------------------------


def good_values(payload_class: Any, shape: StructShape) -> st.SearchStrategy[Any]:
    """Return payloads of a class as a client may fill them: required fields set, others perhaps."""
    if shape.is_union:
        arms = [
            _value(value, _detail(payload_class, number)).map(
                lambda it, name=name: payload_class(**{name: it})
            )
            for number, (name, value) in shape.fields.items()
        ]
        return st.one_of(arms)
    fields = {
        name: _value(value, _detail(payload_class, number))
        if number in shape.required
        else st.none() | _value(value, _detail(payload_class, number))
        for number, (name, value) in shape.fields.items()
    }
    return st.fixed_dictionaries(fields).map(lambda values: payload_class(**values))


def _detail(payload_class: Any, number: int) -> Any:
    """Return what thriftpy2 keeps of a field's type besides its code."""
    spec = payload_class.thrift_spec[number]
    return (spec[0], spec[2]) if len(spec) == 4 else spec[0]


INTEGERS = {TType.BYTE: 8, TType.I16: 16, TType.I32: 32, TType.I64: 64}


def _value(shape: ValueShape, spec: Any) -> st.SearchStrategy[Any]:
    code, detail = spec if isinstance(spec, tuple) else (spec, None)
    if shape.struct is not None:
        return st.deferred(lambda: good_values(detail, shape.struct or StructShape()))
    if shape.enum is not None:
        return st.sampled_from(sorted(shape.enum))
    if code in {TType.LIST, TType.SET}:
        return st.lists(_value(shape.parts[0], detail), max_size=2)
    if code == TType.MAP:
        keys, items = (_value(part, one) for part, one in zip(shape.parts, detail, strict=True))
        return st.dictionaries(keys.filter(_can_be_key), items, max_size=2)
    if code == TType.BINARY:
        return st.binary(max_size=9)
    if code == TType.STRING:
        return st.text(max_size=9)
    if code == TType.BOOL:
        return st.booleans()
    if code == TType.DOUBLE:
        return st.floats(allow_nan=False)
    bits = INTEGERS[code]
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _can_be_key(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("method", storm.Nimbus.thrift_services)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_good_client_sends_passes_and_arrives(method: str, data: st.DataObject) -> None:
    arguments_class = getattr(storm.Nimbus, f"{method}_args")
    shape = idl.shape_of(arguments_class)
    arguments = data.draw(good_values(arguments_class, shape))
    body = encode(arguments)
    scan_arguments(body, 0, shape, LIMITS)
    arrived = arguments_class()
    decode(body, arrived)
    assert encode(arrived) == body
