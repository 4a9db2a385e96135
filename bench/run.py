"""Measures Heronry as a user runs it, and says what was demanded beside it.

    make bench              or: python bench/run.py        about four minutes
    python bench/run.py --quick                            about one minute
    python bench/run.py --only latency --only idle
    python bench/run.py --storm-py FILE                    also with Storm's own storm.py
    make bench-storm        or: --storm                    in turns with a real Storm on this machine
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
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

# Behind what is installed, and what make put on the path: it is not the sources that are measured.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from bench import cases, machine, table
from bench.cluster import BenchError, Cluster, make_project
from bench.figures import FIGURES, TITLES
from bench.library import library
from bench.nimbus import nimbus

CHECKOUT = Path(__file__).resolve().parent.parent
RESULTS = CHECKOUT / "bench" / "results"
PAGE = CHECKOUT / "docs" / "performance.md"
_BEGIN, _END = "<!-- made by bench/run.py --docs -->\n", "<!-- end -->\n"

Measure = Callable[[Cluster, cases.Pace], cases.Measured]
ON_A_CLUSTER: dict[str, Measure] = {
    # First those that tell of a fresh cluster.
    "idle": cases.idle,
    "words": cases.word_count,
    "words_fast": lambda cluster, pace: cases.word_count(cluster, pace, is_accelerated=True),
    "words_blocking": lambda cluster, pace: cases.word_count(cluster, pace, file="blocking"),
    "words_stormpy": lambda cluster, pace: cases.word_count(cluster, pace, file="stormpy"),
    "words_wide": lambda cluster, pace: cases.word_count(cluster, pace, environment="wide"),
    "words_two": lambda cluster, pace: cases.word_count(cluster, pace, environment="wide", containers=2),
    "pipes": cases.pipes,
    "latency": cases.latency,
}
AGAINST_STORM = ("words", "words_stormpy", "words_two", "latency")
_STORM_WARM_UP_S = 15.0
"""Until a JVM has compiled what it runs most."""


class Bench:
    """One run: the cases that were chosen, one after the other."""

    def __init__(
        self, chosen: list[str], pace: cases.Pace, *, storm_py: Path | None, with_storm: bool
    ) -> None:
        self._chosen = chosen
        self._pace = pace
        self._with_storm = with_storm
        self._folder = CHECKOUT / ".tmp" / f"bench-{time.time_ns()}"
        self._folder.mkdir(parents=True)
        self._project = make_project(self._folder, storm_py)
        self.measured: dict[str, cases.Measured] = {}
        self.storm: dict[str, cases.Measured] = {}
        self.failures: list[str] = []

    def run(self) -> None:
        """Measure everything that can be; what fails is told and does not keep the rest from it."""
        if "start" in self._chosen:
            self._try("start", lambda: cases.start(self._make_cluster, self._pace))
        on_cluster = [case for case in ON_A_CLUSTER if case in self._chosen]
        if on_cluster:
            self._run_on_a_cluster(on_cluster)
        if "nimbus" in self._chosen:
            self._try("nimbus", lambda: nimbus(self._make_cluster, self._pace))
        if "flood" in self._chosen:
            self._flood()
        if "library" in self._chosen:
            self._try("library", lambda: library(self._project / "src", self._pace))
        if "router" in self._chosen:
            self._try("router", lambda: cases.router(self._pace))
        if {"words_wide", "words_two"} <= self.measured.keys():
            wide, two = self.measured["words_wide"].values, self.measured["words_two"].values
            two["extra_us_per_hop"] = two["engine_us_per_hop"] - wide["engine_us_per_hop"]
        rates = {name: one.values.get("sentences_per_s") for name, one in self.measured.items()}
        for name, storm in self.storm.items():
            if "sentences_per_s" in storm.values:
                ours = self.measured[name].values
                ours["rate_to_storm"] = ours["sentences_per_s"] / storm.values["sentences_per_s"]
        if (fast := rates.get("words_fast")) and (plain := rates.get("words")):
            self.measured["words_fast"].values["rate_to_plain"] = fast / plain
            if "words" in self.storm:
                theirs = self.storm["words"].values["sentences_per_s"]
                self.measured["words_fast"].values["rate_to_storm"] = fast / theirs

    def clean_up(self) -> None:
        """Remove what was needed to measure; after a failure keep it, since the logs are in it."""
        if self.failures:
            print(f"Logs are in {self._folder}", file=sys.stderr)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _make_cluster(self, name: str) -> Cluster:
        return Cluster(self._folder / name, self._project)

    def _run_on_a_cluster(self, names: list[str]) -> None:
        with ExitStack() as stack:
            try:
                cluster = self._started(stack, self._make_cluster("cluster"))
                storm = self._started(stack, self._make_storm()) if self._with_storm else None
            except BenchError as exc:
                self.failures.append(f"cluster: {exc}")
                return
            for name in names:
                if not self._measure(cluster, name) or storm is None or name not in AGAINST_STORM:
                    continue
                self._measure_storm(storm, name)
                # Once more behind it: what the machine does meanwhile must not be taken for a difference.
                before = self.measured[name]
                if self._measure(cluster, name):
                    self.measured[name] = cases.mean(before, self.measured[name])

    def _flood(self) -> None:
        cluster = self._make_cluster("flood")
        cluster.has_ui = True  # it is asked for what waits
        with ExitStack() as stack:
            self._try("flood", lambda: cases.flood(self._started(stack, cluster), self._pace))

    def _measure(self, cluster: Cluster, name: str) -> bool:
        is_done = self._try(name, partial(ON_A_CLUSTER[name], cluster, self._pace))
        if not is_done:
            cluster.kill_all()
        return is_done

    def _measure_storm(self, storm: Cluster, name: str) -> None:
        print("  the same on Storm ...", file=sys.stderr, flush=True)
        pace = replace(self._pace, warm_up_s=max(self._pace.warm_up_s, _STORM_WARM_UP_S))
        try:
            self.storm[name] = ON_A_CLUSTER[name](storm, pace)
        except (BenchError, OSError) as exc:
            self.failures.append(f"{TITLES[name]}, on Storm: {exc}")
            storm.kill_all()

    def _make_storm(self) -> Cluster:
        from bench.storm import StormCluster  # needs what only tests need

        print("Storm starts ...", file=sys.stderr, flush=True)
        return StormCluster(self._folder / "storm", self._project)

    def _started(self, stack: ExitStack, cluster: Cluster) -> Cluster:
        stack.callback(self._stop, cluster)
        cluster.start()
        return cluster

    def _stop(self, cluster: Cluster) -> None:
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
        "storm": {name: asdict(one) for name, one in bench.storm.items()},
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
    storm_py = arguments.storm_py
    if arguments.storm:
        from bench.storm import storm_py as fetched

        try:
            storm_py = storm_py or fetched(CHECKOUT / ".tmp" / "storm-py")
        except BenchError as exc:
            sys.exit(f"bench: {exc}")
    chosen = _chosen(arguments.only, has_storm_py=storm_py is not None)
    bench = Bench(chosen, pace, storm_py=storm_py, with_storm=arguments.storm)
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
    parser.add_argument("--storm", action="store_true", help="also measure a real Storm, case by case")
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
    has_storm_py = arguments.storm or arguments.storm_py is not None
    if arguments.only and "words_stormpy" in arguments.only and not has_storm_py:
        parser.error("words_stormpy needs --storm-py FILE or --storm")
    return arguments


def _chosen(only: list[str] | None, *, has_storm_py: bool) -> list[str]:
    if only:
        return [case for case in TITLES if case in only]
    return [case for case in TITLES if case != "words_stormpy" or has_storm_py]


if __name__ == "__main__":
    sys.exit(main())
