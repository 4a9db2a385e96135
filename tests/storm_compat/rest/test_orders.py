import pytest

from storm_compat.errors import BadRequest
from storm_compat.rest import orders
from storm_compat.thrift import idl


def test_rebalance_takes_its_numbers_from_the_body_as_storm_1_did() -> None:
    body = '{"rebalanceOptions": {"numWorkers": 2, "executors": {"c": "3"}}}'
    options = orders.rebalance_options("5", body)
    assert (options.wait_secs, options.num_workers, options.num_executors) == (5, 2, {"c": 3})


@pytest.mark.parametrize("body", ["", "  ", "{}", '{"rebalanceOptions": {}}'])
def test_rebalance_without_numbers(body: str) -> None:
    options = orders.rebalance_options("0", body)
    assert (options.wait_secs, options.num_workers, options.num_executors) == (0, None, None)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{",
        '{"rebalanceOptions": 3}',
        '{"rebalanceOptions": {"numWorkers": "many"}}',
        '{"rebalanceOptions": {"numWorkers": true}}',
        '{"rebalanceOptions": {"executors": [1]}}',
        '{"rebalanceOptions": {"executors": {"c": -1}}}',
        '{"rebalanceOptions": {"numWorkers": 99999999999}}',
        "[" * 100_000,
    ],
)
def test_a_body_that_makes_no_sense_is_refused(body: str) -> None:
    with pytest.raises(BadRequest):
        orders.rebalance_options("0", body)


@pytest.mark.parametrize("wait", ["-1", "soon", "", str(2**31)])
def test_a_wait_must_be_seconds(wait: str) -> None:
    with pytest.raises(BadRequest, match="the wait"):
        orders.wait_s(wait)


def test_log_levels_are_set_one_by_one() -> None:
    storm = idl.load()
    levels = '"ROOT": {"target_level": "debug", "timeout": 30}, "x": {"target_level": null}'
    root, other = orders.log_configs('{"namedLoggerLevels": {' + levels + "}}")
    assert root.named_logger_level == {
        "ROOT": storm.LogLevel(
            action=storm.LogLevelAction.UPDATE, target_log_level="DEBUG", reset_log_level_timeout_secs=30
        )
    }
    assert other.named_logger_level == {"x": storm.LogLevel(action=storm.LogLevelAction.REMOVE)}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"namedLoggerLevels": {"ROOT": "DEBUG"}}',
        '{"namedLoggerLevels": {"ROOT": {"target_level": "LOUD"}}}',
        '{"namedLoggerLevels": {"ROOT": {"target_level": "DEBUG", "timeout": -1}}}',
    ],
)
def test_log_levels_that_make_no_sense_are_refused(body: str) -> None:
    with pytest.raises(BadRequest):
        orders.log_configs(body)


def test_a_worker_is_a_host_and_a_port() -> None:
    request = orders.profile_request("h:6700", 4, 99)
    assert (request.nodeInfo.node, request.nodeInfo.port, request.action) == ("h", [6700], 4)
    for wrong in ("h", ":6700", "h:", "h:x"):
        with pytest.raises(BadRequest):
            orders.profile_request(wrong, 4, 99)


def test_debugging_is_enabled_or_disabled() -> None:
    assert (orders.is_on("enable"), orders.is_on("disable")) == (True, False)
    with pytest.raises(BadRequest, match="enabled or disabled"):
        orders.is_on("on")
