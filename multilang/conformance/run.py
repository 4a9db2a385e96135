"""Plays all rules that concern a component, one after the other."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from multilang.conformance import bolt_rules, common_rules, spout_rules
from multilang.conformance.host import Broken, NotGreeted
from multilang.conformance.rule import Finding, Rule, Scene, Skipped, Subject, Verdict

FIRST: Final = common_rules.greets
RULES: Final[Sequence[Rule]] = (*common_rules.RULES, *bolt_rules.RULES, *spout_rules.RULES)


def rules_for(subject: Subject, names: Iterable[str] = ()) -> list[Rule]:
    """Return the rules for a component's kind; those of ``names`` alone, if there are any.

    Raises:
        KeyError: there is no rule of a name for that kind.
    """
    rules = {rule.name: rule for rule in RULES if subject.kind in rule.kinds}
    return [rules[name] for name in names] or list(rules.values())


def run(subject: Subject, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Yield what came out of each rule as soon as it is known; leaves no process.

    Where even the plain handshake has no answer, the other rules are skipped: they would say the same.

    Raises:
        MultilangError: the component cannot be started at all.
    """
    is_greeting = True
    for rule in rules:
        if not is_greeting:
            yield Finding(rule, Verdict.SKIPPED, f"it does not answer the handshake, see {FIRST.name}")
            continue
        finding, error = _play(subject, rule)
        is_greeting = not (rule is FIRST and isinstance(error, NotGreeted))
        yield finding


def _play(subject: Subject, rule: Rule) -> tuple[Finding, Exception | None]:
    """Return what came out of a rule, and what was raised if it was broken or not tried."""
    error: Exception | None = None
    with tempfile.TemporaryDirectory(prefix="heronry-") as folder:
        scene = Scene(subject, Path(folder), Path(sys.executable).parent)
        try:
            rule.play(scene)
        except Broken as exc:
            verdict, reason, error = Verdict.LIMITED if rule.is_advice else Verdict.BROKEN, str(exc), exc
        except Skipped as exc:
            verdict, reason, error = Verdict.SKIPPED, str(exc), exc
        else:
            verdict, reason = Verdict.KEPT, ""
    lines = tuple(line for host in scene.hosts for line in host.transcript)
    stderr = b"".join(data for host in scene.hosts for data in host.stderr).decode(errors="replace")
    return Finding(rule, verdict, reason, lines, stderr), error
