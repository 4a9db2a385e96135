"""The rules, played to libraries that people use; docs/conformance.md has the same table in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from multilang.conformance.rule import Kind, Subject, Verdict
from multilang.conformance.run import rules_for, run
from tests.multilang.conformance.libraries import LIBRARIES, command

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LIMITED = {
    ("storm.js", "bolt"): {"task-ids-ahead", "large-integers"},
    ("storm.js", "spout"): {"in-turn", "unknown-command"},
    ("storm.rb", "bolt"): {"surrogates"},
}


@pytest.mark.parametrize("kind", ["bolt", "spout"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_keeps_all_rules_but_the_known_ones(library: str, kind: str, tmp_path: Path) -> None:
    subject = Subject(
        command=command(library, kind, tmp_path),
        kind=Kind(kind),
        bad_values=["raise"],
        is_echo=kind == "bolt",
        patience_s=20.0,
    )
    findings = list(run(subject, rules_for(subject)))
    by_verdict = {v: {f.rule.name for f in findings if f.verdict is v} for v in Verdict}
    told = "\n".join(f"{f.rule.name}: {f.verdict.value} {f.reason}" for f in findings)
    assert by_verdict[Verdict.BROKEN] == set(), told
    assert by_verdict[Verdict.LIMITED] == LIMITED.get((library, kind), set()), told
    assert by_verdict[Verdict.SKIPPED] == set(), told
