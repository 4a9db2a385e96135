"""What a client asks for in a path or a query, read and checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from storm_compat.errors import BadRequest
from storm_compat.rest.texts import ALL_TIME, is_window


def window(query: Mapping[str, str]) -> str:
    """Return the window that is asked for; all time if none is.

    Raises:
        BadRequest: it is none.
    """
    found = query.get("window") or ALL_TIME
    if not is_window(found):
        raise BadRequest(f"window must be {ALL_TIME} or a number of seconds such as 600, not {found[:40]!r}")
    return found


def optional_number(query: Mapping[str, str], name: str) -> int | None:
    """Return a number from the query; None if it is not there.

    Raises:
        BadRequest: it is none, or below 0.
    """
    text = query.get(name)
    return number(text, name) if text else None


def number(text: str, what: str) -> int:
    """Return a whole number from 0 on.

    Raises:
        BadRequest: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise BadRequest(f"{what} must be a whole number from 0 on, not {text[:40]!r}")
    return int(text)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Return whether the client said so."""
    return query.get(name, "").lower() in ("true", "yes")
