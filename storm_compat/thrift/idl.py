"""Storm's Thrift classes, made from `storm.thrift` on first use.

    storm = idl.load()
    storm.StormTopology(spouts={}, bolts={}, state_spouts={})
    ThriftServer(storm.Nimbus, handler)

Nothing is parsed at import time, so a command that needs no Thrift does not pay for it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from storm_compat.thrift.shape_scan import StructShape, ValueShape

# thriftpy2 registers the module in sys.modules under this name and insists on the suffix. streamparse takes
# `storm_thrift`, and users do run both in one process.
MODULE_NAME = "heronry_storm_thrift"


@cache
def load() -> ModuleType:
    """Return the module that holds every struct, enum, exception and service of Storm's interface.

    The same module every time; the first call takes about 0.1 s. Unset fields of its classes are ``None``.
    Attributes are typed ``Any``: the classes exist only at run time.
    """
    import thriftpy2

    module: ModuleType = thriftpy2.load(Path(__file__).with_name("storm.thrift"), module_name=MODULE_NAME)
    return module


@cache
def shape_of(payload_class: Any) -> StructShape:
    """Return what a struct must look like on the wire, from the class that thriftpy2 made of it."""
    return _filled(payload_class, {})


def _filled(payload_class: Any, under_way: dict[Any, StructShape]) -> StructShape:
    if payload_class in under_way:
        return under_way[payload_class]
    shape = StructShape(is_union=payload_class in load().__thrift_meta__["unions"])
    under_way[payload_class] = shape
    required = set()
    # As thriftpy2 writes it: id -> (type code, name, [detail,] is required).
    for number, (code, name, *detail, is_required) in payload_class.thrift_spec.items():
        shape.fields[number] = (name, _value_shape(code, detail[0] if detail else None, under_way))
        if is_required:
            required.add(number)
    shape.required = frozenset(required)
    return shape


def _value_shape(code: int, detail: Any, under_way: dict[Any, StructShape]) -> ValueShape:
    """Return the shape of one value.

    Args:
        code: of its type.
        detail: the class of a struct or enum, the type of the items of a list or set, both types of a map.
        under_way: shapes that are being made; a struct may hold itself.
    """
    from thriftpy2.thrift import TType

    if code == TType.STRUCT:
        return ValueShape(code, struct=_filled(detail, under_way))
    if code == TType.MAP:
        return ValueShape(code, parts=tuple(_part_shape(part, under_way) for part in detail))
    if code in {TType.LIST, TType.SET}:
        return ValueShape(code, parts=(_part_shape(detail, under_way),))
    if detail is not None:
        return ValueShape(code, enum=dict(detail._VALUES_TO_NAMES))  # noqa: SLF001  there is no other way
    return ValueShape(TType.STRING if code == TType.BINARY else code)


def _part_shape(spec: Any, under_way: dict[Any, StructShape]) -> ValueShape:
    """Return the shape of an item: a bare code, or a pair of code and detail."""
    code, detail = (spec, None) if isinstance(spec, int) else spec
    return _value_shape(code, detail, under_way)
