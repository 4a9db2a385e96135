"""Log levels, debug, credentials and restarts of running topologies, by real processes."""

from __future__ import annotations

import stat
import time
from typing import Any

import pytest
from thriftpy2.thrift import TApplicationException

from storm_compat.thrift import idl
from tests.cluster import Draft, Running, until
from tests.compat.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.differs("Log levels, debugging and counters are looked at inside Heronry"),
]


def chatty() -> Draft:
    draft = Draft()
    conf = {"topology.sleep.spout.wait.strategy.time.ms": 1}
    draft.spout("talks", "chatty.py", conf=conf)
    draft.bolt("sink", "sink.py", {"talks": "shuffle"})
    return draft


def update(level: str, timeout_s: int = 0) -> Any:
    storm = idl.load()
    return storm.LogLevel(storm.LogLevelAction.UPDATE, level, timeout_s)


def set_levels(running: Running, **levels: Any) -> None:
    config = idl.load().LogConfig(named_logger_level=levels)
    running.cluster.nimbus.setLogConfig(running.topology_id, config)


def quiet(running: Running, word: str) -> None:
    """Wait until a level is logged no more though the next one is."""

    def is_quiet() -> bool:
        before = running.log().count(f"said {word} ")
        time.sleep(0.3)
        return running.log().count(f"said {word} ") == before

    until(is_quiet, f"no {word}")


def loud(running: Running, word: str) -> None:
    """Wait until a level is logged again."""
    before = running.log().count(f"said {word} ")
    until(lambda: running.log().count(f"said {word} ") > before, f"{word} again")


def test_22_a_log_level_holds_for_components_and_for_the_engine_until_its_time_is_up(run: Run) -> None:
    running = run(chatty())
    nimbus, storm = running.cluster.nimbus, idl.load()
    assert nimbus.getLogConfig(running.topology_id).named_logger_level == {}
    loud(running, "debug")
    set_levels(running, ROOT=update("WARN", 4))
    epoch = nimbus.getLogConfig(running.topology_id).named_logger_level["ROOT"].reset_log_level_timeout_epoch
    assert abs(epoch / 1000 - time.time() - 4) < 3
    quiet(running, "info")
    loud(running, "warn")
    loud(running, "info")  # after its time
    assert nimbus.getLogConfig(running.topology_id).named_logger_level == {}
    set_levels(running, talks=update("ERROR"), ROOT=update("DEBUG"))
    quiet(running, "warn")
    loud(running, "error")
    until(lambda: "log levels changed levels=ROOT=DEBUG,talks=ERROR" in running.log(), "the engine's too")
    set_levels(running, talks=storm.LogLevel(storm.LogLevelAction.REMOVE))
    loud(running, "debug")


def test_a_level_is_told_to_components_that_start_and_outlives_nimbus(run: Run) -> None:
    running = run(chatty())
    loud(running, "info")
    set_levels(running, talks=update("WARN"))
    running.cluster.kill_nimbus()
    running.cluster.start()
    nimbus, storm = running.cluster.nimbus, idl.load()
    levels = nimbus.getLogConfig(running.topology_id).named_logger_level
    assert levels["talks"].target_log_level == "WARN"
    worker = storm.NodeInfo("here", {6700})
    (container,) = running.pids("scheduler.run.container")
    nimbus.setWorkerProfiler(
        running.topology_id, storm.ProfileRequest(worker, storm.ProfileAction.JVM_RESTART)
    )
    hellos = until(lambda: running.notes("talks", what="handshake")[1:], "started anew")
    assert "pystorm.log.level" not in running.notes("talks", what="handshake")[0]["conf"]
    assert container not in running.pids("scheduler.run.container")
    quiet(running, "info")
    assert hellos[0]["conf"]["pystorm.log.level"] == "warn"


def test_workers_that_do_not_exist_and_what_needs_a_jvm_are_refused(run: Run) -> None:
    running = run(chatty())
    nimbus, storm = running.cluster.nimbus, idl.load()
    for action, port, text in (
        ("JVM_RESTART", 6799, "has no worker there"),
        ("JMAP_DUMP", 6700, "needs a JVM"),
    ):
        request = storm.ProfileRequest(
            storm.NodeInfo("here", {port}), storm.ProfileAction._NAMES_TO_VALUES[action]
        )
        with pytest.raises(TApplicationException, match=text):
            nimbus.setWorkerProfiler(running.topology_id, request)
    assert nimbus.getComponentPendingProfileActions(running.topology_id, "talks", 5) == []
    with pytest.raises(TApplicationException):
        nimbus.getLogConfig("x-1-2")


def test_emits_are_shown_while_a_component_is_debugged(run: Run) -> None:
    running = run(chatty())
    nimbus = running.cluster.nimbus
    loud(running, "info")
    assert "Emitting" not in running.log()
    nimbus.debug(running.name, "talks", True, 100.0)
    until(lambda: 'Emitting: talks default ["value' in running.log(), "emits are shown")
    nimbus.debug(running.name, "talks", False, 0.0)

    def is_quiet() -> bool:
        before = running.log().count("Emitting")
        time.sleep(0.3)
        return running.log().count("Emitting") == before

    until(is_quiet, "no emits are shown")
    nimbus.debug(running.name, "", True, 250.0)
    shown = running.info().component_debug
    assert {key: (debug.enable, debug.samplingpct) for key, debug in shown.items()} == {
        "talks": (False, 100.0),
        running.topology_id: (True, 100.0),
    }
    page = nimbus.getComponentPageInfo(running.topology_id, "talks", None, False)
    assert (page.debug_options.enable, page.debug_options.samplingpct) == (False, 100.0)


def test_topology_debug_shows_all_emits(run: Run) -> None:
    running = run(chatty(), {"topology.debug": True})
    until(lambda: 'Emitting: talks default ["value 0"]' in running.log(), "emits are shown")


def test_23_credentials_are_merged_for_the_owner_and_only_this_user_may_read_them(run: Run) -> None:
    running = run(chatty())
    nimbus, storm = running.cluster.nimbus, idl.load()
    nimbus.uploadNewCredentials(running.name, storm.Credentials({"user": "u", "password": "s3cret-1"}))
    nimbus.uploadNewCredentials(running.name, storm.Credentials({"password": "s3cret-2"}))
    with pytest.raises(storm.AuthorizationException, match="is expected to be owned by eve but is actually"):
        nimbus.uploadNewCredentials(running.name, storm.Credentials({"x": "y"}, topoOwner="eve"))
    with pytest.raises(storm.NotAliveException, match="nosuch is not alive"):
        nimbus.uploadNewCredentials("nosuch", storm.Credentials({}))
    folder = running.cluster.root / "state" / "topologies" / running.topology_id
    (kept,) = folder.glob("credentials@*")
    text = kept.read_text()
    assert '"user": "u"' in text
    assert '"password": "s3cret-2"' in text
    reachable = [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (kept, *kept.parents)]
    assert 0 in reachable[: len(kept.relative_to(running.cluster.root).parts) + 1]
    assert "s3cret" not in running.cluster.output()
    assert "s3cret" not in (running.cluster.root / "logs" / "nimbus.log").read_text()
    running.cluster.kill(running.name)
    assert not folder.exists()
    assert running.topology_id in nimbus.getTopologyHistory(None).topo_ids
    assert running.topology_id not in nimbus.getTopologyHistory("eve").topo_ids
