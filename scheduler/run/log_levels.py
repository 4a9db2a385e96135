"""The levels of this process's loggers: set to those that hold now, taken back when their time is up."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from scheduler.control.settings import LEVELS, ROOT, in_force
from scheduler.state.records import LogLevelRecord, SettingsRecord

log = logging.getLogger(__name__)


class LogLevels:
    """Call `apply` as often as a level may end."""

    def __init__(self, components: Iterable[str] = ()) -> None:
        self.now: dict[str, LogLevelRecord] = {}
        """Those that hold, by name; see `scheduler.control.settings`."""
        self._components = frozenset(components)
        """Names that are none of our loggers."""
        self._before: dict[str, int] = {}

    def apply(self, settings: SettingsRecord, epoch_s: float) -> None:
        """Make the levels those of ``settings`` whose time is not up."""
        wanted = in_force(settings.log_levels, epoch_s)
        if wanted == self.now:
            return
        self.now = wanted
        levels = {name: LEVELS[level.level] for name, level in wanted.items() if name not in self._components}
        for name in self._before.keys() - levels.keys():
            _logger(name).setLevel(self._before.pop(name))
        for name, level in levels.items():
            self._before.setdefault(name, _logger(name).level)
            _logger(name).setLevel(level)
        shown = ",".join(f"{name}={level.level}" for name, level in sorted(wanted.items()))
        log.info("log levels changed levels=%s", shown or "none")


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(None if name == ROOT else name)
