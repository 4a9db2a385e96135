"""Measures Heronry as a user runs it, and says what was demanded beside it.

    make bench              or: python bench/run.py        about four minutes
    python bench/run.py --quick                            about one minute
    python bench/run.py --only latency --only idle
    python bench/run.py --storm-py FILE                    also with Storm's own storm.py
    python bench/run.py --markdown [FILE]                  measure nothing, print the last result
    python bench/run.py --docs                             measure nothing, put it into docs/performance.md

The exit code is 0 even when demands are missed, and 1 when something did not run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import cases, machine, table
from bench.cluster import BenchError, Cluster, make_project
from bench.figures import FIGURES, TITLES

CHECKOUT = Path(__file__).resolve().parent.parent
RESULTS = CHECKOUT / "bench" / "results"
PAGE = CHECKOUT / "docs" / "performance.md"
_BEGIN, _END = "<!-- made by bench/run.py --docs -->\n", "<!-- end -->\n"

Measure = Callable[[Cluster, cases.Pace], cases.Measured]
ON_A_CLUSTER: dict[str, Measure] = {
    # First those that tell of a fresh cluster.
    "idle": cases.idle,
    "words": cases.word_count,
    "words_blocking": lambda cluster, pace: cases.word_count(cluster, pace, file="blocking"),
    "words_stormpy": lambda cluster, pace: cases.word_count(cluster, pace, file="stormpy"),
    "words_wide": lambda cluster, pace: cases.word_count(cluster, pace, environment="wide"),
    "words_two": lambda cluster, pace: cases.word_count(cluster, pace, environment="wide", containers=2),
    "latency": cases.latency,
}


class Bench:
    """One run: the cases that were chosen, one after the other."""

    def __init__(self, chosen: list[str], pace: cases.Pace, storm_py: Path | None) -> None:
        self._chosen = chosen
        self._pace = pace
        self._folder = CHECKOUT / ".tmp" / f"bench-{time.time_ns()}"
        self._folder.mkdir(parents=True)
        self._project = make_project(self._folder, storm_py)
        self.measured: dict[str, cases.Measured] = {}
        self.failures: list[str] = []

    def run(self) -> None:
        """Measure everything that can be; what fails is told and does not keep the rest from it."""
        if "start" in self._chosen:
            self._try("start", lambda: cases.start(self._make_cluster, self._pace))
        on_cluster = [case for case in ON_A_CLUSTER if case in self._chosen]
        if on_cluster:
            self._run_on_a_cluster(on_cluster)
        if "router" in self._chosen:
            self._try("router", lambda: cases.router(self._pace))
        if {"words_wide", "words_two"} <= self.measured.keys():
            wide, two = self.measured["words_wide"].values, self.measured["words_two"].values
            two["extra_us_per_hop"] = two["engine_us_per_hop"] - wide["engine_us_per_hop"]

    def clean_up(self) -> None:
        """Remove what was needed to measure; after a failure keep it, since the logs are in it."""
        if self.failures:
            print(f"Logs are in {self._folder}", file=sys.stderr)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _make_cluster(self, name: str) -> Cluster:
        return Cluster(self._folder / name, self._project)

    def _run_on_a_cluster(self, names: list[str]) -> None:
        cluster = self._make_cluster("cluster")
        try:
            cluster.start()
            for name in names:
                measure = ON_A_CLUSTER[name]
                if not self._try(name, partial(measure, cluster, self._pace)):
                    cluster.kill_all()
        except BenchError as exc:
            self.failures.append(f"cluster: {exc}")
        finally:
            try:
                cluster.stop()
            except BenchError as exc:
                self.failures.append(f"cluster: {exc}")

    def _try(self, name: str, measure: Callable[[], cases.Measured]) -> bool:
        print(f"{TITLES[name]} ...", file=sys.stderr, flush=True)
        try:
            self.measured[name] = measure()
        except (BenchError, OSError) as exc:
            self.failures.append(f"{TITLES[name]}: {exc}")
            print(f"  failed: {exc}", file=sys.stderr, flush=True)
            return False
        return True


def as_result(bench: Bench, *, made_at: str, is_quick: bool, pace: cases.Pace) -> dict[str, Any]:
    """Return all that is known of a run, as it is kept."""
    measured = {name: asdict(one) for name, one in bench.measured.items()}
    for figure in FIGURES:
        if figure.case in measured and (value := measured[figure.case]["values"].get(figure.key)) is not None:
            measured[figure.case].setdefault("figures", []).append(
                {"value": value, "is_met": figure.is_met(value)} | asdict(figure)
            )
    return {
        "made_at": made_at,
        "quick": is_quick,
        "pace": asdict(pace),
        "machine": machine.describe(CHECKOUT),
        "cases": measured,
        "failures": bench.failures,
    }


def keep(result: dict[str, Any], *, is_whole: bool) -> Path:
    """Write a result under its time, and as the latest one if all cases were chosen; return where."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{result['made_at'].replace(':', '')}.json"
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    if is_whole:
        (RESULTS / "latest.json").write_text(text, encoding="utf-8")
    return path


def put_into_page(markdown: str) -> None:
    """Replace the tables in docs/performance.md."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        sys.exit(f"bench: {PAGE} has no place for the tables")
    PAGE.write_text(f"{before}{begin}\n{markdown}\n{end}{after}", encoding="utf-8")


def main() -> int:
    """Measure, or show again what was measured; return the exit code."""
    arguments = _arguments()
    if arguments.docs or arguments.markdown:
        path = arguments.markdown or RESULTS / "latest.json"
        markdown = table.as_markdown(json.loads(path.read_text(encoding="utf-8")))
        put_into_page(markdown) if arguments.docs else print(markdown, end="")
        return 0
    machine.require_linux()
    pace = cases.QUICK if arguments.quick else cases.Pace()
    bench = Bench(_chosen(arguments), pace, arguments.storm_py)
    made_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    try:
        bench.run()
    except KeyboardInterrupt:
        bench.failures.append("interrupted")
    result = as_result(bench, made_at=made_at, is_quick=arguments.quick, pace=pace)
    path = keep(result, is_whole=not arguments.only)
    bench.clean_up()
    print(table.as_text(result))
    print(f"Everything, and how it was made: {path.relative_to(CHECKOUT)}")
    return 1 if bench.failures else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, add_help=True
    )
    parser.add_argument("--quick", action="store_true", help="shorter windows, each start once")
    parser.add_argument("--only", action="append", choices=list(TITLES), help="this case; repeatable")
    parser.add_argument("--storm-py", type=Path, metavar="FILE", help="storm.py of Storm's multilang-python")
    parser.add_argument(
        "--markdown",
        type=Path,
        nargs="?",
        const=RESULTS / "latest.json",
        metavar="FILE",
        help="print a result",
    )
    parser.add_argument("--docs", action="store_true", help="put a result into docs/performance.md")
    arguments = parser.parse_args()
    if arguments.only and "words_stormpy" in arguments.only and arguments.storm_py is None:
        parser.error("words_stormpy needs --storm-py FILE")
    return arguments


def _chosen(arguments: argparse.Namespace) -> list[str]:
    if arguments.only:
        return [case for case in TITLES if case in arguments.only]
    left_out = set() if arguments.storm_py else {"words_stormpy"}
    return [case for case in TITLES if case not in left_out]


if __name__ == "__main__":
    sys.exit(main())
