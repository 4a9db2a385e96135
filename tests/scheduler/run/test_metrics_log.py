from __future__ import annotations

from pathlib import Path
from typing import Any

from scheduler.control.messages import TaskReport
from scheduler.run.measures import Measures
from scheduler.run.metrics_log import MetricsConfig, counted, lines

CONSUMER = {"class": "org.apache.storm.metric.LoggingMetricsConsumer", "parallelism.hint": 1}


def report(task: int = 3, **counts: Any) -> TaskReport:
    names = ("emitted", "transferred", "executed", "acked", "failed", "latency_ms_sum", "latency_count")
    empty: dict[str, Any] = {name: {} for name in names}
    return TaskReport(
        task=task,
        component="split",
        state="running",
        pid=1,
        uptime_s=1.0,
        restart_count=0,
        pending_count=0,
        queued_bytes=0,
        held_ms=0,
        **{**empty, **counts},
    )


def test_what_a_task_counted_since_the_last_time_is_named_as_storm_names_it() -> None:
    before = report(emitted={"default": 5}, executed={"a:default": 1})
    after = report(
        emitted={"default": 25, "other": 0},
        executed={"a:default": 3},
        latency_ms_sum={"a:default": 9.0},
        latency_count={"a:default": 2},
    )
    assert dict(counted(after, before, is_spout=False)) == {
        "__emit-count-default": 20,
        "__execute-count-a:default": 2,
        "__process-latency-a:default": 4.5,
    }
    assert list(counted(after, after, is_spout=True)) == []


def test_a_line_has_storms_columns() -> None:
    metrics = [("count", 3), ("multi", {"a": 1, "b": {"c": 2.5}})]
    assert list(lines(metrics, at_s=17.9, host="h", port=6700, task=3, component="split")) == [
        b"17\t              h:6700\t  3:split      \tcount                  \t3",
        b"17\t              h:6700\t  3:split      \tmulti                  \t{a=1, b={c=2.5}}",
    ]


def test_the_file_is_written_only_for_storms_logging_consumer() -> None:
    assert not MetricsConfig.from_conf({}).is_wanted
    other = {"class": "org.x.GraphiteConsumer", "parallelism.hint": 1}
    assert not MetricsConfig.from_conf({"topology.metrics.consumer.register": [None, other]}).is_wanted
    wanted = MetricsConfig.from_conf(
        {
            "topology.metrics.consumer.register": [
                other,
                {**CONSUMER, "whitelist": ["^mine", "count$"], "blacklist": ["secret"]},
            ],
            "topology.builtin.metrics.bucket.size.secs": 5,
        }
    )
    assert (wanted.is_wanted, wanted.interval_s) == (True, 5.0)
    names = ("mine.x", "a count", "mine.secret", "other")
    assert [wanted.shows(name) for name in names] == [True, True, False, False]


def test_a_pattern_that_cannot_be_read_lets_all_pass() -> None:
    entry = {**CONSUMER, "whitelist": ["["]}
    assert MetricsConfig.from_conf({"topology.metrics.consumer.register": [entry]}).shows("x")


def test_the_file_gets_lines_when_it_is_time(tmp_path: Path) -> None:
    conf = {
        "topology.metrics.consumer.register": [CONSUMER],
        "topology.builtin.metrics.bucket.size.secs": 10,
    }
    measures = Measures(conf, tmp_path / "worker.log", 6700)
    assert measures.note(3, "mine", b"null") == ""
    assert "without a name" in measures.note(3, "", b"null")
    assert "cannot be read" in measures.note(3, "mine", b"x")
    file = tmp_path / "worker.log.metrics"
    for now in (100.0, 109.0):
        measures.write([report(emitted={"default": 1})], frozenset(), now)
        assert file.read_text() == ""
    measures.write([report(emitted={"default": 2})], frozenset(), 110.0)
    shown = [line.split("\t")[-2:] for line in file.read_text().splitlines()]
    assert [[name.strip(), value] for name, value in shown] == [["__emit-count-default", "2"], ["mine", "1"]]


def test_nothing_is_written_for_nobody(tmp_path: Path) -> None:
    measures = Measures({}, tmp_path / "worker.log", 6700)
    measures.write([report()], frozenset(), 1.0)
    measures.write([report()], frozenset(), 1000.0)
    assert list(tmp_path.iterdir()) == []
