"""The cluster as Prometheus reads it, made from the reports that every other page is made from. Pure.

    heronry_topology_...     labels: topology
    heronry_component_...    labels: topology, component; of what it emits also stream
    heronry_spout_...        labels: topology, component, stream
    heronry_bolt_...         labels: topology, component, source, stream

`topology` is the name: a new submission goes on where the old one stood; counters that begin anew are what
Prometheus expects. Nothing is labelled by task, so that the number of series depends on the size of the code
and not on the parallelism; it is bounded by `MAX_SERIES`, and what is left out is said.

Source: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from scheduler.control.messages import Answer, ContainerState, TaskReport
from scheduler.state.records import Status
from storm_compat.alive import Alive
from storm_compat.stats import Machine

MAX_SERIES: Final = 50_000
"""About 6 MB of text. Topologies that do not fit are left out, the last by name first."""

TASK_STATES: Final = ("starting", "running", "waiting", "stopped")

Reports = Sequence[TaskReport]
Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """One topology, and what its process answered; without containers if it did not."""

    alive: Alive
    answer: Answer


# Name -> its kind, what it means, and its value from the reports of a component's tasks.
_OF_COMPONENT: Final[dict[str, tuple[type[Metric], str, Callable[[Reports], float]]]] = {
    "component_restarts": (
        CounterMetricFamily,
        "Times that its tasks were started again.",
        lambda reports: sum(report.restart_count for report in reports),
    ),
    "component_pending_tuples": (
        GaugeMetricFamily,
        "Of spouts: trees that are not acked yet. Of bolts: tuples given to it and not acked yet.",
        lambda reports: sum(report.pending_count for report in reports),
    ),
    "component_queued_bytes": (
        GaugeMetricFamily,
        "What waits to be written to its tasks.",
        lambda reports: sum(report.queued_bytes for report in reports),
    ),
    "component_busy_seconds": (
        CounterMetricFamily,
        "Of bolts: time in which its tasks had a tuple that they had not acked, over all of them.",
        lambda reports: sum(report.busy_ms for report in reports) / 1000,
    ),
    "component_held_seconds": (
        CounterMetricFamily,
        "Time in which flow control kept its tasks from being read, over all of them.",
        lambda reports: sum(report.held_ms for report in reports) / 1000,
    ),
}

# Name -> the field of `TaskReport` it sums up by stream, and what it means.
_OF_OUTPUT: Final = {
    "component_emitted_tuples": ("emitted", "Tuples it emitted."),
    "component_transferred_tuples": ("transferred", "The same, once for each task they were sent to."),
}
_OF_SPOUT: Final = {
    "spout_acked_tuples": ("acked", "Trees that were acked."),
    "spout_failed_tuples": ("failed", "Trees that failed or timed out."),
}
_OF_INPUT: Final = {
    "bolt_executed_tuples": ("executed", "Tuples given to the bolt."),
    "bolt_acked_tuples": ("acked", "Tuples it acked."),
    "bolt_failed_tuples": ("failed", "Tuples it failed."),
}

_COMPLETE: Final = ("spout_complete_latency_seconds", "From emit to ack, of the trees that were sampled.")
_PROCESS: Final = ("bolt_process_latency_seconds", "From delivery to ack, of the tuples that were sampled.")


class Families:
    """Metrics in the making: one for each name, with its samples."""

    def __init__(self) -> None:
        self._found: dict[str, Metric] = {}

    def add(self, kind: type[Metric], name: str, text: str, labels: Labels, *values: float) -> None:
        """Add one sample; a summary has two values, its count and its sum."""
        if name not in self._found:
            self._found[name] = kind(f"heronry_{name}", text, labels=tuple(labels))  # type: ignore[call-arg]
        family: Any = self._found[name]
        family.add_metric(tuple(labels.values()), *values)

    def all(self) -> list[Metric]:
        """Return them in the order in which their first samples came."""
        return list(self._found.values())


def families(seen: Sequence[Seen], machine: Machine, now: float) -> list[Metric]:
    """Return everything that is shown; if it is too much, the topologies that come first in ``seen``."""
    shown = Families()
    gauge = GaugeMetricFamily
    version = {"storm_version": machine.version}
    shown.add(gauge, "build_info", "Always 1; the release of Storm that clients are told.", version, 1)
    shown.add(
        gauge, "nimbus_uptime_seconds", "Since nimbus was started.", {}, max(now - machine.started_at_s, 0)
    )
    for status in Status:
        count = sum(one.alive.status.status is status for one in seen)
        shown.add(gauge, "topologies", "Topologies by status.", {"status": status.value}, count)
    room, left_out = MAX_SERIES, 0
    for one in seen:
        room -= _series_count(one)
        if room < 0:
            left_out += 1
        else:
            _add_topology(shown, one, now)
    text = f"Topologies that are not shown, because there would be more than {MAX_SERIES} series."
    shown.add(gauge, "topologies_left_out", text, {}, left_out)
    return shown.all()


def _series_count(one: Seen) -> int:
    """Return about how many samples a topology takes."""
    count = 4 + 3 * len(one.alive.kept.packing.containers)
    for component in one.alive.kept.topology.components:
        if not component.is_system:
            count += len(TASK_STATES) + len(_OF_COMPONENT) + 6 * len(component.streams)
            count += 5 * len(component.inputs)
    return count


def _add_topology(shown: Families, one: Seen, now: float) -> None:
    kept, answer = one.alive.kept, one.answer
    labels = {"topology": one.alive.name}
    about = {
        "topology_id": one.alive.topology_id,
        "owner": kept.submission.owner,
        "status": one.alive.status.status.value,
    }
    gauge = GaugeMetricFamily
    shown.add(gauge, "topology_info", "Always 1; says which submission it is.", labels | about, 1)
    uptime_s = max(now - kept.submission.submitted_at_s, 0)
    shown.add(gauge, "topology_uptime_seconds", "Since its submission.", labels, uptime_s)
    shown.add(gauge, "topology_containers", "As planned.", labels, len(kept.packing.containers))
    text = "1 if its process answers and all of its containers are registered."
    shown.add(gauge, "topology_up", text, labels, answer.is_complete)
    if not answer.containers:
        return  # zeros would look like counters that began anew
    for container in answer.containers:
        _add_container(shown, labels | {"container": str(container.container_id)}, container)
    reports: dict[str, list[TaskReport]] = defaultdict(list)
    for report in answer.tasks:
        reports[report.component].append(report)
    for component in kept.topology.components:
        if component.is_system:
            continue
        own = reports[component.component]
        names = labels | {"component": component.component}
        _add_component(shown, names, own)
        for stream in component.streams:
            by_stream = names | {"stream": stream}
            _add_counts(shown, _OF_OUTPUT, by_stream, own, stream)
            if component.is_spout:
                _add_counts(shown, _OF_SPOUT, by_stream, own, stream)
                _add_latency(shown, _COMPLETE, by_stream, own, stream)
        for inlet in component.inputs:
            by_input = names | {"source": inlet.source, "stream": inlet.stream}
            key = f"{inlet.source}:{inlet.stream}"
            _add_counts(shown, _OF_INPUT, by_input, own, key)
            _add_latency(shown, _PROCESS, by_input, own, key)


def _add_container(shown: Families, labels: Labels, container: ContainerState) -> None:
    shown.add(GaugeMetricFamily, "container_up", "1 if it is registered.", labels, container.is_registered)
    text = "Times it was started again."
    shown.add(CounterMetricFamily, "container_restarts", text, labels, container.restart_count)
    shown.add(GaugeMetricFamily, "container_uptime_seconds", "Since its start.", labels, container.uptime_s)


def _add_component(shown: Families, labels: Labels, reports: Reports) -> None:
    for state in TASK_STATES:
        count = sum(report.state == state for report in reports)
        shown.add(
            GaugeMetricFamily, "component_tasks", "Its tasks by state.", labels | {"state": state}, count
        )
    for name, (kind, text, value) in _OF_COMPONENT.items():
        shown.add(kind, name, text, labels, value(reports))


def _add_counts(
    shown: Families, metrics: dict[str, tuple[str, str]], labels: Labels, reports: Reports, key: str
) -> None:
    for name, (field, text) in metrics.items():
        shown.add(CounterMetricFamily, name, text, labels, _sum(reports, field, key))


def _add_latency(shown: Families, what: tuple[str, str], labels: Labels, reports: Reports, key: str) -> None:
    name, text = what
    count, sum_ms = _sum(reports, "latency_count", key), _sum(reports, "latency_ms_sum", key)
    shown.add(SummaryMetricFamily, name, text, labels, count, sum_ms / 1000)


def _sum(reports: Iterable[TaskReport], field: str, key: str) -> float:
    return float(sum(getattr(report, field).get(key, 0) for report in reports))
