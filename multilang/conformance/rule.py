"""What a rule is, what it finds, and what it may know of the component."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from multilang.conformance.host import Host


class Kind(enum.Enum):
    """Which half of the protocol a component speaks."""

    SPOUT = "spout"
    BOLT = "bolt"


class Verdict(enum.Enum):
    """What came out of a rule."""

    KEPT = "kept"
    BROKEN = "broken"
    LIMITED = "limited"
    """Allowed, but the host must spare such a component something and it is slower for it."""

    SKIPPED = "skipped"
    """It could not be tried with what is known of the component."""


class Skipped(Exception):
    """A rule that cannot be tried; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The component, and what its author says of it."""

    command: Sequence[str]
    kind: Kind
    values: Sequence[Any] = ("the heron waits",)
    """Of the tuples that a bolt is given, where a rule needs none of its own."""

    bad_values: Sequence[Any] | None = None
    """Of a tuple that the bolt cannot handle; None: the author named none."""

    is_echo: bool = False
    """A bolt that emits each tuple's values, once, as they came."""

    patience_s: float = 10.0
    """How long a single answer may take."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a rule works with: the subject, and new processes of it."""

    subject: Subject
    folder: Path
    own_bin: Path
    hosts: list[Host] = field(default_factory=list)

    def start(self) -> Host:
        """Return the host of a new process, nothing said yet; use it as a context."""
        host = Host(
            self.subject.command, self.folder, patience_s=self.subject.patience_s, own_bin=self.own_bin
        )
        self.hosts.append(host)
        return host

    def tuple(self, tup_id: str, *values: Any) -> dict[str, Any]:
        """Return a tuple for a bolt, with the author's values if none are given."""
        return {
            "id": tup_id,
            "comp": "source",
            "stream": "default",
            "task": 1,
            "tuple": list(values or self.subject.values),
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that hosts rely on."""

    name: str
    why: str
    """What goes wrong where it is broken."""

    play: Callable[[Scene], None]
    """Raises `Broken` or `Skipped`."""

    kinds: frozenset[Kind]
    is_advice: bool = False
    """Breaking it is allowed."""


def rule(
    name: str, kinds: frozenset[Kind], *, why: str, is_advice: bool = False
) -> Callable[[Callable[[Scene], None]], Rule]:
    """Return a decorator that makes a rule of the function that plays it."""

    def made(play: Callable[[Scene], None]) -> Rule:
        return Rule(name, why, play, kinds, is_advice)

    return made


@dataclass(frozen=True, slots=True)
class Finding:
    """What came out of one rule for one component."""

    rule: Rule
    verdict: Verdict
    reason: str = ""
    transcript: tuple[str, ...] = ()
    """What was sent (>) and what came (<), the last lines."""

    stderr: str = ""


BOTH: Final = frozenset(Kind)
BOLT: Final = frozenset({Kind.BOLT})
SPOUT: Final = frozenset({Kind.SPOUT})
HEARTBEAT: Final[dict[str, Any]] = {
    "id": "-100",
    "comp": None,
    "stream": "__heartbeat",
    "task": -1,
    "tuple": [],
}
"""All five keys, as Storm sends it."""

TICK: Final[dict[str, Any]] = {"id": "-200", "comp": "__system", "stream": "__tick", "task": -1, "tuple": [5]}
