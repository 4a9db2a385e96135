"""The two tasks that share a key under Storm's partial key grouping. Pure.

Which two follows from the key alone, whoever emits it: its bytes seed
``java.util.Random``, which draws two indexes.  Which of the two gets a tuple
is the emitter's own count: the one that it has sent less to so far.

Source: storm:storm-client/src/jvm/org/apache/storm/grouping/PartialKeyGrouping.java
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from multilang.codec import encode_json
from scheduler.stream.java_hash import java_hash

_MASK_48 = (1 << 48) - 1
_MULTIPLIER, _INCREMENT = 0x5DEECE66D, 0xB


def two_tasks(key: bytes, task_count: int) -> tuple[int, int]:
    """Return the indexes of the two tasks, at least two being there, that share a key."""
    total = 1
    for byte in key:
        total = (31 * total + (byte - 256 if byte > 127 else byte)) & 0xFFFFFFFF
    draws = _draws(total - (1 << 32) if total & 0x80000000 else total, task_count)
    first, second = next(draws), next(draws)
    return first, (second + 1) % task_count if first == second else second


def key_of_fields(values: Sequence[Any]) -> bytes:
    """Return the bytes of a key of declared fields: four for the hash of each."""
    return b"".join(java_hash(value).to_bytes(4, "big") for value in values)


def key_of_value(value: Any) -> bytes:
    """Return the bytes of a key where no fields are given: the first value as text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return encode_json(value)


def _draws(seed: int, bound: int) -> Iterator[int]:
    """Yield what ``new java.util.Random(seed).nextInt(bound)`` returns, again and again."""
    state = (seed ^ _MULTIPLIER) & _MASK_48
    while True:
        state = (state * _MULTIPLIER + _INCREMENT) & _MASK_48
        bits = state >> 17
        if bound & (bound - 1) == 0:
            yield (bound * bits) >> 31
        elif bits - bits % bound + bound - 1 < 1 << 31:
            yield bits % bound
