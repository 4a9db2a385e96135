"""Settings that name Java code which would run beside the components, and does not here.

A topology works without it, so it is no reason to refuse one; but whoever set
it is to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LISTS_OF_ENTRIES: Final = {
    "topology.metrics.consumer.register": "org.apache.storm.metric.LoggingMetricsConsumer",
    "topology.event.logger.register": "org.apache.storm.metric.FileBasedEventLogger",
}
"""Key -> the class that is built in."""

_HANDLER_KEY: Final = "topology.multilang.log.handler"
_HANDLER: Final = "DefaultShellLogHandler"
_HOOKS_KEY: Final = "topology.auto.task.hooks"


def not_run(conf: Mapping[str, Any], code: Any) -> str:
    """Return a sentence on what of a topology's Java code is not run; empty if there is none.

    Args:
        conf: effective, and valid.
        code: the StormTopology.
    """
    found: list[str] = []
    for key, built_in in _LISTS_OF_ENTRIES.items():
        classes = [str(entry["class"]) for entry in conf.get(key) or () if entry]
        if others := [name for name in classes if name != built_in]:
            found.append(f"{key} ({', '.join(others)})")
    if hooks := conf.get(_HOOKS_KEY):
        found.append(f"{_HOOKS_KEY} ({', '.join(map(str, hooks))})")
    handler = conf.get(_HANDLER_KEY)
    if handler and str(handler).rpartition(".")[2] != _HANDLER:
        found.append(f"{_HANDLER_KEY} ({handler})")
    if code.worker_hooks:
        found.append("worker hooks")
    return f"runs without what is Java code: {'; '.join(found)}" if found else ""
