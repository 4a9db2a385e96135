from typing import Any

import pytest

from storm_compat.rest.access import is_of_this_machine, reader, refusal

HERE = {"Host": "127.0.0.1:8080"}


def may(method: str = "GET", *, may_write: bool = True, is_script: bool = False, **headers: Any) -> bool:
    sent = HERE | {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal(method, sent, may_write=may_write, is_script=is_script) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8080",
        "LOCALHOST.:1",
        "a.localhost:3",
        "127.0.0.1",
        "127.9.9.9:80",
        "[::1]:8080",
    ],
)
def test_our_own_names(host: str) -> None:
    assert is_of_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example:8080",
        "10.0.0.1:8080",
        "0.0.0.0:8080",
        "[::1",
        "a@b:c",
        "[]:1",
        "é",
    ],
)
def test_names_that_anybody_can_point_at_us_are_refused(host: str) -> None:
    assert not is_of_this_machine(host)
    assert not may(Host=host)


def test_programs_without_a_browser_read_and_order() -> None:
    assert may()
    assert may("POST")
    assert may(is_script=True)


def test_orders_are_taken_only_if_asked_for() -> None:
    found = refusal("POST", HERE, may_write=False)
    assert found is not None
    assert found.status == 403
    assert "--rest-writes" in found.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_orders_only_for_our_own_pages(site: str) -> None:
    assert not may("POST", Sec_Fetch_Site=site)
    assert may("POST", Sec_Fetch_Site="same-origin")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:3000", "null", "http://127.0.0.1", "["]
)
def test_an_older_browser_orders_only_for_our_own_pages(origin: str) -> None:
    assert not may("POST", Origin=origin)
    assert may("POST", Origin="http://127.0.0.1:8080")


def test_a_form_without_an_origin_is_known_by_its_referer() -> None:
    assert not may("POST", Referer="https://evil.example/page")
    assert may("POST", Referer="http://127.0.0.1:8080/index.html")


def test_pages_of_strangers_read_nothing() -> None:
    assert not may(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors")
    assert not may(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors", is_script=True)
    assert not may(Origin="https://evil.example")
    assert not may(Origin="null")
    assert not may(Referer="https://evil.example/", is_script=True)


def test_a_link_on_the_page_of_a_stranger_may_be_followed() -> None:
    assert may(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")
    assert may(Referer="https://evil.example/")
    assert not may(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", is_script=True)


def test_pages_of_this_machine_may_read() -> None:
    assert may(Origin="http://localhost:3000", Sec_Fetch_Site="same-site")
    assert reader({"Origin": "http://localhost:3000"}) == "http://localhost:3000"
    assert reader({"Origin": "https://evil.example"}) is None
    assert reader({"Origin": "null"}) is None
    assert reader({}) is None
