"""The file by which a topology process tells its successor what was counted.

Losing it costs numbers and nothing else, so it is written whole, but not
forced to the disk, and one that cannot be read is passed over.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from scheduler.master.totals import SavedCounts

log = logging.getLogger(__name__)


def read(path: Path) -> SavedCounts | None:
    """Return what was saved; None if nothing was, or nothing that can be understood."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=SavedCounts)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as exc:
        log.warning("saved counts not readable, counting anew path=%s reason=%s", path, exc)
        return None


def write(path: Path, counts: SavedCounts) -> None:
    """Replace the file; the folder of a topology that is being removed is not made again."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(msgspec.msgpack.encode(counts))
        part.rename(path)
    except FileNotFoundError:
        log.info("counts not saved, the folder is gone path=%s", path)
    except OSError as exc:
        log.error("counts not saved path=%s reason=%s", path, exc)
