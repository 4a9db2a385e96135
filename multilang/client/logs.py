"""Where a component's log records and prints go: to the host, as ``log`` messages, or to a file of its own.

The keys of the conf and their defaults are pystorm's:

    pystorm.log.level      info      the least that is written
    pystorm.log.path       unset     a folder: write there instead of to the host
    pystorm.log.file       pystorm_{topology_name}_{component_name}_{task_id}_{pid}.log
    pystorm.log.max_bytes  1000000   a file's size before the next one is begun
    pystorm.log.backup_count  10
    pystorm.log.format
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from multilang.client.errors import StormWentAwayError

LOGGER: Final = "pystorm.component"
"""pystorm's name: formats and filters of existing projects know it."""

STORM_LEVELS: Final = {
    "trace": 0,
    "debug": 1,
    "info": 2,
    "warn": 3,
    "warning": 3,
    "error": 4,
    "critical": 4,
}
INFO: Final = 2
PYTHON_LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


class Sender(Protocol):
    """Whatever takes messages for the host."""

    def send_message(self, msg_dict: dict[str, Any], /) -> None:
        """Send one message."""


class StormHandler(logging.Handler):
    """Sends each record to the host."""

    def __init__(self, serializer: Sender) -> None:
        super().__init__()
        self.serializer = serializer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = STORM_LEVELS.get(record.levelname.lower(), INFO)
            self.serializer.send_message({"command": "log", "msg": self.format(record), "level": level})
        except StormWentAwayError:
            pass  # nobody reads any more; the loop will notice
        except Exception:  # noqa: BLE001  logging must not end the program
            self.handleError(record)


class LogStream(io.TextIOBase):
    """Stands in for ``sys.stdout``: each line printed is logged, since the real one carries the protocol.

    What is written below it, to `fileno` or by programs that were given it, goes to stderr.
    """

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self.logger = logger
        self.buffer = _Bytes(self)
        self._own = _OfThread()

    def write(self, message: str, /) -> int:
        """Log the lines that end here, but for blank ones."""
        own = self._own
        if own.is_logging:
            return len(message)  # a handler that prints what is logged would have it logged again, for ever
        *lines, own.begun = (own.begun + message).split("\n")
        own.is_logging = True
        try:
            for line in filter(str.strip, lines):
                self.logger.info("%s", line)
        finally:
            own.is_logging = False
        return len(message)

    def flush(self) -> None:
        """Log the line that is begun."""
        self.write("\n")

    def fileno(self) -> int:
        """Return where a program that is given this stream shall write."""
        return 1

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False: nobody types here."""
        return False


class _OfThread(threading.local):
    """What one thread has printed and not ended, and whether it is being logged just now."""

    def __init__(self) -> None:
        self.begun = ""
        self.is_logging = False


class _Bytes(io.RawIOBase):
    """Stands in for ``sys.stdout.buffer``."""

    def __init__(self, text: LogStream) -> None:
        super().__init__()
        self._text = text

    def write(self, data: Any, /) -> int:
        self._text.write(bytes(data).decode(errors="replace"))
        return len(data)

    def flush(self) -> None:
        self._text.flush()

    def fileno(self) -> int:
        return self._text.fileno()

    def writable(self) -> bool:
        return True


def set_up(
    conf: Mapping[str, Any], sender: Sender, *, topology: str, component: str, task: int, pid: int
) -> logging.Logger:
    """Return the logger of a component, after giving the root logger the handler that ``conf`` asks for."""
    asked = conf.get("pystorm.log.level", "info")
    level = logging.DEBUG if conf.get("topology.debug") else PYTHON_LEVELS.get(asked, logging.INFO)
    folder = conf.get("pystorm.log.path")
    handler: logging.Handler
    if folder:
        from logging.handlers import RotatingFileHandler  # most components never need it

        pattern = conf.get("pystorm.log.file", "pystorm_{topology_name}_{component_name}_{task_id}_{pid}.log")
        name = pattern.format(topology_name=topology, component_name=component, task_id=task, pid=pid)
        handler = RotatingFileHandler(
            Path(folder) / name,
            maxBytes=conf.get("pystorm.log.max_bytes", 1_000_000),
            backupCount=conf.get("pystorm.log.backup_count", 10),
        )
        default = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
    else:
        sender.send_message(
            {"command": "log", "msg": f"logging to the host from level {asked!r} on", "level": INFO}
        )
        handler = StormHandler(sender)
        default = "%(asctime)s - %(name)s - %(message)s"
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(conf.get("pystorm.log.format", default)))
    logging.getLogger().addHandler(handler)
    logger = logging.getLogger(f"{LOGGER}.{component}")
    for each in (logger, logging.getLogger("pystorm")):
        each.setLevel(level)
    return logger
