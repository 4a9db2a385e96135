"""Storm's LogConfig, kept as our log levels, and the merge of a new one into the old. Pure.

A level counts until its time is up; then it is as if it had never been set.
Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java (setLogConfig)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scheduler.control.settings import LEVELS, in_force
from scheduler.state.records import LogLevelRecord
from storm_compat.errors import InvalidSetting
from storm_compat.thrift import idl


def merged(old: Mapping[str, LogLevelRecord], config: Any, now: float) -> dict[str, LogLevelRecord]:
    """Return the levels after setLogConfig; ``now`` is seconds since the epoch.

    Raises:
        InvalidSetting: a logger without a name (Storm's text), or a level that there is not.
    """
    action = idl.load().LogLevelAction
    levels = {name: replace(level, is_new=False) for name, level in in_force(old, now).items()}
    for name, wanted in (config.named_logger_level or {}).items() if config is not None else ():
        if not name:
            raise InvalidSetting("Named loggers need a name. Use ROOT for the root logger")
        if wanted.action == action.REMOVE:
            levels.pop(name, None)
        elif wanted.action == action.UPDATE:
            # `storm set_log_level` of 2.0 puts the level into the field behind.
            given = wanted.target_log_level or wanted.reset_log_level
            level = (given or "").upper()
            if level not in LEVELS:
                raise InvalidSetting(f"{given!r} is no log level for {name}; use one of {', '.join(LEVELS)}")
            timeout_s = max(wanted.reset_log_level_timeout_secs or 0, 0)
            until_ms = int(now * 1000) + timeout_s * 1000 if timeout_s else None
            levels[name] = LogLevelRecord(level, timeout_s, until_ms)
    return levels


def shown(levels: Mapping[str, LogLevelRecord], now: float) -> Any:
    """Return the LogConfig of the levels that hold."""
    storm = idl.load()
    return storm.LogConfig(
        named_logger_level={
            name: storm.LogLevel(
                action=storm.LogLevelAction.UPDATE if level.is_new else storm.LogLevelAction.UNCHANGED,
                target_log_level=level.level,
                reset_log_level_timeout_secs=level.timeout_s,
                reset_log_level_timeout_epoch=level.until_ms,
            )
            for name, level in in_force(levels, now).items()
        }
    )
