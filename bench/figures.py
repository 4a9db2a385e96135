"""The figures that are reported: what they should be, what Storm has, and how each is made.

Storm's were measured once, with components of the same shape, on another
day and a machine with two cores that need not be this one (Storm 2.8.2).  Its
times and rates depend on that; what it costs beside its components less so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

QUIET_CORES = 0.1
"""With more than this in use by others, times and rates of a window are not to be believed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    case: str
    key: str
    label: str
    unit: str
    how: str
    most: float | None = None
    least: float | None = None
    storm: str = ""
    digits: int = 1

    def is_met(self, value: float) -> bool | None:
        """Return whether the demand is met; None if there is none."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    @property
    def demand(self) -> str:
        """Return the demand as text."""
        if self.most is not None:
            return f"at most {self.most:g}"
        return f"at least {self.least:g}" if self.least is not None else ""


TITLES: Mapping[str, str] = {
    "start": "Start and end",
    "words": "Word count, pystorm, 1/1/1 tasks in one container",
    "words_fast": "Word count, the same project with heronry.accelerate",
    "words_blocking": "Word count, children of storm.py's cost, 1/1/1 tasks in one container",
    "words_stormpy": "Word count, storm.py, 1/1/1 tasks in one container",
    "words_wide": "Word count, pystorm, 1/2/2 tasks in one container",
    "words_two": "Word count, pystorm, 1/2/2 tasks in two containers",
    "latency": "Latency, pystorm, spout -> b1 -> b2, 500 tuples/s",
    "flood": "A spout without limit, an amplifier of 20, and a bolt that takes 0.2 ms a tuple",
    "idle": "Memory and idling, one container",
    "nimbus": "Nimbus: calls one after the other, topologies that do not run but for one",
    "library": "Component library against pystorm, the same classes as children of this process",
    "pipes": "A container whose components answer by heart",
    "router": "Stream manager alone, no I/O",
}


def _start() -> list[Figure]:
    def figure(key: str, label: str, how: str, *, most: float | None = None, storm: str = "") -> Figure:
        return Figure("start", key, label, "s", how, most=most, storm=storm, digits=2)

    return [
        figure(
            "ready_s",
            "heronry dev until it takes calls",
            "process start to ready.json",
            most=1.0,
            storm="8-14",
        ),
        figure(
            "submit_s", "heronry submit --no-wait", "the whole command, Python start and loading included"
        ),
        figure(
            "first_tuple_s",
            "submit returned until first tuple at the sink",
            "CLOCK_REALTIME written by the last bolt, minus that of the command's end",
            most=1.5,
            storm="7.7-15.4",
        ),
        figure(
            "submit_to_first_tuple_s",
            "submit called until first tuple at the sink",
            "the same, from its start",
        ),
        figure(
            "kill_s",
            "heronry kill --now until all is gone",
            "start of the command to the end of all processes",
        ),
        figure("stop_s", "heronry dev, Ctrl-C until it has ended", "signal to the end of the process"),
    ]


def _words(
    case: str,
    *,
    rate: str,
    ratio: str,
    hop: str,
    most_ratio: float | None,
    least_rate: float | None = None,
) -> list[Figure]:
    window = "over one window after a warm-up; "
    return [
        Figure(
            case,
            "sentences_per_s",
            "sentences acked",
            "/s",
            window + "counted by the spout",
            storm=rate,
            digits=0,
        ),
        Figure(
            case,
            "rate_to_storm",
            "the same / Storm's, in turns on this machine",
            "",
            "ours before and after, their mean",
            least=least_rate,
            digits=2,
        ),
        Figure(
            case,
            "engine_to_children",
            "CPU of the engine / CPU of the components",
            "",
            window + "engine: nimbus, topology process, containers",
            most=most_ratio,
            storm=ratio,
            digits=2,
        ),
        Figure(
            case,
            "engine_us_per_hop",
            "CPU of the engine a hop",
            "µs",
            window + "7.4 hops a sentence",
            storm=hop,
        ),
        Figure(
            case,
            "children_us_per_sentence",
            "CPU of the components a sentence",
            "µs",
            window + "all components",
            digits=0,
        ),
        Figure(
            case,
            "all_us_per_sentence",
            "CPU of all a sentence",
            "µs",
            window + "engine and components; hardly moved by the load of the machine",
            digits=0,
        ),
        Figure(
            case,
            "child_bound_limit_per_s",
            "sentences if only components cost anything",
            "/s",
            "all processors / CPU of the components a sentence, of the same window",
            digits=0,
        ),
        Figure(case, "to_child_bound_limit", "rate / that limit", "", "of the same window", digits=2),
        Figure(case, "rss_mib", "memory of the engine under load", "MiB", "sum of RSS", digits=0),
    ]


def _fast() -> list[Figure]:
    figures = _words("words_fast", rate="", ratio="", hop="", most_ratio=None, least_rate=12.0)
    to_plain = Figure(
        "words_fast",
        "rate_to_plain",
        "the same / the rate without it",
        "",
        "both of this run",
        least=5.0,
        digits=2,
    )
    to_storm = "the same / that of a real Storm with pystorm, on this machine"
    figures = [
        replace(figure, label=to_storm) if figure.key == "rate_to_storm" else figure for figure in figures
    ]
    return [figures[0], to_plain, *figures[1:]]


def _library() -> list[Figure]:
    found = []
    cpu = "CPU clock of the child, all inputs at once, outputs read each ms; median of rounds in turns"
    for kind, what in (
        ("split", "split into 7 words"),
        ("count", "count a word"),
        ("next", "next of a spout"),
    ):
        found += [
            Figure("library", f"pystorm_{kind}_us", f"{what}, pystorm", "µs", cpu),
            Figure("library", f"{kind}_us", f"{what}, ours", "µs", cpu),
            Figure("library", f"{kind}_ratio", "the same / pystorm", "", cpu, most=0.125, digits=3),
            Figure(
                "library", f"{kind}_at_once_ratio", "the same, read at once as Storm reads", "", cpu, digits=3
            ),
        ]
    lone = "one tuple at a time, from the write to the read of its ack, median"
    found += [
        Figure("library", "pystorm_lone_us", "a lone tuple, split, pystorm", "µs", lone, digits=0),
        Figure("library", "lone_us", "a lone tuple, split, ours", "µs", lone, digits=0),
        Figure("library", "lone_ratio", "the same / pystorm", "", lone, most=1.0, digits=2),
    ]
    for key, what in (("rss", "memory, RSS"), ("anon", "memory, anonymous")):
        how = "smaps_rollup of the split child behind its inputs, started by streamparse_run"
        found += [
            Figure("library", f"pystorm_{key}_mib", f"{what}, pystorm", "MiB", how),
            Figure("library", f"{key}_mib", f"{what}, ours", "MiB", how),
            Figure("library", f"{key}_ratio", "the same / pystorm", "", how, most=1.0, digits=3),
        ]
    return found


def _wide() -> list[Figure]:
    keys = (
        "sentences_per_s",
        "rate_to_storm",
        "engine_to_children",
        "engine_us_per_hop",
        "all_us_per_sentence",
    )
    wide = _words("words_wide", rate="", ratio="", hop="", most_ratio=None)
    two = _words("words_two", rate="1750", ratio="", hop="109", most_ratio=None, least_rate=2.5)
    extra = Figure(
        "words_two",
        "extra_us_per_hop",
        "more than the same tasks in one container, a hop",
        "µs",
        "difference of the CPU a hop; about every second hop crosses",
        storm="",
    )
    return [*(f for f in wide if f.key in keys), *(f for f in two if f.key in (*keys, "rss_mib")), extra]


def _latency() -> list[Figure]:
    window = "measured in the spout, CLOCK_MONOTONIC, emit to ack; "
    return [
        Figure("latency", "p50_ms", "ack, median", "ms", window, most=0.8, storm="1.38", digits=2),
        Figure("latency", "p99_ms", "ack, 99 %", "ms", window, most=4.4, storm="4.4", digits=2),
        Figure("latency", "p999_ms", "ack, 99.9 %", "ms", window, storm="13.4", digits=2),
        Figure(
            "latency",
            "engine_cores",
            "CPU of the engine",
            "cores",
            "nimbus, topology process, container",
            most=0.20,
            storm="0.75",
            digits=2,
        ),
        Figure("latency", "tuples_per_s", "rate reached", "/s", "acks in the window", least=495.0, digits=0),
    ]


def _idle() -> list[Figure]:
    engine = "nimbus, topology process and container, without components"
    return [
        Figure(
            "idle", "rss_mib", "memory, RSS", "MiB", f"sum over {engine}", most=150.0, storm="890", digits=0
        ),
        Figure(
            "idle",
            "container_mib",
            "memory of the container, RSS",
            "MiB",
            "the same look",
            most=40.0,
            digits=0,
        ),
        Figure(
            "idle", "pss_mib", "memory, PSS", "MiB", f"the same with shared pages divided; {engine}", digits=0
        ),
        Figure(
            "idle",
            "cpu_percent",
            "CPU, active topology without data",
            "% of a core",
            engine,
            most=3.0,
            digits=1,
        ),
    ]


def _nimbus() -> list[Figure]:
    def figure(
        key: str, label: str, unit: str, how: str, *, digits: int = 0, most: float | None = None
    ) -> Figure:
        return Figure("nimbus", key, label, unit, how, digits=digits, most=most)

    calls = "one connection, each call waits for the one before; the reply is received and not decoded"
    found = []
    for prefix, what in (
        ("cluster", "getClusterInfo of 100 topologies"),
        ("info", "getTopologyInfo of 100 topologies in turn"),
        ("running", "getTopologyInfo of one that runs"),
    ):
        found += [
            figure(f"{prefix}_per_s", what, "calls/s", calls),
            figure(f"{prefix}_p99_ms", "the same, 99 %", "ms", calls, digits=2),
            figure(f"{prefix}_kib", "the same, size of a reply", "KiB", calls, digits=1),
        ]
    row = "small jar, uploaded each time; records are forced to the disk"
    return [
        *found,
        figure("row_s", "200 submissions in a row", "s", row, digits=1),
        figure("submit_p50_ms", "a submission's last call, median", "ms", row, digits=1),
        figure("submit_p99_ms", "the same, 99 %", "ms", row, digits=1),
        figure(
            "large_submit_s",
            "the last call for a jar of 50 MB, once uploaded",
            "s",
            "all of it in resources, not compressible; streamparse waits for 7 s",
            digits=2,
            most=7.0,
        ),
        figure("fresh_rss_mib", "memory of nimbus, no topology", "MiB", "RSS"),
        figure("known_rss_mib", "memory of nimbus, 500 topologies known", "MiB", "RSS"),
    ]


def _flood() -> list[Figure]:
    looks = "four looks a second for 20 s; "
    return [
        Figure(
            "flood", "growth_mib", "growth of the engine's memory, RSS", "MiB", looks + "the most", most=20.0
        ),
        Figure(
            "flood",
            "queued_to_mark",
            "queue of the slow bolt / high mark",
            "",
            looks + "the most, from the page for Prometheus",
            most=2.0,
            digits=2,
        ),
        Figure("flood", "tuples_per_s", "tuples that the slow bolt takes", "/s", looks, digits=0),
    ]


def _router() -> list[Figure]:
    found = []
    for name, shape, most in (("narrow", "1/1/1 tasks", 2.5), ("wide", "1/2/2 tasks, fields", 3.2)):
        how = "bench/router.py: components played, chunks of 50 sentences, median of rounds"
        found += [
            Figure("router", f"{name}_ns", f"a message, {shape}", "ns", how, digits=0),
            Figure(
                "router",
                f"{name}_ratio",
                "the same / splitting and decoding the same bytes",
                "",
                how,
                most=most,
                digits=2,
            ),
        ]
    for name, shape in (("narrow", "1/1/1 tasks"), ("wide", "1/2/2 tasks, fields")):
        found.append(
            Figure(
                "router",
                f"interpreted_{name}_ratio",
                f"not compiled, {shape}: a message / splitting and decoding",
                "",
                "the same with the sources",
                digits=2,
            )
        )
    found.append(
        Figure(
            "router",
            "extra_us_per_remote_hop",
            "a tuple to another container: more than to this one, both sides",
            "µs",
            "bench/router.py, 1/2/2 tasks in two containers, with acks and a connection over loopback",
            most=4.0,
        )
    )
    return found


def _pipes() -> list[Figure]:
    found = []
    how = "CPU clock of the process, cheapest of five windows; bench/project/src/scripted.py"
    for name, shape, most in (("narrow", "1/1/1 tasks", 3.0), ("wide", "1/2/2 tasks, fields", 3.2)):
        found += [
            Figure("pipes", f"{name}_ns", f"CPU of the container a message, {shape}", "ns", how, digits=0),
            Figure(
                "pipes",
                f"{name}_ratio",
                f"the same / splitting and decoding such messages, {shape}",
                "",
                "bench/router.py in the same run",
                most=most,
                digits=2,
            ),
        ]
    return found


FIGURES: tuple[Figure, ...] = (
    *_start(),
    *_words("words", rate="2398-4868", ratio="0.85-0.92", hop="24-49", most_ratio=0.40, least_rate=2.0),
    *_fast(),
    *_words("words_blocking", rate="825", ratio="1.43", hop="157-159", most_ratio=0.54),
    *_words("words_stormpy", rate="825", ratio="1.43", hop="157-159", most_ratio=0.54, least_rate=3.0),
    *_wide(),
    *_pipes(),
    *_latency(),
    *_flood(),
    *_idle(),
    *_nimbus(),
    *_library(),
    *_router(),
)
