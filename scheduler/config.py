"""Settings of the scheduler's parts: one frozen dataclass per consumer, read from a Storm conf.

Built at the edge, passed down, never global.  Keys that Storm has keep
Storm's name, unit and default; our own begin with ``heronry.``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scheduler.errors import TopologyError


def _key(name: str, default: Any, *, least: float = 0) -> Any:
    return dataclasses.field(default=default, metadata={"key": name, "least": least})


def _read(kind: type, conf: Mapping[str, Any]) -> dict[str, Any]:
    # Storm's confs are full of nulls that mean: not set.
    read = {f.name: conf.get(f.metadata["key"]) for f in dataclasses.fields(kind)}
    return {name: value for name, value in read.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """Settings of a stream manager, per component."""

    message_timeout_s: float = _key("topology.message.timeout.secs", 30)
    """A tuple tree not acked within this time is failed, at most a second later. Seconds."""

    has_timeouts: bool = _key("topology.enable.message.timeouts", True)
    """Whether trees time out at all."""

    acker_count: int | None = _key("topology.acker.executors", None)
    """0 switches tracking off: a spout's tuple is acked as soon as it is emitted. None: one a worker."""

    max_spout_pending: int | None = _key("topology.max.spout.pending", None, least=1)
    """Unacked trees that one spout task may have; None: no limit."""

    shellbolt_max_pending: int = _key("topology.shellbolt.max.pending", 100, least=1)
    """Unacked tuples given to a component that blocks on task ids."""

    sends_task_ids_ahead: bool | None = _key("heronry.task.ids.ahead", None)
    """Whether components are sent lists of task ids before they ask. None: if their library is known to
    keep them (`multilang.library`)."""

    tick_frequency_s: int | None = _key("topology.tick.tuple.freq.secs", None)
    """A tick tuple each so many seconds; None: no ticks."""

    subprocess_timeout_s: float | None = _key("topology.subprocess.timeout.secs", None)
    """A component silent for longer is ended and started anew. None: ``worker_timeout_s``. Seconds."""

    worker_timeout_s: float = _key("supervisor.worker.timeout.secs", 30)
    """What holds where ``topology.subprocess.timeout.secs`` is not set. Seconds."""

    spout_wait_ms: float = _key("topology.spout.wait.progressive.level3.sleep.millis", 1)
    """Pause after a ``next`` that brought nothing. Milliseconds."""

    spout_patience: int = _key("heronry.spout.wait.patience", 100)
    """After so many empty ``next`` in a row the long pause applies."""

    spout_long_wait_ms: float = _key("heronry.spout.wait.long.millis", 10)
    """Pause of a spout that has had nothing for some time. Milliseconds."""

    is_strict_spout: bool | None = _key("heronry.spout.strict", None)
    """One command to a spout at a time, as Storm does, instead of all that wait. None: unless a window is set
    or the spout's library is known to take commands in turn (`multilang.library`)."""

    spout_window: int | None = _key("heronry.spout.window", None, least=1)
    """The most ``next`` in one batch. None: several, if a spout's library is known to take them in turn."""

    is_accelerated: bool = _key("heronry.accelerate", False)
    """Whether a Python component gets our own library in pystorm's place (`multilang.standin`)."""

    is_strict: bool = _key("heronry.multilang.strict", False)
    """Whether a component that breaks the protocol is ended, as Storm ends it, instead of forgiven."""

    start_timeout_s: float | None = _key("heronry.multilang.start.timeout.secs", None, least=1)
    """A component that has not answered the handshake by then is started anew; None: it may take its time."""

    high_mark_bytes: int = _key("heronry.stream.queue.high.bytes", 256 * 1024)
    """A task with more waiting for it is congested. Bytes."""

    low_mark_bytes: int = _key("heronry.stream.queue.low.bytes", 64 * 1024)
    """A congested task has recovered at this. Bytes."""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            value, key, least = getattr(self, f.name), f.metadata["key"], f.metadata["least"]
            if value is None and f.default is None:
                continue
            if str(f.type).startswith("bool"):
                if not isinstance(value, bool):
                    raise TopologyError(f"{key} must be true or false, not {value!r}")
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TopologyError(f"{key} must be a number, not {value!r}")
            elif not value >= least:
                raise TopologyError(f"{key} must be at least {least}, not {value!r}")
            elif str(f.type).startswith("int") and value % 1 != 0:
                raise TopologyError(f"{key} must be a whole number, not {value!r}")
        if self.low_mark_bytes > self.high_mark_bytes:
            raise TopologyError(
                f"heronry.stream.queue.low.bytes ({self.low_mark_bytes}) must not exceed "
                f"heronry.stream.queue.high.bytes ({self.high_mark_bytes})"
            )

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys of all settings."""
        return [f.metadata["key"] for f in dataclasses.fields(cls)]

    @property
    def silence_limit_s(self) -> float:
        """Return how long a component may say nothing."""
        return self.subprocess_timeout_s if self.subprocess_timeout_s is not None else self.worker_timeout_s

    @classmethod
    def from_conf(cls, conf: Mapping[str, Any]) -> Self:
        """Read the keys we know from a Storm conf; leave the rest alone.

        Raises:
            TopologyError: a value that cannot be used; names the key.
        """
        return cls(**_read(cls, conf))
