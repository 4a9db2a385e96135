from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from storm_compat.logviewer import routes
from tests.storm_compat.rest.served import Site, serve

pytestmark = pytest.mark.timeout(30)

LOG = "wc-1-17/6700/worker.log"


def logs(site: Site, **files: str) -> None:
    """Write worker logs of two ports; keyword arguments are more files of the first."""
    folder = site.logs / "workers-artifacts" / "wc-1-17"
    for port in ("6700", "6701"):
        (folder / port).mkdir(parents=True)
        (folder / port / "worker.log").write_text(f"{port} first needle\nsecond <needle>\n")
    for name, text in files.items():
        (folder / "6700" / name.replace("_", ".")).write_text(text)
    (site.logs / "nimbus.log").write_text("nimbus has a needle\n")


def test_a_page_and_a_download(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        status, headers, body = await site.raw(f"/api/v1/log?file={LOG}")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert b"second &lt;needle&gt;" in body
        status, headers, body = await site.raw("/api/v1/download?file=wc-1-17%2F6700%2Fworker.log")
        assert (status, body) == (200, b"6700 first needle\nsecond <needle>\n")
        assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''h-wc-1-17-6700-worker.log"
        assert headers["Content-Type"] == "application/octet-stream"

    serve(tmp_path, story)


def test_a_piece_of_a_page_and_its_matching_lines(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        _, _, body = await site.raw(f"/api/v1/log?file={LOG}&start=5&length=5")
        assert b">first</pre>" in body
        _, _, body = await site.raw(f"/api/v1/log?file={LOG}&grep=second")
        assert b'<pre id="logContent">second &lt;needle&gt;</pre>' in body
        status, _, body = await site.raw(f"/api/v1/log?file={LOG}&start=999")
        assert (status, b"start is 999" in body) == (400, True)
        status, _, _ = await site.raw(f"/api/v1/log?file={LOG}&length=-1")
        assert status == 400

    serve(tmp_path, story)


@pytest.mark.parametrize("route", ["log", "download", "search"])
@pytest.mark.parametrize(
    "name",
    ["..%2F..%2Fetc%2Fpasswd", "..%2Fnimbus.log", "%2Fetc%2Fpasswd", "wc-1-17%2F..%2F..%2Fnimbus.log", "no"],
)
def test_names_that_lead_elsewhere_are_not_found(tmp_path: Path, route: str, name: str) -> None:
    async def story(site: Site) -> None:
        logs(site)
        status, _, body = await site.raw(f"/api/v1/{route}?file={name}&search-string=x")
        assert status == 404
        assert json.loads(body)["error"] == "404 Not Found"

    serve(tmp_path, story)


def test_logs_of_the_daemon_are_single_files_beside_those_of_workers(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        assert (await site.raw("/api/v1/daemonlog?file=nimbus.log"))[0] == 200
        assert (await site.raw("/api/v1/daemondownload?file=nimbus.log"))[2] == b"nimbus has a needle\n"
        for name in ("workers-artifacts%2Fwc-1-17%2F6700", "..%2Fready.json", "workers-artifacts", ""):
            assert (await site.raw(f"/api/v1/daemonlog?file={name}"))[0] in (400, 404)
            assert (await site.raw(f"/api/v1/daemondownload?file={name}"))[0] in (400, 404)

    serve(tmp_path, story)


def test_lists(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        both = [LOG, "wc-1-17/6701/worker.log"]
        assert await site.get("listLogs") == await site.get("searchLogs?topoId=wc-1-17") == both
        assert await site.get("listLogs?topoId=wc-1-17&port=6701") == both[1:]
        assert await site.get("listLogs?topoId=..&port=..") == []

    serve(tmp_path, story)


def test_a_search(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        found = await site.get(f"search?file={LOG}&search-string=needle&num-matches=1")
        assert found == {
            "isDaemon": "no",
            "searchString": "needle",
            "startByteOffset": 0,
            "nextByteOffset": 17,
            "matches": [
                {
                    "byteOffset": 11,
                    "beforeString": "6700 first ",
                    "matchString": "needle",
                    "afterString": "\nsecond <needle>\n",
                    "logviewerURL": "http://127.0.0.1:8000/api/v1/log?file=wc-1-17%2F6700%2Fworker.log"
                    "&start=0&length=51200",
                }
            ],
        }
        rest = await site.get(f"search?file={LOG}&search-string=needle&start-byte-offset=17")
        assert [match["byteOffset"] for match in rest["matches"]] == [26]
        assert "nextByteOffset" not in rest
        found = await site.get("search?file=nimbus.log&search-string=needle&is-daemon=yes")
        assert (found["isDaemon"], found["matches"][0]["byteOffset"]) == ("yes", 13)

    serve(tmp_path, story)


def test_a_search_for_nothing_or_beyond_the_end_is_refused(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        for query in (
            "",
            "search-string=",
            f"search-string={'x' * 1025}",
            "search-string=x&start-byte-offset=999",
        ):
            assert (await site.get(f"search?file={LOG}&{query}", 400))["error"] == "400 Bad Request"
        await site.get("search?search-string=x", 400)

    serve(tmp_path, story)


def test_a_search_through_all_workers(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site, worker_log_1="old needle\n")
        os.utime(site.logs / "workers-artifacts" / "wc-1-17" / "6700" / "worker.log.1", (1, 1))
        first, second = await site.get("deepSearch/wc-1-17?search-string=needle&num-matches=5")
        assert (first["fileOffset"], first["searchString"]) == (1, "needle")
        assert [match["fileName"] for match in first["matches"]] == [LOG]
        assert [match["byteOffset"] for match in first["matches"][0]["matches"]] == [11, 26]
        assert second["matches"][0]["port"] == "6701"
        query = "search-string=needle&num-matches=5&port=6700&search-archived=true"
        found = await site.get(f"deepSearch/wc-1-17?{query}")
        assert [match["fileName"] for match in found["matches"]] == [LOG, "wc-1-17/6700/worker.log.1"]
        found = await site.get(f"deepSearch/wc-1-17?{query}&start-file-offset=1")
        assert [match["fileName"] for match in found["matches"]] == ["wc-1-17/6700/worker.log.1"]
        assert await site.get("deepSearch/wc-1-17") == []
        assert await site.get("deepSearch/nope?search-string=x") == []

    serve(tmp_path, story)


def test_a_search_that_takes_too_long_says_where_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "SEARCH_S", 0.0)

    async def story(site: Site) -> None:
        logs(site)
        found = await site.get(f"search?file={LOG}&search-string=needle")
        assert (found["matches"], found["nextByteOffset"]) == ([], 0)

    serve(tmp_path, story)


def test_dumps(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site, stack_txt="a stack")
        _, headers, body = await site.raw("/api/v1/dumps/wc-1-17/h:6700")
        assert headers["Content-Type"].startswith("text/html")
        assert b'href="/api/v1/dumps/wc-1-17/h%3A6700/stack.txt"' in body
        assert b"worker.log" not in body
        assert (await site.raw("/api/v1/dumps/wc-1-17/h:6700/stack.txt"))[2] == b"a stack"
        for name in ("worker.log", "none.txt", "..%2Fx.txt"):
            assert (await site.raw(f"/api/v1/dumps/wc-1-17/h:6700/{name}"))[0] == 404

    serve(tmp_path, story)


def test_a_large_log_is_sent_without_being_held(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        logs(site)
        with (site.logs / "workers-artifacts" / LOG).open("wb") as log:
            log.truncate(3 * 1024**3)
        async with site.client.get(f"/api/v1/download?file={LOG}") as answer:
            assert answer.content_length == 3 * 1024**3
            assert len(await answer.content.readexactly(1_000_000)) == 1_000_000
        status, _, body = await site.raw(f"/api/v1/log?file={LOG}")
        assert (status, len(body) < 1_000_000) == (200, True)

    serve(tmp_path, story)
