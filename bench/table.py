"""A result as a table, for the terminal or for Markdown. Pure: a result in, text out.

A result is what bench/results/*.json holds: "cases" with their values, the
"machine", the "failures".  Figures of cases that were not run are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.figures import FIGURES, QUIET_CORES, TITLES, Figure

_MARKS = {True: "met", False: "MISSED", None: ""}
_HEADS = ("", "measured", "demanded", "", "Storm 2.8.2, other day; (now): in turns with ours")

Result = Mapping[str, Any]
Row = tuple[str, str, str, str, str]


def rows(result: Result, case: str) -> list[Row]:
    """Return the lines of a case: label, value, demand, mark, Storm's value."""
    values = result["cases"].get(case, {}).get("values", {})
    storm = result.get("storm", {}).get(case, {}).get("values", {})
    return [
        _row(figure, values[figure.key], storm.get(figure.key))
        for figure in FIGURES
        if figure.case == case and figure.key in values
    ]


def _row(figure: Figure, value: float, storm: float | None) -> Row:
    theirs = figure.storm if storm is None else f"{_shown(figure, storm)} (now)"
    return figure.label, _shown(figure, value), figure.demand, _MARKS[figure.is_met(value)], theirs


def _shown(figure: Figure, value: float) -> str:
    return f"{value:.{figure.digits}f} {figure.unit}".rstrip()


def as_text(result: Result) -> str:
    """Return all tables for a terminal, then what failed and how many demands were missed."""
    tables = [(title, rows(result, case)) for case, title in _headings(result)]
    widths = [max(len(row[i]) for row in [_HEADS, *(r for _, t in tables for r in t)]) for i in range(5)]
    lines = [_aligned(_HEADS, widths)]
    for title, table in tables:
        lines += ["", title, *(_aligned(row, widths) for row in table)]
    lines += ["", *_endings(result)]
    return "\n".join(lines)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    label, value, demand, mark, storm = row
    return (
        f"  {label:{widths[0]}}  {value:>{widths[1]}}  {demand:{widths[2]}}  {mark:{widths[3]}}  {storm}"
    ).rstrip()


def _engine(about: Mapping[str, Any]) -> str:
    """Return what is said of the engine; nothing for results of a time when it was always interpreted."""
    if "is_compiled" not in about:
        return ""
    return f"engine {'compiled' if about['is_compiled'] else 'interpreted'}, "


def as_markdown(result: Result) -> str:
    """Return all tables for a page, with the machine they were measured on."""
    about = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    head = (
        f"{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']}, "
        f"Python {about['python']}, {_engine(about)}{versions}; {result['made_at']}, commit {about['commit']}"
        f"{', shortened run (--quick)' if result['quick'] else ''}."
    )
    lines = [head]
    for case, title in _headings(result):
        lines += [
            "",
            f"### {title}",
            "",
            f"| | measured | demanded | | {_HEADS[-1]} |",
            "|---|---|---|---|---|",
        ]
        lines += [f"| {' | '.join(row)} |" for row in rows(result, case)]
    lines += ["", *(f"* {line}" for line in _endings(result))]
    return "\n".join(lines) + "\n"


def _headings(result: Result) -> Iterator[tuple[str, str]]:
    for case, title in TITLES.items():
        found = result["cases"].get(case)
        if found is None:
            continue
        foreign = found.get("foreign_cores")
        noise = "" if foreign is None else f" (others used {foreign:.2f} cores{_judged(foreign)})"
        yield case, title + noise


def _judged(foreign_cores: float) -> str:
    return ": noisy" if foreign_cores > QUIET_CORES else ""


def _endings(result: Result) -> Iterator[str]:
    judged = [
        (figure, figure.is_met(result["cases"][figure.case]["values"][figure.key]))
        for figure in FIGURES
        if figure.key in result["cases"].get(figure.case, {}).get("values", {})
    ]
    missed = [figure for figure, is_met in judged if is_met is False]
    met_count = sum(is_met is True for _, is_met in judged)
    yield f"{met_count} demands met, {len(missed)} missed" + (":" if missed else ".")
    for figure in missed:
        yield f"missed: {TITLES[figure.case]}: {figure.label}"
    for failure in result["failures"]:
        yield f"did not run: {failure.splitlines()[0]}"
