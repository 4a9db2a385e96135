from __future__ import annotations

import math
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from scheduler.control.messages import Answer
from storm_compat.rest import metrics
from storm_compat.rest.metrics import Seen, families
from storm_compat.rest.metrics_page import Collected
from tests.storm_compat.rest.answers import ANSWER
from tests.storm_compat.views import MACHINE, NOTHING, NOW, alive

WC = {"topology": "wc"}
COUNT = WC | {"component": "count"}
WORDS = WC | {"component": "words"}
INPUT = COUNT | {"source": "words", "stream": "default"}


def samples(answer: Answer = ANSWER, **more: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return what a Prometheus would read."""
    registry = CollectorRegistry()
    registry.register(Collected(families([Seen(alive(**more), answer)], MACHINE, NOW)))
    text = generate_latest(registry).decode()
    found = [s for family in text_string_to_metric_families(text) for s in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


def value(name: str, labels: dict[str, str], **more: Any) -> float:
    return samples(**more)[f"heronry_{name}", frozenset(labels.items())]


def test_what_the_cluster_is() -> None:
    assert value("nimbus_uptime_seconds", {}) == 50
    assert value("topologies", {"status": "ACTIVE"}) == 1
    assert value("topologies", {"status": "KILLED"}) == 0
    assert value("build_info", {"storm_version": "2.8.2"}) == 1
    about = {"topology_id": "wc-1-17", "owner": "me", "status": "ACTIVE"}
    assert value("topology_info", WC | about) == 1
    assert value("topology_uptime_seconds", WC) == 20.5
    assert value("topology_containers", WC) == 2
    assert value("topology_up", WC) == 1
    assert value("container_restarts_total", WC | {"container": "2"}) == 3


def test_counters_are_summed_over_tasks_and_kept_apart_by_stream() -> None:
    assert value("component_emitted_tuples_total", WORDS | {"stream": "default"}) == 9
    assert value("component_transferred_tuples_total", WORDS | {"stream": "default"}) == 18
    assert value("spout_acked_tuples_total", WORDS | {"stream": "default"}) == 7
    assert value("spout_failed_tuples_total", WORDS | {"stream": "default"}) == 2
    assert value("bolt_executed_tuples_total", INPUT) == 10
    assert value("bolt_acked_tuples_total", INPUT) == 9
    assert value("bolt_failed_tuples_total", INPUT) == 1


def test_latencies_are_seconds_with_a_count_and_a_sum() -> None:
    assert value("spout_complete_latency_seconds_count", WORDS | {"stream": "default"}) == 2
    assert math.isclose(value("spout_complete_latency_seconds_sum", WORDS | {"stream": "default"}), 0.003)
    assert math.isclose(value("bolt_process_latency_seconds_sum", INPUT), 0.006)


def test_the_state_of_components() -> None:
    assert value("component_tasks", COUNT | {"state": "running"}) == 2
    assert value("component_restarts_total", COUNT) == 2
    assert value("component_pending_tuples", COUNT) == 1
    assert value("component_queued_bytes", COUNT) == 100
    assert value("component_held_seconds_total", COUNT) == 1.5
    assert value("component_busy_seconds_total", COUNT) == 0.25


def test_no_answer_is_not_shown_as_zeros() -> None:
    found = samples(NOTHING)
    assert found["heronry_topology_up", frozenset(WC.items())] == 0
    assert not any(
        name.startswith(("heronry_component", "heronry_spout", "heronry_bolt")) for name, _ in found
    )


def test_the_system_is_not_shown() -> None:
    assert not any("__" in text for _, labels in samples() for _, text in labels)


def test_too_many_series_are_left_out_and_counted() -> None:
    one = Seen(alive(), ANSWER)
    each = sum(len(family.samples) for family in families([one], MACHINE, NOW)) - 7
    count = metrics.MAX_SERIES // each * 2
    shown = {family.name: family for family in families([one] * count, MACHINE, NOW)}
    left_out = shown["heronry_topologies_left_out"].samples[0].value
    total = sum(len(family.samples) for family in shown.values())
    assert count * 0.3 < left_out < count * 0.7
    assert total <= metrics.MAX_SERIES + 7
