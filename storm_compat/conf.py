"""Configurations: read what a client sent, check it in Storm's words, lay it over the cluster's.

    submitted text --parse--> submitted --check--> --stored--> what getTopologyConf returns
    cluster  <  stored  =  effective: what the tasks see   (a component's own keys come on top of that)

The keys themselves are in `storm_compat.keys`, the rules in
`storm_compat.conf_rules`.  Nothing here reads a file or the environment.

A null is a value: it hides the cluster's default.  A whole float where an
integer belongs (30.0) becomes an integer; Storm takes it and fails later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import simplejson

from storm_compat import conf_rules
from storm_compat.errors import InvalidConf
from storm_compat.keys import DEFAULTS, RULES

COMPONENT_KEYS: Final = frozenset(
    {
        "topology.debug",
        "topology.max.spout.pending",
        "topology.max.task.parallelism",
        "topology.transactional.id",
        "topology.tick.tuple.freq.secs",
        "topology.sleep.spout.wait.strategy.time.ms",
        "topology.spout.wait.strategy",
        "topology.bolts.window.length.count",
        "topology.bolts.window.length.duration.ms",
        "topology.bolts.window.sliding.interval.count",
        "topology.bolts.window.sliding.interval.duration.ms",
        "topology.bolts.tuple.timestamp.max.lag.ms",
        "topology.bolts.message.id.field.name",
        "topology.bolts.late.tuple.stream",
        "topology.state.provider",
        "topology.state.provider.config",
    }
)
"""The only keys of Storm's that a component may set for itself.

Source: storm:storm-client/src/jvm/org/apache/storm/executor/Executor.java
"""

_PLACING_KEYS: Final = (
    "topology.tasks",
    "topology.max.task.parallelism",
    "topology.component.resources.onheap.memory.mb",
    "topology.component.resources.offheap.memory.mb",
)
"""Looked at once, when a topology is submitted."""

_OF_THE_CLUSTER: Final = (
    "nimbus.slots.perTopology",
    "nimbus.executors.perTopology",
    "nimbus.topology.validator",
    "storm.disable.symlinks",
)
"""What a topology may be; a submission that sets them changes nothing."""

_DROPPED: Final = (
    "storm.workers.artifacts.dir",
    "storm.local.hostname",
    "storm.zookeeper.topology.auth.scheme",
    "storm.zookeeper.topology.auth.payload",
    "topology.classpath.beginning",
)
FROM_CLUSTER: Final = (
    "topology.acker.executors",
    "topology.eventlogger.executors",
    "topology.max.task.parallelism",
    "storm.messaging.netty.authentication",
    "nimbus.thrift.client.use.tls",
    "topology.worker.nimbus.thrift.client.use.tls",
    "storm.cgroup.hierarchy.dir",
    "worker.metrics",
)
"""Put into every stored conf, with the cluster's value where the submission has none."""

ADDED: Final = frozenset(
    {
        "storm.id",
        "topology.name",
        "topology.submitter.principal",
        "topology.submitter.user",
        "topology.users",
        "topology.kryo.register",
        "topology.kryo.decorators",
    }
)
"""What `stored` puts in whatever the submission says."""


def parse(text: str | None, *, what: str = "the topology's configuration") -> dict[str, Any]:
    """Return the JSON object at the beginning of ``text``; like Storm's parser, never mind what follows it.

    NaN, raw control characters in strings and repeated keys (the last counts) are accepted too.

    Raises:
        InvalidConf: there is none, or it holds something that cannot be kept as JSON.
    """
    try:
        value, _ = simplejson.JSONDecoder(strict=False, allow_nan=True).raw_decode(
            (text or "").lstrip("\ufeff \t\r\n")
        )
    except (ValueError, RecursionError) as exc:
        raise InvalidConf(f"{what} must be a JSON object: {exc}") from exc
    if not isinstance(value, dict):
        raise InvalidConf(f"{what} must be a JSON object, but is {conf_rules.java_text(value)[:80]}")
    try:
        msgspec.json.encode(value)
    except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as exc:
        raise InvalidConf(f"{what} holds what cannot be stored: {exc}") from exc
    return value


def parse_component(component: str, text: str | None) -> dict[str, Any]:
    """Return what a component sets for itself; unset, empty and null mean nothing.

    Raises:
        InvalidConf: it is no JSON object, or one of the keys that count breaks its rules.
    """
    if text is None or text.strip() in ("", "null"):
        return {}
    own = parse(text, what=f"the configuration of component [{component}]")
    try:
        check({key: value for key, value in own.items() if key in COMPONENT_KEYS or key in _PLACING_KEYS})
    except InvalidConf as exc:
        raise InvalidConf(f"Component: [{component}] {exc}") from exc
    return with_integers(own)


def check(conf: Mapping[str, Any]) -> None:
    """Return if every value of a key of Storm's keeps the key's rules; other keys pass.

    Raises:
        InvalidConf: Storm's text for the first that does not, in the order of Storm's Config.
    """
    for key in sorted(conf.keys() & RULES.keys(), key=_ORDER.__getitem__):
        conf_rules.check(*RULES[key], conf[key])


def cluster(overrides: Mapping[str, Any], here: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the conf of the cluster: Storm's defaults below what holds ``here`` below ``overrides``.

    Raises:
        InvalidConf: an override (a line of storm.yaml) breaks its key's rules.
    """
    check(overrides)
    return {**DEFAULTS, **(here or {}), **with_integers(overrides)}


def stored(
    submitted: Mapping[str, Any],
    cluster_conf: Mapping[str, Any],
    *,
    topology_id: str,
    name: str,
    owner: str,
    principal: str | None = None,
) -> dict[str, Any]:
    """Return what getTopologyConf shows: ``submitted`` with what Storm adds and without what it takes away.

    Source: storm:storm-server/src/main/java/org/apache/storm/daemon/nimbus/Nimbus.java (normalizeConf)
    """
    submitted = with_integers(submitted)
    merged = {**cluster_conf, **submitted}
    users = submitted.get("topology.users") or []
    users = [users] if isinstance(users, str) else [user for user in users if user is not None]
    kept = {key: value for key, value in submitted.items() if key not in _DROPPED}
    return kept | {
        **{key: merged.get(key) for key in FROM_CLUSTER},
        "storm.id": topology_id,
        "topology.name": name,
        "topology.submitter.principal": principal or "",
        "topology.submitter.user": owner,
        "topology.users": sorted({*users, owner}),
        "topology.kryo.register": _kryo_map(merged.get("topology.kryo.register") or ()),
        "topology.kryo.decorators": list(merged.get("topology.kryo.decorators") or ()),
    }


def effective(cluster_conf: Mapping[str, Any], stored_conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conf that holds for a whole topology, and that its tasks are told."""
    own = {key: cluster_conf.get(key) for key in _OF_THE_CLUSTER if key in stored_conf}
    return {**cluster_conf, **stored_conf, **own}


def component(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a component's own keys that count: `COMPONENT_KEYS`, and all that are not Storm's."""
    return {key: value for key, value in own.items() if key in COMPONENT_KEYS or key not in RULES}


def task_count(conf: Mapping[str, Any], own: Mapping[str, Any], hint: int) -> int:
    """Return how many tasks a component gets; ``hint`` is its parallelism, used where no number is set."""
    merged = {**conf, **own}
    wanted = merged.get("topology.tasks")
    most = merged.get("topology.max.task.parallelism")
    count = hint if wanted is None else int(wanted)
    return count if most is None else min(count, int(most))


def with_integers(conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy in which integer keys hold integers, never whole floats."""
    return {
        key: int(value) if isinstance(value, float) and key in _INTEGER_KEYS else value
        for key, value in conf.items()
    }


def _kryo_map(entries: Iterable[str | Mapping[str, Any]] | Mapping[str, Any]) -> dict[str, Any]:
    """Return class -> serializer; null where Storm is to take its own."""
    if isinstance(entries, Mapping):
        return dict(entries)
    registered: dict[str, Any] = {}
    for entry in entries:
        registered |= {entry: None} if isinstance(entry, str) else entry
    return registered


_ORDER: Final = {key: index for index, key in enumerate(RULES)}
_INTEGER_KEYS: Final = frozenset(
    key for key, (_, rules) in RULES.items() if {"integer", "long"} & set(rules.split())
)
