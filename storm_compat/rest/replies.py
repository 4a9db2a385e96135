"""The form of every answer: JSON or a call of the client's function, Storm's headers, Storm's form of errors.

    {"error": "500 Server Error", "errorMessage": "wc is not alive"}

Source: storm:storm-webapp/src/main/java/org/apache/storm/daemon/ui/UIHelpers.java
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from storm_compat.rest import access

CALLBACK: Final = "callback"
MAX_CALLBACK_CHARS: Final = 128

_CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*")
_HEADERS: Final = {
    "Cache-Control": "no-cache, no-store",
    "X-Content-Type-Options": "nosniff",
    # JSON that somebody opens in a browser must never become a page.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Server": "heronry",
}


def callback(request: web.BaseRequest) -> str | None:
    """Return the function that the client wants called; None if it wants plain JSON, or names no function."""
    name = request.query.get(CALLBACK)
    if name is None or len(name) > MAX_CALLBACK_CHARS or not _CALLBACK.fullmatch(name):
        return None
    return name


def page(request: web.BaseRequest, shown: object, status: int = 200) -> web.Response:
    """Return what is shown, as JSON."""
    return json_text(request, msgspec.json.encode(shown), status)


def json_text(request: web.BaseRequest, text: bytes, status: int = 200) -> web.Response:
    """Return JSON that is text already."""
    headers = reading_headers(request)
    kind = "application/json"
    if function := callback(request):
        text, kind = b"%b(%b);" % (function.encode(), text), "application/javascript"
    return web.Response(body=text, status=status, headers=headers, content_type=kind, charset="utf-8")


def error(request: web.BaseRequest, status: int, text: str) -> web.Response:
    """Return an error in Storm's form."""
    return page(request, {"error": f"{status} {_phrase(status)}", "errorMessage": text}, status)


def reading_headers(request: web.BaseRequest) -> dict[str, str]:
    """Return the headers of every answer; a page of this machine may read it wherever it comes from."""
    headers = {**_HEADERS, "Vary": "Origin"}
    if origin := access.reader(request.headers):
        headers["Access-Control-Allow-Origin"] = origin
    return headers


def _phrase(status: int) -> str:
    """Return the words for a status; 500 has Storm's own."""
    return "Server Error" if status == 500 else HTTPStatus(status).phrase
