"""What may stand in a conf value, one function a rule, with Storm's own messages.

A rule takes the constant that names the key in messages and the value, and
raises `InvalidConf` or returns.  Null breaks no rule but ``not_null``.  Rules
that ask whether a Java class exists cannot be kept without a JVM, so any
class name passes.

Source: storm:storm-client/src/jvm/org/apache/storm/validation/ConfigValidation.java
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import simplejson

from storm_compat.errors import InvalidConf

Rule = Callable[[str, Any], None]

_JSON_PACKAGE = "org.apache.storm.shade.net.minidev.json."
_INT_MAX = 2**31 - 1
_LONG_MAX = 2**63 - 1


def check(constant: str, rules: str, value: Any) -> None:
    """Raise the message of the first of the space-separated ``rules`` that ``value`` breaks.

    Raises:
        InvalidConf: it breaks one.
    """
    for rule in rules.split():
        if value is not None or rule in _NULL_RULES:
            RULE_NAMES[rule](constant, value)


def java_class(value: Any) -> str:
    """Return the class that Storm's JSON parser makes of such a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, int):
        if -_INT_MAX - 1 <= value <= _INT_MAX:
            return "java.lang.Integer"
        return "java.lang.Long" if -_LONG_MAX - 1 <= value <= _LONG_MAX else "java.math.BigInteger"
    if isinstance(value, float):
        return "java.lang.Double"
    if isinstance(value, str):
        return "java.lang.String"
    return _JSON_PACKAGE + ("JSONObject" if isinstance(value, Mapping) else "JSONArray")


def java_text(value: Any) -> str:
    """Return the value as Java prints it."""
    return value if isinstance(value, str) else simplejson.dumps(value, separators=(",", ":"), allow_nan=True)


def is_number(value: Any) -> bool:
    """Return whether Java would call it a Number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _type(java_type: str, is_one: Callable[[Any], bool]) -> Rule:
    def rule(constant: str, value: Any) -> None:
        if value is not None and not is_one(value):
            raise InvalidConf(
                f"Field {constant} must be of type {java_type}. "
                f"Object: {java_text(value)} actual type: class {java_class(value)}"
            )

    return rule


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


_string = _type("class java.lang.String", _is_string)
_map = _type("interface java.util.Map", lambda value: isinstance(value, Mapping))
_iterable = _type("interface java.lang.Iterable", lambda value: isinstance(value, list))


def _whole(limit: int, text: str) -> Rule:
    def rule(constant: str, value: Any) -> None:
        is_whole = is_number(value) and abs(value) <= 2.0**64 and int(value) == value
        if not is_whole or not -limit - 1 <= value <= limit:
            raise InvalidConf(f"Field {constant} must be {text} within type range.")

    return rule


_integer = _whole(_INT_MAX, "an Integer")


def _positive(constant: str, value: Any) -> None:
    if not is_number(value) or not value > 0:
        raise InvalidConf(f"Field {constant} must be a Positive Number")


def _not_negative(constant: str, value: Any) -> None:
    if not is_number(value) or not value >= 0:
        raise InvalidConf(f"Field {constant} must be a Positive Number")


def _not_null(constant: str, value: Any) -> None:
    if value is None:
        raise InvalidConf(f"Field {constant}cannot be null! Actual value: null")


def _element(prefix: str, constant: str, value: Any, java_type: str, is_one: Callable[[Any], bool]) -> None:
    if value is not None and not is_one(value):
        raise InvalidConf(f"{prefix} {constant} must be a {java_type}. ({java_text(value)})")


def _strings(constant: str, value: Any) -> None:
    if not isinstance(value, list):
        raise InvalidConf(f"Field {constant} must be an Iterable but was a class {java_class(value)}")
    for element in value:
        _element("nullEach element of the list", constant, element, "java.lang.String", _is_string)


def _string_or_strings(constant: str, value: Any) -> None:
    if not isinstance(value, str):
        _strings(constant, value)


def _map_of(java_type: str, is_one: Callable[[Any], bool]) -> Rule:
    def rule(constant: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise InvalidConf(f"Field {constant} must be a Map")
        for element in value.values():
            _element("Each value in the map", constant, element, java_type, is_one)

    return rule


def _map_of_maps(constant: str, value: Any) -> None:
    if value is None:
        raise InvalidConf(f"Field {constant} must not be null")
    if not isinstance(value, Mapping):
        raise InvalidConf(f"Field {constant} must be a Map")
    for element in value.values():
        _map_of_maps_element(constant, element)


def _map_of_maps_element(constant: str, value: Any) -> None:
    if value is None:
        raise InvalidConf(f"Field {constant} must not be null")
    if not isinstance(value, Mapping):
        raise InvalidConf(f"Field {constant} must be a Map")


def _kryo(constant: str, value: Any) -> None:
    if not isinstance(value, list):
        raise InvalidConf(f"Field {constant} must be an Iterable containing only Strings or Maps of Strings")
    for element in value:
        is_map = isinstance(element, Mapping) and all(isinstance(v, str) for v in element.values())
        if not is_map and not isinstance(element, str):
            raise InvalidConf(f"Each element of the list {constant} must be a String or a Map of Strings")


def _entries_with(*required: str) -> Rule:
    """Return the rule of a list of maps that have the ``required`` keys, ``class`` being text."""

    def rule(constant: str, value: Any) -> None:
        _iterable(constant, value)
        name = f"{constant} list entry"
        for entry in value:
            if entry is None:
                continue
            _map(name, entry)
            for key in required:
                if key not in entry:
                    raise InvalidConf(f"Field {name} must have map entry with key: {key}")
            _string(name, entry["class"])
            if "parallelism.hint" in required and entry["parallelism.hint"] is not None:
                _integer(name, entry["parallelism.hint"])

    return rule


def _sensitivity(constant: str, value: Any) -> None:
    _string(constant, value)
    if value not in ("S0", "S1", "S2", "S3"):
        shown = "null" if value is None else value
        raise InvalidConf(
            f"Field {constant} is not an accepted value. Value: {shown} Accepted values: [S3, S0, S1, S2]"
        )


def _zstd_level(constant: str, value: Any) -> None:
    _type("class java.lang.Integer", lambda v: java_class(v) == "java.lang.Integer")(constant, value)
    if not 1 <= value <= 19:
        raise InvalidConf(
            f"Field '{constant}' is invalid: {value}. Zstd compression level must be between 1 and 19."
        )


def _between_zero_and_one(constant: str, value: Any) -> None:
    if not is_number(value) or not 0 < value < 1:
        raise InvalidConf(
            f"Field {constant} must be a number in the open interval (0, 1), got: {java_text(value)}"
        )


def _pacemaker_auth(constant: str, value: Any) -> None:
    if value is None:
        raise InvalidConf(f"Field {constant} must be set.")
    if value not in ("NONE", "DIGEST", "KERBEROS"):
        raise InvalidConf(f'Field {constant} must be one of "NONE", "DIGEST", or "KERBEROS"')


_CONSTRAINTS: Final = {"maxNodeCoLocationCnt", "incompatibleComponents"}


def _ras_constraints(constant: str, value: Any) -> None:
    is_pairs = isinstance(value, list) and all(
        isinstance(pair, list) and all(isinstance(part, str) for part in pair) for pair in value
    )
    is_maps = isinstance(value, Mapping) and all(
        isinstance(part, Mapping) and part.keys() <= _CONSTRAINTS for part in value.values()
    )
    if not is_pairs and not is_maps:
        raise InvalidConf(f"Field {constant} must be a list of lists of component ids or a map of maps")


def _impersonation(constant: str, value: Any) -> None:
    _map(constant, value)
    for entry in value.values():
        if entry is None:
            continue
        if not isinstance(entry, Mapping):
            raise InvalidConf(f"Field {constant} Map value must be a Map")
        for names in entry.values():
            if names is not None:
                _strings(f"{constant} Map value", names)
        for key in ("hosts", "groups"):
            if key not in entry:
                raise InvalidConf(f"{constant} Map value should contain Map entry with key: {key}")


RULE_NAMES: Final[dict[str, Rule]] = {
    "string": _string,
    "strings": _strings,
    "string_or_strings": _string_or_strings,
    "sensitivity": _sensitivity,
    "boolean": _type("class java.lang.Boolean", lambda value: isinstance(value, bool)),
    "number": _type("class java.lang.Number", is_number),
    "integer": _integer,
    "long": _whole(_LONG_MAX, "an Long"),
    "positive": _positive,
    "not_negative": _not_negative,
    "not_null": _not_null,
    "map": _map,
    "map_of_strings": _map_of("java.lang.String", _is_string),
    "map_of_numbers": _map_of("java.lang.Number", is_number),
    "map_of_maps": _map_of_maps,
    "kryo": _kryo,
    "reporters": _entries_with("class"),
    "metric_consumers": _entries_with("class", "parallelism.hint"),
    "event_loggers": _entries_with("class"),
    "zstd_level": _zstd_level,
    "between_zero_and_one": _between_zero_and_one,
    "pacemaker_auth": _pacemaker_auth,
    "ras_constraints": _ras_constraints,
    "impersonation": _impersonation,
}

_NULL_RULES: Final = frozenset({"not_null", "map_of_maps", "pacemaker_auth", "sensitivity"})
