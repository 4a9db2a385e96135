from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multilang.errors import JavaStreamError
from multilang.java_class import method_names

SAMPLES = Path(__file__).parent / "java_objects"


def compiled(name: str, version: str = "2.8.2") -> bytes:
    return (SAMPLES / f"storm-{version}" / f"AwkwardObjects${name}.class").read_bytes()


@pytest.mark.parametrize("version", ["1.2.4", "2.8.2"])
def test_it_names_the_methods_that_a_class_defines(version: str) -> None:
    assert method_names(compiled("Counting", version)) == {"<init>", "execute", "cleanup"}
    assert method_names(compiled("Metered", version)) == {"<init>", "prepare"}
    assert "execute" not in method_names(compiled("Split", version))


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbe" + b"\xff" * 50]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(JavaStreamError):
        method_names(data)


@given(at=st.integers(0, 500), to=st.integers(0, 255))
def test_a_changed_byte_gives_an_answer_or_a_refusal(at: int, to: int) -> None:
    data = bytearray(compiled("Counting"))
    data[at] = to
    with contextlib.suppress(JavaStreamError):
        method_names(bytes(data))
