"""The bytes that fuzzing begins with, and those that it found: small files in corpus/, one folder a kind."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("corpus")


def files(kind: str) -> list[Path]:
    """Return the files of one kind, in the order of their names."""
    return sorted(path for path in (FOLDER / kind).iterdir() if path.is_file())


def contents(kind: str) -> list[bytes]:
    """Return what is in them."""
    return [path.read_bytes() for path in files(kind)]
