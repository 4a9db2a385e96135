"""Plays all rules that concern a component, one after the other."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from multilang.conformance import bolt_rules, common_rules, spout_rules
from multilang.conformance.host import Broken
from multilang.conformance.rule import Finding, Rule, Scene, Skipped, Subject, Verdict

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

    Raises:
        MultilangError: the component cannot be started at all.
    """
    for rule in rules:
        yield _play(subject, rule)


def _play(subject: Subject, rule: Rule) -> Finding:
    with tempfile.TemporaryDirectory(prefix="heronry-") as folder:
        scene = Scene(subject, Path(folder), Path(sys.executable).parent)
        try:
            rule.play(scene)
        except Broken as exc:
            verdict, reason = Verdict.LIMITED if rule.is_advice else Verdict.BROKEN, str(exc)
        except Skipped as exc:
            verdict, reason = Verdict.SKIPPED, str(exc)
        else:
            verdict, reason = Verdict.KEPT, ""
    lines = tuple(line for host in scene.hosts for line in host.transcript)
    stderr = b"".join(data for host in scene.hosts for data in host.stderr).decode(errors="replace")
    return Finding(rule, verdict, reason, lines, stderr)
