"""In which form a component speaks: Storm's JSON, or pystorm's MessagePack. Pure.

The word of the command counts first (``streamparse_run "-s msgpack a.B"``),
then ``topology.multilang.serializer``, which names a Java class; of those
only JSON's and the one that pyleus and pystorm speak of are known.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import Any, Final

from multilang.errors import UnknownSerializer


class Serializer(enum.Enum):
    """The forms we speak."""

    JSON = "json"
    MSGPACK = "msgpack"


_OPTION: Final = re.compile(r"(?:^|\s)(?:-s|--serializer)(?:\s+|=)([A-Za-z]+)(?=\s|$)")
_MSGPACK_CLASS: Final = re.compile(r"msgpack|messagepack", re.IGNORECASE)


def serializer_of(command: Sequence[str], configured: Any) -> Serializer:
    """Return in which form a component speaks.

    Args:
        configured: what ``topology.multilang.serializer`` says; None: nothing.

    Raises:
        UnknownSerializer: a Java class that we have no counterpart of.
    """
    for words in (" ".join(command[1:]), *command[1:]):
        found = _OPTION.search(words)
        if found is not None and found[1] in {form.value for form in Serializer}:
            return Serializer(found[1])
    name = "" if configured is None else str(configured)
    if _MSGPACK_CLASS.search(name):
        return Serializer.MSGPACK
    if not name or name.rpartition(".")[2] == "JsonSerializer":
        return Serializer.JSON
    raise UnknownSerializer(name)
