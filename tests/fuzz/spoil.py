"""Changes to good messages that find the most."""

from __future__ import annotations

import random


def spoilt(data: bytes, dice: random.Random) -> bytes:
    """Return ``data`` after a few of the changes that find the most."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(6):
            case 0 if changed:
                changed[at % len(changed)] = dice.randrange(256)
            case 1 if changed:
                changed[at % len(changed)] ^= 1 << dice.randrange(8)
            case 2:
                del changed[at : at + dice.randint(1, 8)]
            case 3:
                changed[at:at] = changed[at : at + dice.randint(1, 30)]
            case 4:
                changed[at : at + 4] = dice.choice((0, 1, 255, 2**31 - 1, 2**32 - 1)).to_bytes(4)
            case _:
                changed[at:at] = bytes(dice.choices(range(18), k=dice.randint(1, 8)))
    return bytes(changed)
