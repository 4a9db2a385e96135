"""`heronry conformance`: does a component keep the multilang protocol?"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option

if TYPE_CHECKING:
    from multilang.conformance.rule import Finding

_EPILOG = """\b
Examples:
  heronry conformance --bolt -- python split.py
  heronry conformance --spout -- streamparse_run -s json spouts.words.WordSpout
  heronry conformance --bolt --echo --rule text --rule numbers -- node echo.js

\b
Verdicts:
  kept      as hosts expect it
  BROKEN    on some host, or at some time, this goes wrong
  limited   allowed, but the host must spare the component something, and it is slower for it
  skipped   could not be tried; says why

Exit code 0 if no rule is broken, 1 if one is, 2 if the command cannot be run.
"""


@click.command(epilog=_EPILOG, context_settings={"ignore_unknown_options": False})
@click.option("--bolt", "kind", flag_value="bolt", help="The command is a bolt.  [default]", default=True)
@click.option("--spout", "kind", flag_value="spout", help="The command is a spout.")
@click.option("--values", metavar="JSON", help="A tuple that the bolt understands.  [default: one sentence]")
@click.option("--bad-values", "bad_values", metavar="JSON", help="A tuple that the bolt cannot handle.")
@click.option("--echo", is_flag=True, help="The bolt emits the values of each tuple unchanged: try more.")
@click.option("--rule", "names", multiple=True, metavar="NAME", help="Only this rule; repeatable.")
@click.option(
    "--patience",
    "patience_s",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    metavar="S",
    help="How long one answer may take.",
)
@json_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def conformance(
    *,
    kind: str,
    values: str | None,
    bad_values: str | None,
    echo: bool,
    names: tuple[str, ...],
    patience_s: float,
    command: tuple[str, ...],
    as_json: bool,
) -> int:
    """Play the host to COMMAND, a component, and tell rule by rule whether it does what hosts rely on.

    It is started anew for each rule, in this folder. Put -- before the command.
    """
    from multilang.conformance.rule import Kind, Subject, Verdict
    from multilang.conformance.run import rules_for, run
    from multilang.errors import MultilangError
    from storm_compat.cli import output

    subject = Subject(
        command=command,
        kind=Kind(kind),
        is_echo=echo,
        patience_s=patience_s,
        bad_values=None if bad_values is None else _parsed("--bad-values", bad_values),
        **({} if values is None else {"values": _parsed("--values", values)}),
    )
    try:
        rules = rules_for(subject, names)
    except KeyError as exc:
        known = ", ".join(rule.name for rule in rules_for(subject))
        raise CommandError(
            f"no rule for a {kind} is named {exc}", code=ExitCode.USAGE, advice=f"There are: {known}"
        ) from exc
    findings = []
    try:
        with _leaving_nothing() as look:
            for finding in run(subject, rules):
                look()
                findings.append(finding)
                if not as_json:
                    click.echo(_line(finding))
    except MultilangError as exc:
        raise CommandError(str(exc), code=ExitCode.USAGE) from exc  # not 1: no rule was tried
    broken_count = sum(finding.verdict is Verdict.BROKEN for finding in findings)
    if as_json:
        output.print_json([_document(finding) for finding in findings])
    else:
        counts = {v.value: sum(f.verdict is v for f in findings) for v in Verdict}
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items() if count))
    return ExitCode.FAILED if broken_count else ExitCode.OK


@contextmanager
def _leaving_nothing() -> Iterator[Callable[[], None]]:
    """End in order when told to, so that no process and no folder is left; `timeout` of a CI tells so.

    Gives a function to be called between the rules: what a signal raises in the middle of a fork is lost.
    """
    numbers: list[int] = []

    def look() -> None:
        if numbers:
            raise SystemExit(128 + numbers[0])

    def end(number: int, _: Any) -> None:
        numbers.append(number)
        look()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield look
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parsed(option: str, text: str) -> list[Any]:
    import simplejson

    try:
        values = simplejson.loads(text)
    except ValueError as exc:
        raise CommandError(f"{option} {text}: not JSON: {exc}", code=ExitCode.USAGE) from exc
    if not isinstance(values, list):
        raise CommandError(f"{option} {text}: it must be a list, one entry a field", code=ExitCode.USAGE)
    return values


def _line(finding: Finding) -> str:
    from multilang.conformance.host import short_text
    from multilang.conformance.rule import Verdict

    word = finding.verdict.value.upper() if finding.verdict is Verdict.BROKEN else finding.verdict.value
    line = f"{word:8}{finding.rule.name:20}{finding.reason or finding.rule.why}"
    if finding.verdict not in (Verdict.BROKEN, Verdict.LIMITED):
        return line
    more = [f"why: {finding.rule.why}", *finding.transcript[-8:]]
    more += [f"stderr: {short_text(text)}" for text in finding.stderr.strip().splitlines()[-3:]]
    return "\n".join([line, *(f"        {text}" for text in more)])


def _document(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule.name,
        "verdict": finding.verdict.value,
        "why": finding.rule.why,
        "reason": finding.reason,
        "transcript": list(finding.transcript),
        "stderr": finding.stderr,
    }
