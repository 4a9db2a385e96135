"""What a client orders over REST, read into the structs of the handler's methods. Pure.

Texts and JSON come from outside: everything is checked, and what is wrong is said.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from storm_compat.errors import BadRequest
from storm_compat.rest.queries import number
from storm_compat.thrift import idl

LEVELS: Final = ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL")
MAX_WAIT_S: Final = 2**31 - 1
EXAMPLE_LEVELS: Final = '{"namedLoggerLevels": {"ROOT": {"target_level": "DEBUG", "timeout": 30}}}'
EXAMPLE_REBALANCE: Final = '{"rebalanceOptions": {"numWorkers": 2, "executors": {"bolt": 3}}}'


def wait_s(text: str) -> int:
    """Return how long to wait before an order is carried out.

    Raises:
        BadRequest: it is no number of seconds.
    """
    wait = number(text, "the wait")
    if wait > MAX_WAIT_S:
        raise BadRequest(f"the wait must be at most {MAX_WAIT_S} s")
    return wait


def is_on(action: str) -> bool:
    """Return whether debugging is switched on rather than off.

    Raises:
        BadRequest: it is neither.
    """
    if action not in ("enable", "disable"):
        raise BadRequest(f"debug is to be enabled or disabled, not {action[:40]!r}")
    return action == "enable"


def rebalance_options(wait: str, body: str) -> Any:
    """Return RebalanceOptions; like Storm 1.x, take numbers from the body, which may be empty.

    Raises:
        BadRequest: the wait or the body is not what it should be.
    """
    wanted = _object(_document(body, EXAMPLE_REBALANCE).get("rebalanceOptions", {}), EXAMPLE_REBALANCE)
    executors = _object(wanted.get("executors", {}), EXAMPLE_REBALANCE)
    workers = wanted.get("numWorkers")
    return idl.load().RebalanceOptions(
        wait_secs=wait_s(wait),
        num_workers=None if workers is None else _count(workers, "numWorkers"),
        num_executors={name: _count(count, f"executors of {name}") for name, count in executors.items()}
        or None,
    )


def log_configs(body: str) -> list[Any]:
    """Return one LogConfig for each logger in the body, as Storm sets them one by one.

    Raises:
        BadRequest: the body is not what it should be.
    """
    storm = idl.load()
    loggers = _object(_document(body, EXAMPLE_LEVELS).get("namedLoggerLevels"), EXAMPLE_LEVELS)
    configs = []
    for logger, wanted in loggers.items():
        level = _object(wanted, EXAMPLE_LEVELS)
        target = level.get("target_level")
        if target is None:
            change = storm.LogLevel(action=storm.LogLevelAction.REMOVE)
        else:
            if not isinstance(target, str) or target.upper() not in LEVELS:
                raise BadRequest(f"target_level of {logger} must be one of {', '.join(LEVELS)}")
            change = storm.LogLevel(
                action=storm.LogLevelAction.UPDATE,
                target_log_level=target.upper(),
                reset_log_level_timeout_secs=_count(level.get("timeout") or 0, f"timeout of {logger}"),
            )
        configs.append(storm.LogConfig(named_logger_level={logger: change}))
    return configs


def profile_request(host_port: str, action: int, until_ms: int) -> Any:
    """Return a ProfileRequest for one worker.

    Raises:
        BadRequest: that is not HOST:PORT.
    """
    storm = idl.load()
    host, separator, port = host_port.rpartition(":")
    if not separator or not host:
        raise BadRequest(f"a worker is named as HOST:PORT, not {host_port[:80]!r}")
    return storm.ProfileRequest(
        nodeInfo=storm.NodeInfo(node=host, port=[number(port, "the port")]),
        action=action,
        time_stamp=until_ms,
    )


def _document(body: str, example: str) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        return _object(msgspec.json.decode(body), example)
    except (ValueError, msgspec.MsgspecError, RecursionError) as exc:
        raise BadRequest(f"the body must be JSON such as {example}: {exc}") from exc


def _object(value: Any, example: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"the body must be like {example}")
    return value


def _count(value: Any, what: str) -> int:
    """Return a number that may have been written as text, as forms do."""
    if isinstance(value, str):
        value = number(value, what)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise BadRequest(f"{what} must be a whole number from 0 on")
    return value
