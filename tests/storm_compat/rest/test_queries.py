import pytest

from storm_compat.errors import BadRequest
from storm_compat.rest.queries import flag, number, optional_number, window


def test_windows() -> None:
    assert window({}) == window({"window": ""}) == ":all-time"
    assert window({"window": "600"}) == "600"
    for wrong in ("-1", "ten", "1" * 10, "\u0663"):
        with pytest.raises(BadRequest, match="window must be"):
            window({"window": wrong})


def test_numbers() -> None:
    assert (number("12", "x"), optional_number({}, "x"), optional_number({"x": "0"}, "x")) == (12, None, 0)
    for wrong in ("", "-1", "1.5", "1_000", "\uff19", "1" * 16):
        with pytest.raises(BadRequest, match="start must be a whole number"):
            number(wrong, "start")


def test_flags() -> None:
    found = [flag({"sys": text}, "sys") for text in ("true", "TRUE", "yes", "false", "")]
    assert found == [True, True, True, False, False]
    assert flag({}, "sys") is False
