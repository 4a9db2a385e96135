"""Each key of Storm's configuration against what Storm itself answers; confs/ConfAnswers.java recorded it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from storm_compat import conf
from storm_compat.conf_rules import java_text
from storm_compat.errors import InvalidConf
from storm_compat.keys import RULES

FOLDER = Path(__file__).parent / "confs"
KEYS = list(csv.DictReader((FOLDER / "keys.tsv").read_text().splitlines(), delimiter="\t"))
VALIDATORS = {row["key"]: row["validators"] for row in KEYS}

NEEDS_JAVA = ("storm.network.topography.plugin", "nimbus.local.assignments.backend.class")
"""Storm looks whether the class exists; any text passes here."""

OWN_WORDS = ("topology.ras.constraints",)
"""Storm's text is a list of Java exceptions."""


def answers() -> dict[str, dict[str, str]]:
    """Return validators -> JSON of a value -> Storm's answer."""
    found: dict[str, dict[str, str]] = {}
    for line in (FOLDER / "answers.tsv").read_text().split("\n")[1:-1]:
        key, answer, *values = line.split("\t")
        found.setdefault(VALIDATORS[key], {}).update(dict.fromkeys(values, answer))
    return found


ANSWERS = answers()
UNKNOWN_TO_STORM_2_8 = {
    "@CustomValidator(validatorClass = ConfigValidation.ZstdLevelValidator.class)",
    "@CustomValidator(validatorClass = ConfigValidation.ZeroOneOpenIntervalValidator.class)",
    "@IsBoolean @CustomComboValidator(validatorClass = ConfigValidation.UpstreamFeedbackValidator.class)",
    "@IsPositiveNumber(includeZero = false)",
}


def answer(key: str, text: str) -> str:
    try:
        conf.check(conf.parse(f"{{{json.dumps(key)}: {text}}}"))
    except InvalidConf as exc:
        return str(exc)
    return "OK"


def storms(key: str, constant: str, text: str, value: Any) -> str:
    expected = ANSWERS[VALIDATORS[key]][text]
    return expected.replace("CONSTANT", constant).replace("VALUE", java_text(value))


def test_all_of_storms_keys_are_known_with_their_constants_in_its_order() -> None:
    assert [(key, constant) for key, (constant, _) in RULES.items()] == [
        (row["key"], row["constant"]) for row in KEYS
    ]
    assert len(KEYS) == 318
    assert set(VALIDATORS.values()) - ANSWERS.keys() == UNKNOWN_TO_STORM_2_8


@pytest.mark.parametrize("row", KEYS, ids=lambda row: row["key"])
def test_a_key_takes_and_refuses_what_storm_does_in_its_words(row: dict[str, str]) -> None:
    key, constant = row["key"], row["constant"]
    if row["validators"] in UNKNOWN_TO_STORM_2_8:
        assert answer(key, "null") == "OK"
        assert constant in answer(key, '{"a": "b"}')
        return
    for text in ANSWERS[row["validators"]]:
        expected, found = storms(key, constant, text, json.loads(text)), answer(key, text)
        if key in OWN_WORDS:
            assert (found == "OK") is (expected == "OK"), text
        elif key in NEEDS_JAVA and expected == "(refused)":
            assert found == "OK"
        else:
            assert found == expected, text


def test_keys_that_are_not_storms_pass_untouched() -> None:
    for text in next(iter(ANSWERS.values())):
        assert answer("my.key", text) == "OK"
