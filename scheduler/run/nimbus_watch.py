"""Whether the nimbus that owns a root lives, as topology processes see it: by ready.json and the kernel."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scheduler.launch import processes


class NimbusWatch:
    """Tells whether the nimbus that wrote ``ready_file`` still runs."""

    def __init__(self, ready_file: Path) -> None:
        self._ready_file = ready_file
        self._pid = 0
        self._birth: float | None = None

    def is_alive(self) -> bool:
        """Return whether it runs; a process that took over its pid does not count."""
        try:
            pid = msgspec.json.decode(self._ready_file.read_bytes(), type=_Ready).pid
        except (OSError, msgspec.MsgspecError):
            return False
        birth = processes.birth(pid)
        if pid != self._pid:
            self._pid, self._birth = pid, birth
        return birth is not None and birth == self._birth and not processes.has_ended(pid)


class _Ready(msgspec.Struct):
    """What matters here of ready.json."""

    pid: int
