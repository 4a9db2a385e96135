import pytest

from storm_compat.errors import BadRequest
from storm_compat.logviewer.pages import Part, file_list, is_shown, log_page, matching_lines, part_of

LOG = "wc-1-17/6700/worker.log"


def test_the_last_page_is_shown_unless_a_start_is_given() -> None:
    assert part_of(100_000, None, None) == Part(48_800, 51_200)
    assert part_of(100, None, None) == Part(0, 51_200)
    assert part_of(100, 10, 20) == Part(10, 20)
    assert part_of(100, 100, 20) == Part(100, 20)


def test_a_page_has_a_largest_size() -> None:
    assert part_of(10**12, None, 10**11).length == 10 * 1024 * 1024


def test_a_start_beyond_the_end_is_refused() -> None:
    with pytest.raises(BadRequest, match="the file has 100 bytes"):
        part_of(100, 101, None)


def test_text_and_other_files() -> None:
    names = ("worker.log", "worker.log.1", "worker.yaml", "a.txt", "worker.err", "x.bin", "log")
    assert [is_shown(name) for name in names] == [True, True, True, True, True, False, False]


def test_only_matching_lines() -> None:
    assert matching_lines("one a\ntwo\nthree a", " a") == "one a\nthree a"


def test_nothing_in_a_log_or_a_name_becomes_html() -> None:
    evil = "<script>alert(1)</script>"
    page = log_page("log", f"{evil}.log", evil, Part(0, 10), size=10, names=[f'"{evil}'])
    assert evil not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert evil not in file_list(evil, [(evil, f'"{evil}')])


def test_one_can_go_to_other_pages_and_files() -> None:
    page = log_page("log", LOG, "text", Part(1000, 100), size=5000, names=[LOG, "wc-1-17/6701/worker.log"])
    base = "/api/v1/log?file=wc-1-17%2F6700%2Fworker.log"
    for address in (
        f"{base}&amp;start=900&amp;length=100",
        f"{base}&amp;start=0&amp;length=100",
        f"{base}&amp;length=100",
        f"{base}&amp;start=1100&amp;length=100",
        "/api/v1/download?file=wc-1-17%2F6700%2Fworker.log",
    ):
        assert f'href="{address}"' in page
    assert f"<option selected>{LOG}</option><option>wc-1-17/6701/worker.log</option>" in page


def test_the_first_page_has_none_before_it_and_the_last_none_after_it() -> None:
    page = log_page("daemonlog", "nimbus.log", "text", Part(0, 100), size=50, names=[])
    assert "Prev <a" in page
    assert "</a> Next</div>" in page
    assert 'name=is-daemon value="yes"' in page


def test_a_filtered_page_is_only_its_lines() -> None:
    page = log_page("log", LOG, "text", Part(0, 100), size=50, names=[LOG], grep="t")
    assert "<form" not in page
    assert '<pre id="logContent">text</pre>' in page


def test_a_binary_file_is_only_for_download() -> None:
    page = log_page("log", "a/b/c.bin", None, Part(0, 100), size=50, names=[])
    assert "binary file" in page
    assert "Prev" not in page
