"""The routes of Storm's logviewer below /api/v1.

Source: storm:storm-webapp org/apache/storm/daemon/logviewer/webapp/LogviewerResource.java
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from urllib.parse import quote, urlencode

from aiohttp import web

from storm_compat.errors import BadRequest, NoSuchLog
from storm_compat.logviewer import pages, search
from storm_compat.logviewer.files import files_in, list_logs, open_log
from storm_compat.rest.queries import flag, optional_number
from storm_compat.rest.replies import page, reading_headers

THREAD_COUNT: Final = 2
"""More requests wait: searching must not starve the rest of nimbus of the processor."""

SEARCH_S: Final = 5.0
MAX_MATCHES: Final = 1000
CHUNK_BYTES: Final = 256 * 1024
DUMP_ENDINGS: Final = (".txt", ".jfr", ".bin")

_HTML_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'"
}

T = TypeVar("T")


class Logviewer:
    """The routes over the log folder of one root."""

    def __init__(
        self,
        log_dir: Path,
        host: str,
        log_address: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._daemon_logs = log_dir
        self._artifacts = log_dir / "workers-artifacts"
        self._host = host
        self._log_address = log_address
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREAD_COUNT, thread_name_prefix="logviewer")

    async def close(self, _: object) -> None:
        """Begin no search any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def routes(self) -> list[web.RouteDef]:
        """Return all routes; what is not listed is not there."""
        return [
            web.get("/api/v1/log", self._log),
            web.get("/api/v1/daemonlog", self._daemon_log),
            web.get("/api/v1/download", self._download),
            web.get("/api/v1/daemondownload", self._daemon_download),
            web.get("/api/v1/listLogs", self._list),
            web.get("/api/v1/searchLogs", self._list),
            web.get("/api/v1/search", self._search),
            web.get("/api/v1/deepSearch/{id:[^/]+}", self._deep_search),
            web.get("/api/v1/dumps/{id:[^/]+}/{worker}", self._dumps),
            web.get("/api/v1/dumps/{id:[^/]+}/{worker}/{file}", self._dump),
        ]

    # ---- pages

    async def _log(self, request: web.Request) -> web.Response:
        name = _file(request)
        return await self._page(request, "log", self._artifacts, name)

    async def _daemon_log(self, request: web.Request) -> web.Response:
        return await self._page(request, "daemonlog", self._daemon_logs, _file(request), max_depth=1)

    async def _page(
        self, request: web.Request, kind: str, root: Path, name: str, *, max_depth: int = 3
    ) -> web.Response:
        start, length = optional_number(request.query, "start"), optional_number(request.query, "length")
        grep = request.query.get("grep", "")

        def make() -> str:
            with closing(open_log(root, name, max_depth=max_depth)) as log:
                size = os.fstat(log.fileno()).st_size
                part = pages.part_of(size, start, length)
                text = None
                if pages.is_shown(name):
                    text = os.pread(log.fileno(), part.length, part.start).decode("utf-8", errors="replace")
                    text = pages.matching_lines(text, grep) if grep else text
            names = files_in(root) if max_depth == 1 else list_logs(root, name.partition("/")[0])
            return pages.log_page(kind, name, text, part, size=size, names=names, grep=grep)

        return self._html(request, await self._in_thread(make))

    def _html(self, request: web.Request, text: str) -> web.Response:
        return web.Response(
            text=text,
            content_type="text/html",
            charset="utf-8",
            headers={**reading_headers(request), **_HTML_HEADERS},
        )

    # ---- whole files

    async def _download(self, request: web.Request) -> web.StreamResponse:
        name = _file(request)
        log = await self._in_thread(lambda: open_log(self._artifacts, name))
        return await self._send(request, log, name)

    async def _daemon_download(self, request: web.Request) -> web.StreamResponse:
        name = _file(request)
        log = await self._in_thread(lambda: open_log(self._daemon_logs, name, max_depth=1))
        return await self._send(request, log, name)

    async def _send(self, request: web.Request, log: BinaryIO, name: str) -> web.StreamResponse:
        """Send what a file holds now, a piece at a time; what is written meanwhile is left out."""
        with closing(log):
            size = os.fstat(log.fileno()).st_size
            file_name = f"{self._host}-{name}".replace("/", "-")
            response = web.StreamResponse(
                headers={
                    **reading_headers(request),
                    "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
                }
            )
            response.content_type = "application/octet-stream"
            response.content_length = size
            await response.prepare(request)
            position = 0
            while position < size and request.method != "HEAD":
                count = min(CHUNK_BYTES, size - position)
                chunk = await self._in_thread(partial(_read, log, count, position))
                await response.write(chunk)
                position += len(chunk)
            await response.write_eof()
        return response

    # ---- lists

    async def _list(self, request: web.Request) -> web.Response:
        topology_id, port = request.query.get("topoId"), request.query.get("port")
        return page(request, await self._in_thread(lambda: list_logs(self._artifacts, topology_id, port)))

    async def _dumps(self, request: web.Request) -> web.Response:
        topology_id, worker = request.match_info["id"], request.match_info["worker"]
        port = worker.rpartition(":")[2]
        files = await self._in_thread(lambda: files_in(self._artifacts, topology_id, port))
        base = f"/api/v1/dumps/{quote(topology_id, safe='')}/{quote(worker, safe='')}"
        links = [(file, f"{base}/{quote(file, safe='')}") for file in files if file.endswith(DUMP_ENDINGS)]
        return self._html(request, pages.file_list(f"Dumps of {topology_id} on {worker}", links))

    async def _dump(self, request: web.Request) -> web.StreamResponse:
        port, file = request.match_info["worker"].rpartition(":")[2], request.match_info["file"]
        name = f"{request.match_info['id']}/{port}/{file}"
        if not file.endswith(DUMP_ENDINGS) or name.count("/") != 2:
            raise NoSuchLog(name)
        log = await self._in_thread(lambda: open_log(self._artifacts, name))
        return await self._send(request, log, name)

    # ---- searches

    async def _search(self, request: web.Request) -> web.Response:
        is_daemon = flag(request.query, "is-daemon")
        root, most_parts = (self._daemon_logs, 1) if is_daemon else (self._artifacts, 3)
        name, needle = _file(request), _needle(request)
        start = optional_number(request.query, "start-byte-offset") or 0
        most = _match_count(request, 10)

        def find() -> dict[str, Any]:
            with closing(open_log(root, name, max_depth=most_parts)) as log:
                if start > os.fstat(log.fileno()).st_size:
                    raise BadRequest("Cannot search past the end of the file")
                found = search.search(log, needle, start=start, most=most, is_late=self._deadline())
            return self._shown(name, needle, start, found, is_daemon=is_daemon)

        return page(request, await self._in_thread(find))

    async def _deep_search(self, request: web.Request) -> web.Response:
        """Search the newest log of every worker, or of one; with search-archived the older ones, too."""
        query, topology_id = request.query, request.match_info["id"]
        port = None if query.get("port", "*") in ("", "*") else query["port"]
        if not query.get("search-string"):
            return page(request, [])
        needle, most = _needle(request), _match_count(request, 1)
        is_archived = flag(query, "search-archived")
        skipped = optional_number(query, "start-file-offset") or 0
        start = optional_number(query, "start-byte-offset") or 0

        def find() -> list[dict[str, Any]] | dict[str, Any]:
            is_late = self._deadline()
            workers = _worker_logs(list_logs(self._artifacts, topology_id, port))
            if port is not None:
                names = self._newest_first(workers.get(port, []), is_archived=is_archived)
                first = skipped if is_archived else 0
                return self._through(names, needle, most, is_late, first=first, start=start)
            return [
                self._through(self._newest_first(names, is_archived=is_archived), needle, most, is_late)
                for names in workers.values()
            ]

        return page(request, await self._in_thread(find))

    def _newest_first(self, names: list[str], *, is_archived: bool) -> list[str]:
        """Return the names, what was written to last first; only that one unless old ones are wanted."""

        def written_at(name: str) -> float:
            try:
                with closing(open_log(self._artifacts, name)) as log:
                    return os.fstat(log.fileno()).st_mtime
            except NoSuchLog:
                return 0.0

        ordered = sorted(names, key=written_at, reverse=True)
        return ordered if is_archived else ordered[:1]

    def _through(
        self,
        names: list[str],
        needle: bytes,
        most: int,
        is_late: Callable[[], bool],
        *,
        first: int = 0,
        start: int = 0,
    ) -> dict[str, Any]:
        """Return the matches of one worker's logs, in Storm's form; ``fileOffset`` is where to go on."""
        matches: list[dict[str, Any]] = []
        left, number = most, first
        for name in names[first:]:
            try:
                with closing(open_log(self._artifacts, name)) as log:
                    found = search.search(log, needle, start=start, most=left, is_late=is_late)
            except NoSuchLog:  # rotated away
                found = search.Found([], None)
            if found.matches or found.next_offset is not None:
                shown = self._shown(name, needle, start, found, is_daemon=False)
                matches.append({**shown, "fileName": name, "port": name.split("/")[1]})
            left -= len(found.matches)
            if left <= 0 or found.next_offset is not None:
                break
            number, start = number + 1, 0
        return {"fileOffset": number, "searchString": needle.decode(), "matches": matches}

    def _shown(
        self, name: str, needle: bytes, start: int, found: search.Found, *, is_daemon: bool
    ) -> dict[str, Any]:
        next_offset = {} if found.next_offset is None else {"nextByteOffset": found.next_offset}
        return {
            "isDaemon": "yes" if is_daemon else "no",
            "searchString": needle.decode(),
            "startByteOffset": start,
            **next_offset,
            "matches": [
                {
                    "byteOffset": match.offset,
                    "beforeString": match.before,
                    "matchString": match.matched,
                    "afterString": match.after,
                    "logviewerURL": self._link_to(name, match.offset, len(needle), is_daemon=is_daemon),
                }
                for match in found.matches
            ],
        }

    def _link_to(self, name: str, offset: int, length: int, *, is_daemon: bool) -> str:
        """Return where the match is in the middle of a page."""
        start = max(0, offset - pages.PAGE_BYTES // 2 + length // 2)
        query = urlencode({"file": name, "start": start, "length": pages.PAGE_BYTES})
        return f"http://{self._log_address}/api/v1/{'daemonlog' if is_daemon else 'log'}?{query}"

    # ---- threads

    def _deadline(self) -> Callable[[], bool]:
        end = self._clock() + SEARCH_S
        return lambda: self._clock() >= end

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _read(log: BinaryIO, count: int, position: int) -> bytes:
    """Return a piece of a file that is being sent.

    Raises:
        ConnectionResetError: there is none any more; what was sent cannot be taken back, only be cut off.
    """
    try:
        if chunk := os.pread(log.fileno(), count, position):
            return chunk
    except OSError as exc:
        raise ConnectionResetError(f"the file cannot be read on: {exc}") from exc
    raise ConnectionResetError("the file was cut off while it was sent")


def _file(request: web.Request) -> str:
    name = request.query.get("file", "")
    if not name:
        raise BadRequest("name a file, such as file=ID/6700/worker.log")
    return name


def _needle(request: web.Request) -> bytes:
    needle = request.query.get("search-string", "").encode("utf-8", errors="replace")
    if not 0 < len(needle) <= search.MAX_NEEDLE_BYTES:
        raise BadRequest(
            f"Search substring must be between 1 and {search.MAX_NEEDLE_BYTES} UTF-8 bytes in size"
        )
    return needle


def _match_count(request: web.Request, default: int) -> int:
    return min(optional_number(request.query, "num-matches") or default, MAX_MATCHES)


def _worker_logs(names: list[str]) -> dict[str, list[str]]:
    """Return port -> the names of the worker.log files, old ones included."""
    workers: dict[str, list[str]] = {}
    for name in names:
        parts = name.split("/")
        if len(parts) == 3 and parts[2].startswith("worker.log"):
            workers.setdefault(parts[1], []).append(name)
    return workers
