"""Who may ask: no page of another site, whatever name it reaches us by; and no order unless allowed.

    Host               must be localhost or a loopback address: else a site could point its own name at
                       127.0.0.1 and read along
    Sec-Fetch-Site     what a browser says of the page that asks; curl and Storm's clients say nothing
    Origin, Referer    the same from older browsers
    POST               only if nimbus was started for it, and from a browser only by a page of ours

Nobody is asked for a password: whoever has an account on this machine may read, and may order where orders
are allowed. Only browsers carry requests of strangers, and they tell us so.

Storm allows all of that: `Access-Control-Allow-Origin: *` lets every web page read what it gets.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

READING: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    text: str


def refusal(
    method: str, headers: Mapping[str, str], *, may_write: bool, is_script: bool = False
) -> Refusal | None:
    """Return why a request is refused; None if it may pass.

    Args:
        method: of HTTP, upper case.
        headers: looked up by the names above, so in a mapping that does not mind the case.
        may_write: orders are taken.
        is_script: the answer would be a script, which any page may run.
    """
    host = headers.get("Host", "")
    if not is_of_this_machine(host):
        return Refusal(
            403,
            f"This server is not called {host[:80]!r}. Ask for localhost; from another machine, through a "
            "tunnel that ends there: ssh -L",
        )
    is_reading = method in READING
    if not is_reading and not may_write:
        return Refusal(
            403, "This server is read-only. To have it take orders, start it as: heronry dev --rest-writes"
        )
    if _is_foreign(headers, host, is_reading=is_reading, is_script=is_script):
        return Refusal(403, "Pages of other sites may not use this server. Open it itself, or use curl")
    return None


def reader(headers: Mapping[str, str]) -> str | None:
    """Return the origin whose pages may read the answer besides our own: one of this machine, else None."""
    origin = headers.get("Origin", "")
    return origin if origin and is_of_this_machine(_authority(origin)) else None


def is_of_this_machine(host: str) -> bool:
    """Return whether HOST or HOST:PORT is a name that nobody else can give to an address of theirs."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_foreign(headers: Mapping[str, str], host: str, *, is_reading: bool, is_script: bool) -> bool:
    """Return whether a browser asks for a page of somebody else."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        if not is_reading:
            return site not in ("same-origin", "none")
        # A person follows a link; the page it was on does not see what comes.
        is_opened = headers.get("Sec-Fetch-Mode") == "navigate" and not is_script
        return site == "cross-site" and not is_opened
    origin = headers.get("Origin")
    if origin is None and (is_script or not is_reading):
        origin = headers.get("Referer")
    if origin is None:
        return False
    if is_reading:
        return not is_of_this_machine(_authority(origin))
    return _authority(origin).lower() != host.lower()


def _authority(url: str) -> str:
    """Return HOST:PORT of a URL or an origin; "" if it has none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
