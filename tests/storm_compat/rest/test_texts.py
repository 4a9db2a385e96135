import pytest

from storm_compat.rest.texts import Site, by_window, decimal, duration, encoded, generics, window_name

SITE = Site({}, "127.0.0.1:8000")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, ""),
        (None, ""),
        (9, "9s"),
        (60, "1m 0s"),
        (600, "10m 0s"),
        (10800, "3h 0m 0s"),
        (86400, "1d 0h 0m 0s"),
        (93784, "1d 2h 3m 4s"),
    ],
)
def test_a_time_is_written_from_its_largest_unit_on(seconds: int | None, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_have_three_decimals() -> None:
    assert [decimal(0.0), decimal(1.23456), decimal(None)] == ["0.000", "1.235", "0"]


def test_all_time_is_the_last_window() -> None:
    windows = by_window({":all-time": 1, "86400": 1, "600": 1, "10800": 1})
    assert windows == ["600", "10800", "86400", ":all-time"]
    assert [window_name(window) for window in windows] == ["10m 0s", "3h 0m 0s", "1d 0h 0m 0s", "All time"]


def test_ids_are_encoded_as_java_does() -> None:
    assert encoded("my topology-1/ü*") == "my+topology-1%2F%C3%BC*"


def test_a_link_to_a_log_leads_to_the_logviewer() -> None:
    assert SITE.log_link("wc-1-17", 6700) == (
        "http://127.0.0.1:8000/api/v1/log?file=wc-1-17%2F6700%2Fworker.log"
    )


def test_only_resources_that_storm_has_no_column_for_are_listed() -> None:
    assert generics({"memory.mb": 1.0, "gpu.count": 2.0, "cpu.pcore.percent": 3.0}) == "gpu.count=2.0"
    assert generics(None) is None
