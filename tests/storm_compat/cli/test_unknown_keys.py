"""Settings with a slip of the pen."""

from __future__ import annotations

from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from storm_compat.cli.unknown_keys import warnings
from storm_compat.thrift import idl
from tests.storm_compat.builders import common, shell


def binary(conf: object = None) -> bytes:
    """Return a topology of one spout with that conf."""
    storm = idl.load()
    spouts = {"words": storm.SpoutSpec(shell(), common(conf=conf))}
    written = TCyMemoryBuffer()
    storm.StormTopology(spouts=spouts, bolts={}, state_spouts={}).write(TCyBinaryProtocol(written))
    return bytes(written.getvalue())


def test_a_setting_of_topologies_or_anybody_elses_is_no_news() -> None:
    conf = {"heronry.accelerate": True, "heronry.multilang.metrics.gauges": [], "lake.depth": 3}
    assert warnings(conf, binary({"heronry.spout.window": 4})) == []


def test_a_slip_of_the_pen_is_met_with_what_was_meant() -> None:
    of_topology, of_component = warnings({"heronry.acelerate": True}, binary({"heronry.spout.windw": 4}))
    assert of_topology == (
        "Warning: heronry.acelerate is no setting of topologies, and does nothing."
        " Did you mean heronry.accelerate?"
    )
    assert "Did you mean heronry.spout.window or" in of_component


def test_what_is_like_nothing_is_met_with_all_there_is() -> None:
    (told,) = warnings({"heronry.qqqqqqqqqq": 1}, binary())
    assert "There are: heronry.accelerate, heronry.multilang.metrics.gauges, " in told
