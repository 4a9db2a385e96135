"""Settings read from a Storm conf."""

from __future__ import annotations

import re

import pytest

from scheduler.config import StreamConfig
from scheduler.errors import TopologyError


def test_accelerate_must_be_a_boolean() -> None:
    assert StreamConfig.from_conf({"heronry.accelerate": True}).is_accelerated
    with pytest.raises(TopologyError, match=r"heronry\.accelerate must be true or false, not 'yes'"):
        StreamConfig.from_conf({"heronry.accelerate": "yes"})


def test_an_empty_conf_has_storms_defaults() -> None:
    config = StreamConfig.from_conf({})
    assert config == StreamConfig()
    assert (config.message_timeout_s, config.has_timeouts, config.acker_count) == (30, True, None)
    assert (config.max_spout_pending, config.shellbolt_max_pending, config.spout_wait_ms) == (None, 100, 1)
    assert (config.high_mark_bytes, config.low_mark_bytes) == (256 * 1024, 64 * 1024)


def test_known_keys_are_read_and_others_left_alone() -> None:
    config = StreamConfig.from_conf(
        {
            "topology.message.timeout.secs": 5,
            "topology.enable.message.timeouts": False,
            "topology.acker.executors": 0,
            "topology.max.spout.pending": 7,
            "topology.tick.tuple.freq.secs": 3,
            "heronry.spout.strict": True,
            "some.users.key": {"any": ["thing"]},
        }
    )
    assert config == StreamConfig(
        message_timeout_s=5,
        has_timeouts=False,
        acker_count=0,
        max_spout_pending=7,
        tick_frequency_s=3,
        is_strict_spout=True,
    )


def test_null_means_not_set() -> None:
    conf = dict.fromkeys(
        ("topology.message.timeout.secs", "topology.max.spout.pending", "heronry.spout.strict")
    )
    assert StreamConfig.from_conf(conf) == StreamConfig()


def test_silence_is_judged_by_the_workers_limit_unless_the_component_has_one() -> None:
    assert StreamConfig.from_conf({"supervisor.worker.timeout.secs": 9}).silence_limit_s == 9
    both = {"supervisor.worker.timeout.secs": 9, "topology.subprocess.timeout.secs": 4}
    assert StreamConfig.from_conf(both).silence_limit_s == 4


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("topology.message.timeout.secs", "30", "must be a number, not '30'"),
        ("topology.message.timeout.secs", True, "must be a number, not True"),
        ("topology.message.timeout.secs", -1, "must be at least 0, not -1"),
        ("topology.message.timeout.secs", float("nan"), "must be at least 0, not nan"),
        ("topology.max.spout.pending", 0, "must be at least 1, not 0"),
        ("topology.max.spout.pending", [1], "must be a number, not [1]"),
        ("topology.shellbolt.max.pending", 0, "must be at least 1, not 0"),
        ("topology.tick.tuple.freq.secs", -1, "must be at least 0, not -1"),
        ("topology.enable.message.timeouts", "false", "must be true or false, not 'false'"),
        ("heronry.stream.queue.low.bytes", "64k", "must be a number, not '64k'"),
        ("heronry.stream.queue.high.bytes", {}, "must be a number, not {}"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_key(key: str, value: object, message: str) -> None:
    with pytest.raises(TopologyError, match=f"^{re.escape(f'{key} {message}')}$"):
        StreamConfig.from_conf({key: value})


def test_the_low_mark_must_not_exceed_the_high_one() -> None:
    with pytest.raises(TopologyError, match=r"low\.bytes \(65536\) must not exceed .*high\.bytes \(1000\)"):
        StreamConfig.from_conf({"heronry.stream.queue.high.bytes": 1000})


@pytest.mark.parametrize("value", [0.5, float("inf")])
def test_what_is_counted_must_be_whole(value: float) -> None:
    # A tick each 0.5 s was rounded to one each 0 s, and a container did nothing else any more.
    with pytest.raises(TopologyError, match=r"topology\.tick\.tuple\.freq\.secs must be a whole number"):
        StreamConfig.from_conf({"topology.tick.tuple.freq.secs": value})


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert StreamConfig.from_conf({"topology.tick.tuple.freq.secs": 2.0}).tick_frequency_s == 2
