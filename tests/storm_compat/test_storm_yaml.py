"""Files of keys, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from storm_compat import storm_yaml
from storm_compat.errors import InvalidConf


def test_keys_and_values_of_all_kinds_are_read(tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text('nimbus.admins: [alice]\nnimbus.thrift.port: 6627\nstorm.local.dir: "/x"\n# end\n')
    assert storm_yaml.read(file) == {
        "nimbus.admins": ["alice"], "nimbus.thrift.port": 6627, "storm.local.dir": "/x",
    }  # fmt: skip


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text("# nothing\n")
    assert storm_yaml.read(file) == {}


@pytest.mark.parametrize("text", ["- a\n", "a\n", "1: 2\n", "a: [\n", "a: !!python/object:os.system {}\n"])
def test_what_holds_no_keys_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "storm.yaml"
    file.write_text(text)
    with pytest.raises(InvalidConf, match=r"storm\.yaml"):
        storm_yaml.read(file)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidConf, match=r"no\.yaml cannot be read"):
        storm_yaml.read(tmp_path / "no.yaml")
