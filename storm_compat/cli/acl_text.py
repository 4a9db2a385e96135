"""Rights of a blob as people write them, and as `storm blobstore` does: u:NAME:rwa and o::r.

Source: storm:storm-client/src/jvm/org/apache/storm/blobstore/BlobStoreAclHandler.java (parseAccessControl)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from storm_compat.blob_acl import ADMIN, READ, WRITE, Access, Acl

_LETTERS: Final = {"r": READ, "w": WRITE, "a": ADMIN}
FORM: Final = (
    "u:NAME:ACCESS for a user or o::ACCESS for everybody, ACCESS of the letters r, w, a, or - for none"
)


def parse(texts: Iterable[str]) -> Acl:
    """Return the rights that the words of a command line say.

    Raises:
        ValueError: a word says none.
    """
    return tuple(map(_entry, texts))


def show(acl: Acl) -> str:
    """Return rights in the form that `parse` takes, with spaces between."""
    return " ".join(
        f"{'o' if entry.is_for_all else 'u'}:{entry.user or ''}:{_word(entry.mask)}" for entry in acl
    )


def _entry(text: str) -> Access:
    parts = text.split(":")
    kind, name, access = {1: ["o", "", *parts], 2: ["u", *parts], 3: parts}.get(len(parts), ["", "", ""])
    kind = kind.lower()
    if kind not in {"o", "other", "u", "user"} or not access or set(access) - {*_LETTERS, "-"}:
        raise ValueError(f"{text!r} is not {FORM}")
    mask = 0
    for letter in access:
        mask |= _LETTERS.get(letter, 0)
    if kind.startswith("o"):
        return Access(mask, is_for_all=True)
    return Access(mask, name or None)


def _word(mask: int) -> str:
    return "".join(letter if mask & bit else "-" for letter, bit in _LETTERS.items())
