"""Which part of a log is shown, and the page around it. Pure.

Source: storm:storm-webapp org/apache/storm/daemon/logviewer/handler/LogviewerLogPageHandler.java
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlencode

from storm_compat.errors import BadRequest

PAGE_BYTES: Final = 51200
MAX_PAGE_BYTES: Final = 10 * 1024 * 1024

_SHOWN = re.compile(r".*\.(log.*|txt|yaml|pid|err|out)", re.DOTALL)
_BINARY = "This is a binary file and cannot be shown. You may download it."


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file, in bytes."""

    start: int
    length: int


def part_of(size: int, start: int | None, length: int | None) -> Part:
    """Return the piece to show: the last one, unless a start is given.

    Raises:
        BadRequest: it starts beyond the end.
    """
    length = min(MAX_PAGE_BYTES, PAGE_BYTES if length is None else length)
    if start is None:
        return Part(max(size - length, 0), length)
    if start > size:
        raise BadRequest(f"start is {start}, but the file has {size} bytes")
    return Part(start, length)


def is_shown(name: str) -> bool:
    """Return whether a file of that name is text."""
    return _SHOWN.fullmatch(name) is not None


def matching_lines(text: str, grep: str) -> str:
    """Return only the lines that hold ``grep``."""
    return "\n".join(line for line in text.split("\n") if grep in line)


def log_page(
    kind: str, name: str, text: str | None, part: Part, *, size: int, names: Iterable[str], grep: str = ""
) -> str:
    """Return the whole page as HTML.

    Args:
        kind: log, or daemonlog; the route's name.
        name: of the file that is shown.
        text: what is shown of it; None if it cannot be shown.
        part: where that is in the file.
        size: of the file.
        names: of the files one may switch to.
        grep: if it is not empty, only the lines with it are in ``text``.
    """
    head = f"<!DOCTYPE html>\n<html><head><meta charset=utf-8><title>{escape(name)}</title></head>\n<body>\n"
    body = f'<pre id="logContent">{escape(_BINARY if text is None else text)}</pre>\n'
    if not grep:
        links = "" if text is None else _pager(kind, name, part, size)
        forms = f"{_search_form(kind, name)}{_switch(kind, name, names)}"
        body = f"{forms}{links}{_download(kind, name)}{body}{links}"
    return f"{head}<h3>{escape(name)}</h3>\n{body}</body></html>\n"


def file_list(title: str, links: Iterable[tuple[str, str]]) -> str:
    """Return a page with one link a line, of (text, address)."""
    items = "".join(f"<li>{_link(address, text)}</li>\n" for text, address in links)
    return (
        f"<!DOCTYPE html>\n<html><head><meta charset=utf-8><title>{escape(title)}</title></head>\n"
        f"<body>\n<h3>{escape(title)}</h3>\n<ul>\n{items}</ul>\n</body></html>\n"
    )


def _pager(kind: str, name: str, part: Part, size: int) -> str:
    last = max(size - part.length, 0)
    before = max(part.start - part.length, 0)
    after = min(last, part.start + part.length)
    links = [
        _page_link(kind, name, part.length, "Prev", before) if before < part.start else "Prev",
        _page_link(kind, name, part.length, "First", 0),
        _page_link(kind, name, part.length, "Last", None),
        _page_link(kind, name, part.length, "Next", after) if after > part.start else "Next",
    ]
    return f"<div>{' '.join(links)}</div>\n"


def _page_link(kind: str, name: str, length: int, text: str, start: int | None) -> str:
    at = {} if start is None else {"start": start}
    query = urlencode({"file": name, **at, "length": length})
    return _link(f"/api/v1/{kind}?{query}", text)


def _search_form(kind: str, name: str) -> str:
    is_daemon = "yes" if kind == "daemonlog" else "no"
    return (
        '<form action="/api/v1/search">search this file: <input type=text name="search-string">'
        f'<input type=hidden name=is-daemon value="{is_daemon}">'
        f'<input type=hidden name=file value="{escape(name)}"><input type=submit value=Search></form>\n'
    )


def _switch(kind: str, name: str, names: Iterable[str]) -> str:
    options = "".join(
        f"<option{' selected' if other == name else ''}>{escape(other)}</option>" for other in names
    )
    return (
        f'<form action="/api/v1/{kind}"><select name=file>{options}</select>'
        "<input type=submit value='Switch file'></form>\n"
    )


def _download(kind: str, name: str) -> str:
    route = "daemondownload" if kind == "daemonlog" else "download"
    address = f"/api/v1/{route}?{urlencode({'file': name})}"
    return f"<p>{_link(address, 'Download Full File')}</p>\n"


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'
