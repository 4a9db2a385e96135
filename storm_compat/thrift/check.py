"""Check a decoded object against the interface: what thriftpy2 reads without a word.

thriftpy2 enforces no `required`, takes a union with no arm or two, and reads any number as an enum. Java's
Thrift refuses all three, so a topology that got in that way could not be handed out again. A handler calls
`check` on what the client sent, and answers in Storm's words.

Only the shape is checked here. Whether the values make sense is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from reprlib import Repr
from typing import Any, Protocol, TypeAlias, cast

from thriftpy2.thrift import TPayload, TType

from storm_compat.thrift import ThriftError, idl

# As thriftpy2 writes it: a type code, or a pair of code and detail. The detail is the class of a struct or
# enum, the item type of a list or set, the pair of key and value type of a map.
_TypeSpec: TypeAlias = int | tuple[int, Any]

_shorten = Repr()
_shorten.maxstring = 100
_shorten.maxother = 200


class CheckError(ThriftError):
    """The object lacks something or has too much; ``path`` leads there from the name given to `check`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path
        self.reason = reason


def check(payload: TPayload, name: str) -> None:
    """Return if ``payload`` and all within it is complete; ``name`` is what errors call it.

    About 10 us per component of a topology. Finds the first problem only, in the order of the interface.

    Raises:
        CheckError: a required field is unset, a union has no arm or several, or an enum's value is unknown.
    """
    if type(payload) in _unions():
        _check_arms(payload, name)
    for field in _fields(type(payload)):
        value = getattr(payload, field.name)
        if value is None:
            if field.is_required:
                raise CheckError(f"{name}.{field.name}", "is required, but not set")
        elif field.needs_descent:
            _check_value(value, field.type_spec, f"{name}.{field.name}")


def _check_arms(union: TPayload, path: str) -> None:
    arms = [field.name for field in _fields(type(union))]
    present = [arm for arm in arms if getattr(union, arm) is not None]
    if len(present) != 1:
        found = " and ".join(present) if present else "none"
        raise CheckError(path, f"needs exactly one of {', '.join(arms)}; set: {found}")


def _check_value(value: Any, type_spec: _TypeSpec, path: str) -> None:
    """Check a value that is set; call it only where `_needs_descent` says so."""
    code, detail = cast("tuple[int, Any]", type_spec)
    if code == TType.STRUCT:
        check(value, path)
    elif code == TType.I32:
        _check_enum(value, detail, path)
    elif code == TType.MAP:
        key_spec, item_spec = detail
        for key, item in value.items():
            if _needs_descent(key_spec):
                _check_value(key, key_spec, f"{path} key {_shorten.repr(key)}")
            if _needs_descent(item_spec):
                _check_value(item, item_spec, f"{path}[{_shorten.repr(key)}]")
    else:
        for index, item in enumerate(value):
            _check_value(item, detail, f"{path}[{index}]")


class _Enum(Protocol):
    """A class that thriftpy2 made of an enum."""

    _VALUES_TO_NAMES: dict[int, str]


def _check_enum(value: int, enum: type[_Enum], path: str) -> None:
    names = enum._VALUES_TO_NAMES  # noqa: SLF001  thriftpy2 offers nothing else
    if value not in names:
        known = ", ".join(f"{number} ({name})" for number, name in names.items())
        raise CheckError(path, f"is {value}; known values are {known}")


@dataclass(frozen=True, slots=True)
class _Field:
    """One row of thriftpy2's `thrift_spec`, which is (code, name, [detail,] is required)."""

    name: str
    type_spec: _TypeSpec
    is_required: bool
    needs_descent: bool


@cache
def _fields(payload_class: type[TPayload]) -> tuple[_Field, ...]:
    fields = []
    for code, name, *detail, is_required in payload_class.thrift_spec.values():
        type_spec = (code, detail[0]) if detail else code
        fields.append(_Field(name, type_spec, is_required, _needs_descent(type_spec)))
    return tuple(fields)


@cache
def _needs_descent(type_spec: _TypeSpec) -> bool:
    """Return whether a value of this type can be wrong inside: plain values and containers of them cannot."""
    if isinstance(type_spec, int):
        return False
    code, detail = type_spec
    if code in {TType.LIST, TType.SET}:
        return _needs_descent(detail)
    if code == TType.MAP:
        return any(_needs_descent(part) for part in detail)
    return True


@cache
def _unions() -> frozenset[type[TPayload]]:
    """Return the classes of the unions; on a class itself thriftpy2 leaves no mark."""
    return frozenset(idl.load().__thrift_meta__["unions"])
