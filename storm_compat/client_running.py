"""What can be changed about a running topology, as `storm_compat.client` has it: plain values in and out.

with NimbusClient(address) as nimbus:
    nimbus.running.rebalance("wc", RebalanceOrder(worker_count=3))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from storm_compat.thrift import idl


@dataclass(frozen=True, slots=True)
class RebalanceOrder:
    """What is to change; what is not named stays as it is."""

    wait_s: int | None = None
    """How long the spouts rest first; None: for the topology's message timeout."""

    worker_count: int | None = None
    executor_counts: Mapping[str, int] = field(default_factory=dict)
    conf: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogLevel:
    """A log level that holds."""

    level: str
    until_s: float | None = None
    """When that is over: seconds since the epoch; None: it stays."""


class RunningClient:
    """Calls of one connection; ``call`` is `NimbusClient`'s, and raises what it raises."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def rebalance(self, name: str, order: RebalanceOrder) -> None:
        """Place the tasks of a topology anew, after a wait."""
        self._call("rebalance", name, _options(order))

    def rebalance_plan(self, name: str, order: RebalanceOrder) -> dict[str, Any]:
        """Return what that would do, as Nimbus sees it now; only Heronry's can say it.

        Raises:
            NimbusFailed: it is a Nimbus of Storm's.
        """
        plan: dict[str, Any] = json.loads(self._call("getRebalancePlan", name, _options(order)))
        return plan

    def log_levels(self, name: str) -> dict[str, LogLevel]:
        """Return the levels that were set, by logger, component or ROOT."""
        config = self._call("getLogConfig", self._id_of(name))
        return {
            logger: LogLevel(
                level.target_log_level or "",
                None
                if level.reset_log_level_timeout_epoch is None
                else level.reset_log_level_timeout_epoch / 1000,
            )
            for logger, level in sorted((config.named_logger_level or {}).items())
        }

    def change_log_levels(
        self, name: str, levels: Mapping[str, tuple[str, int]], removed: Sequence[str] = ()
    ) -> None:
        """Set levels, each for so many seconds (0: for good), and take others back."""
        storm = idl.load()
        action = storm.LogLevelAction
        named = {logger: storm.LogLevel(action.REMOVE) for logger in removed}
        for logger, (level, timeout_s) in levels.items():
            named[logger] = storm.LogLevel(action.UPDATE, level, timeout_s)
        self._call("setLogConfig", self._id_of(name), storm.LogConfig(named_logger_level=named))

    def add_credentials(self, name: str, credentials: Mapping[str, str]) -> None:
        """Keep credentials with a topology, over those that it has."""
        self._call("uploadNewCredentials", name, idl.load().Credentials(creds=dict(credentials)))

    def _id_of(self, name: str) -> str:
        topology_id: str = self._call("getTopologySummaryByName", name).id
        return topology_id


def _options(order: RebalanceOrder) -> Any:
    return idl.load().RebalanceOptions(
        wait_secs=order.wait_s,
        num_workers=order.worker_count,
        num_executors=dict(order.executor_counts) or None,
        topology_conf_overrides=json.dumps(order.conf) if order.conf else None,
    )
