"""What the stream manager asks of its shell, apart from moving bytes. All rare."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PauseReading:
    """Do not read that task's output until told: a task it feeds is congested."""

    task: int


@dataclass(frozen=True, slots=True)
class ResumeReading:
    """Read that task's output again."""

    task: int


@dataclass(frozen=True, slots=True)
class Asks:
    """That task wants to know where its tuples went, and takes only so many tuples meanwhile."""

    task: int
    is_waiting: bool
    """It waits for each answer: look at it even while others may wait."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The component answered the handshake."""

    task: int
    pid: int


@dataclass(frozen=True, slots=True)
class Said:
    """The component logged a line. Levels: 0 trace to 4 error."""

    task: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Erred:
    """The component reported an error, or did something it should not have done."""

    task: int
    text: str


@dataclass(frozen=True, slots=True)
class Measured:
    """The component set a metric of its own; ``params`` is JSON text."""

    task: int
    name: str
    params: bytes


@dataclass(frozen=True, slots=True)
class Emitted:
    """The component emitted a tuple that is to be shown; ``values`` is JSON text."""

    task: int
    stream: str
    direct_task: int
    """0: wherever the groupings want it."""

    values: bytes
    message_id: bytes = b""
    """JSON text too; empty if it has none."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The component cannot be understood any more: end it and start it anew."""

    task: int
    reason: str


def odd(task: int, text: str, *, is_strict: bool) -> Erred | Broken:
    """Return what becomes of a component that did what Storm would end it for: a report, or its end."""
    if is_strict:
        return Broken(task, f"{text} (it is ended for that: heronry.multilang.strict)")
    return Erred(task, text)


Notice = PauseReading | ResumeReading | Asks | Opened | Said | Erred | Measured | Emitted | Broken
