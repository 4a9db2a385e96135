"""Makes JSON of what components emit, the way pystorm's serializer (simplejson) would.

    the usual values (text, numbers, plain lists and dicts)  ->  msgspec as they are
    anything else                                            ->  `simplified` first, or refused

msgspec alone would take more than simplejson does, and differently: bytes as
base64, decimals as text, dates and sets.  A component must not change what it
says because it runs on another library, so the types are looked at first.
Numbers that are not finite become null: no JSON reader in another language
can read them.
"""

from __future__ import annotations

import enum
import json
import math
from decimal import Decimal
from typing import Any, Final

import msgspec

SCALARS: Final = frozenset({str, int, float, bool, type(None)})

encode_plain: Final = msgspec.json.Encoder().encode
"""Returns a list of `SCALARS`, or the id of a tuple, as JSON.

Raises:
    UnicodeEncodeError: there is a lone surrogate in it; not in ids, which hosts make.
"""


def encode_values(values: Any) -> bytes:
    """Return the values of a tuple as a JSON array.

    Raises:
        TypeError: it is neither list nor tuple, or holds what JSON has no place for; says what.
    """
    if type(values) is list:
        for value in values:
            kind = type(value)
            if kind is not str and kind not in SCALARS:  # text above all: spares it the search
                break
        else:
            try:
                return encode_plain(values)
            except UnicodeEncodeError:
                pass
    elif not isinstance(values, list | tuple):
        raise TypeError(f"a tuple must be a list or a tuple, not {type(values).__name__}: {values!r:.200}")
    return encode(values)


def encode(value: Any) -> bytes:
    """Return any value as JSON.

    Raises:
        TypeError: it holds something that JSON has no place for; says what.
    """
    try:
        return encode_plain(value if is_plain(value) else simplified(value))
    except UnicodeEncodeError:  # a lone surrogate: only escapes can carry it
        return json.dumps(_readable(simplified(value))).encode()


def is_plain(value: Any) -> bool:
    """Return whether msgspec and simplejson write ``value`` alike."""
    kind = type(value)
    if kind in SCALARS:
        return True
    if kind is list or kind is tuple:
        return all(map(is_plain, value))
    if kind is dict:
        return all(type(key) is str for key in value) and all(map(is_plain, value.values()))
    return False


def simplified(value: Any) -> Any:
    """Return ``value`` in types that msgspec writes as simplejson would have written them.

    Raises:
        TypeError: there is no such type.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, enum.Enum) and not isinstance(value, int | float):
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable: {value!r:.200}")
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Decimal):
        return msgspec.Raw(str(value).encode()) if value.is_finite() else None
    if isinstance(value, list | tuple):
        return [simplified(item) for item in value]
    if isinstance(value, dict):
        return {_key(key): simplified(item) for key, item in value.items()}
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable: {value!r:.200}")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bytes):
        return key.decode()
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key)
    raise TypeError(f"keys must be text or numbers, not {type(key).__name__}: {key!r:.200}")


def _readable(simple: Any) -> Any:
    """Return what is `simplified` without what the standard library cannot write, or not as JSON."""
    if isinstance(simple, float):
        return simple if math.isfinite(simple) else None
    if isinstance(simple, msgspec.Raw):
        return float(bytes(simple))
    if isinstance(simple, list):
        return [_readable(item) for item in simple]
    if isinstance(simple, dict):
        return {key: _readable(item) for key, item in simple.items()}
    return simple
