from __future__ import annotations

import asyncio
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from scheduler.control.messages import Answer
from scheduler.errors import InvalidTransition, PackingError, StateError
from scheduler.state.records import DebugRecord, SettingsRecord, Status, StatusRecord, path_of
from storm_compat import keys
from storm_compat.blob_acl import WORLD
from storm_compat.blob_files import BlobMeta
from storm_compat.errors import (
    AlreadyAlive,
    InvalidConf,
    InvalidJar,
    InvalidSetting,
    InvalidTopology,
    NoSuchComponent,
    NotAlive,
    NotAuthorized,
    NoWorker,
)
from storm_compat.thrift import idl
from storm_compat.topologies import Topologies
from tests.storm_compat.builders import common, jar, spout, topology, word_count
from tests.storm_compat.fakes import FakeLauncher, World, play, until
from tests.storm_compat.views import report


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def status(topologies: Topologies, name: str = "wc") -> str:
    return topologies.named(name).status.status.value


def kept_files(world: World) -> set[str]:
    """Return all files but the store's own, the counter, the history and the logs."""
    return {
        path.relative_to(world.layout.root).as_posix()
        for path in world.layout.root.rglob("*")
        if path.is_file() and not path.name.startswith((".", "counter@", "history@"))
    }


def put_blob(world: World, key: str, data: bytes) -> None:
    files = world.depot.blob_files
    upload = files.begin(key)
    files.append(upload, key, data)
    if key in files.keys():  # noqa: SIM118  no dictionary
        files.replace(key, upload)
    else:
        files.create(key, upload, BlobMeta((WORLD,)))


BLOBS = {"topology.blobstore.map": {"a": {"localname": "words"}, "b": {"workerRestart": True}}}


def restart_version(world: World, topology_id: str) -> int:
    return world.store.get(f"topologies/{topology_id}/restart")[1]


def test_links_to_blobs_follow_the_newest_content(world: World) -> None:
    async def story() -> None:
        put_blob(world, "a", b"a1")
        put_blob(world, "b", b"b1")
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission(conf=BLOBS))
            folder = world.layout.topology(topology_id)
            assert [(folder / name).read_bytes() for name in ("words", "b")] == [b"a1", b"b1"]
            assert restart_version(world, topology_id) == 0
            put_blob(world, "a", b"a2")
            topologies.blob_updated("a")
            await until(lambda: (folder / "words").read_bytes() == b"a2")
            assert restart_version(world, topology_id) == 0
            put_blob(world, "b", b"b2")
            topologies.blob_updated("b")
            await until(lambda: restart_version(world, topology_id) == 1)
            assert (folder / "b").read_bytes() == b"b2"
            topologies.kill("wc", 0)
            await until(lambda: topologies.all() == [])
        assert world.depot.blob_files.keys() == ["a", "b"]
        assert not folder.exists()

    play(story)


def test_a_blob_that_changed_while_nimbus_was_away_is_taken_by_the_next_one(world: World) -> None:
    async def story() -> None:
        put_blob(world, "a", b"a1")
        put_blob(world, "b", b"b1")
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission(conf=BLOBS))
        put_blob(world, "b", b"b2")
        async with world.nimbus():
            await until(lambda: restart_version(world, topology_id) == 1)
            assert (world.layout.topology(topology_id) / "b").read_bytes() == b"b2"

    play(story)


def test_a_content_that_cannot_be_unpacked_is_told_and_the_old_one_stays(world: World) -> None:
    async def story() -> None:
        put_blob(world, "a", jar(world.folder / "a.zip", {"x": "1"}).read_bytes())
        async with world.nimbus() as topologies:
            conf = {"topology.blobstore.map": {"a": {"uncompress": True}}}
            topology_id = await topologies.submit(world.submission(conf=conf))
            put_blob(world, "a", jar(world.folder / "a.zip", {"../x": "2"}).read_bytes())
            topologies.blob_updated("a")
            await until(lambda: bool(topologies.named("wc").troubles))
            (trouble,) = topologies.named("wc").troubles
            assert "could not be taken: it holds a file that leads out of its folder" in trouble.text
            assert (world.layout.topology(topology_id) / "a" / "x").read_text() == "1"

    play(story)


@pytest.mark.parametrize("data", [b"", b"no archive"])
def test_a_submission_whose_blobs_cannot_be_had_leaves_nothing(world: World, data: bytes) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            if data:
                put_blob(world, "b", jar(world.folder / "b.zip", {"../x": "1"}).read_bytes())
            conf = {"topology.blobstore.map": {"b": {"uncompress": True}}}
            with pytest.raises(InvalidTopology, match="leads out" if data else "^Key not found: b$"):
                await topologies.submit(world.submission(conf=conf))
            assert topologies.all() == []
        assert not any(world.layout.topology("x").parent.iterdir())

    play(story)


def test_the_dependency_jars_of_a_topology_go_with_it_and_its_artifacts_stay(world: World) -> None:
    async def story() -> None:
        put_blob(world, "dep-a-1.jar", b"jar")
        put_blob(world, "dep-g-a-1.jar", b"artifact")
        code = word_count()
        code.dependency_jars, code.dependency_artifacts = (
            ["dep-a-1.jar", "../x", "gone.jar"],
            ["dep-g-a-1.jar"],
        )
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission(code=code))
            assert world.depot.code(topology_id).dependency_jars == code.dependency_jars
            assert world.depot.code(topology_id).dependency_artifacts == ["dep-g-a-1.jar"]
            topologies.kill("wc", 0)
            await until(lambda: topologies.all() == [])
        assert world.depot.blob_files.keys() == ["dep-g-a-1.jar"]

    play(story)


def test_a_dependency_jar_stays_as_long_as_another_topology_needs_it(world: World) -> None:
    async def story() -> None:
        for key in ("shared", "a", "b"):
            put_blob(world, key, b"x")
        code = word_count()
        code.dependency_jars = ["shared", "a"]
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission("one", code=code))
            await topologies.submit(world.submission("two", code=code))
            await topologies.submit(world.submission("three", BLOBS))
            for name, left in (
                ("one", ["a", "b", "shared"]),
                ("two", ["a", "b"]),
                ("three", ["a", "b"]),
            ):
                topologies.kill(name, 0)
                await until(lambda name=name: topologies.is_free(name))
                assert world.depot.blob_files.keys() == left

    play(story)


def test_a_submission_is_kept_and_started(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            assert topology_id == "wc-1-1700000000"
            assert [alive.topology_id for alive in topologies.all()] == [topology_id]
            assert status(topologies) == "ACTIVE"
            assert world.depot.status(topology_id) == StatusRecord(Status.ACTIVE)
            await until(lambda: world.launcher.calls == ["start wc 0"])
            assert world.depot.process(topology_id) is not None
        assert kept_files(world) == {
            "blobs/wc-1-1700000000-stormcode.ser",
            "blobs/wc-1-1700000000-stormconf.ser",
            "blobs/wc-1-1700000000-stormjar.jar",
            "topologies/wc-1-1700000000/resources/bolts/x.py",
            *(
                f"state/topologies/wc-1-1700000000/{leaf}@0.json"
                for leaf in ("packing", "processes/0", "secret", "status", "submission", "topology")
            ),
        }
        code = world.depot.code(topology_id)
        assert code.bolts["count"].common.json_conf == '{"topology.tasks": 2}'
        assert '"storm.id": "wc-1-1700000000"' in world.depot.conf(topology_id)

    play(story)


def test_ids_go_on_counting_after_a_restart(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission("a"))
        async with world.nimbus() as topologies:
            assert await topologies.submit(world.submission("b-c d")) == "b-c d-2-1700000000"

    play(story)


def test_an_inactive_submission_has_no_process_until_it_is_activated(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission(is_active=False))
            await topologies.submit(world.submission("other"))
            await until(lambda: "start other 0" in world.launcher.calls)
            assert status(topologies) == "INACTIVE"
            assert world.depot.process(topology_id) is None
        async with world.nimbus() as topologies:
            topologies.deactivate("wc")
            topologies.deactivate("other")
            await topologies.answer(topologies.named("wc"))
            assert not topologies.named("wc").has_started
            assert topologies.named("other").has_started
            topologies.activate("wc")
            await until(lambda: "start wc 0" in world.launcher.calls)
            assert status(topologies) == "ACTIVE"
            topologies.deactivate("wc")
        async with world.nimbus() as topologies:
            assert topologies.named("wc").has_started
        assert world.launcher.calls.count("start wc 0") == 1

    play(story)


def test_what_never_started_is_removed_as_anything_else(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission(is_active=False))
            topologies.kill("wc", 0)
            await until(lambda: not topologies.all())
            assert kept_files(world) == set()

    play(story)


def test_a_name_can_be_in_use_once(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            both = await asyncio.gather(
                topologies.submit(world.submission()),
                topologies.submit(world.submission()),
                return_exceptions=True,
            )
            assert sorted(map(type, both), key=str) == sorted([str, AlreadyAlive], key=str)
            assert "wc is already alive" in str(both)
            assert not topologies.is_free("wc")
            assert topologies.is_free("other")
            assert not topologies.is_free("a/b")

    play(story)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code": topology({})}, PackingError),
        ({"code": topology({"__x": spout()})}, InvalidTopology),
    ],
)
def test_a_refused_submission_leaves_nothing(
    world: World, change: dict[str, Any], error: type[Exception]
) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            with pytest.raises(error):
                await topologies.submit(world.submission(**change))
            world.jar.write_bytes(b"no zip")
            with pytest.raises(InvalidJar):
                await topologies.submit(world.submission())
            assert topologies.all() == []
            assert topologies.is_free("wc")
        assert kept_files(world) == set()
        assert world.launcher.calls == []

    play(story)


def test_activate_and_deactivate_may_be_said_twice(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            topologies.activate("wc")
            topologies.deactivate("wc")
            topologies.deactivate("wc")
            assert world.depot.status(topology_id) == StatusRecord(Status.INACTIVE)
            await until(lambda: len(world.masters.nudged) == 1)

    play(story)


def test_unknown_names_are_not_alive(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            for call in (
                topologies.activate,
                topologies.deactivate,
                topologies.kill,
                lambda name: topologies.rebalance(name, None),
            ):
                with pytest.raises(NotAlive, match=r"^x is not alive$"):
                    call("x")
            with pytest.raises(NotAlive, match=r"^x-1-2$"):
                topologies.with_id("x-1-2")

    play(story)


def test_a_kill_without_wait_removes_everything_at_once(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            await until(lambda: bool(world.launcher.running))
            topologies.kill("wc", 0)
            assert status(topologies) == "KILLED"
            assert not topologies.is_free("wc")
            await until(lambda: topologies.is_free("wc"))
            assert world.launcher.calls == ["start wc 0", "stop 101", "sweep wc all"]
            assert kept_files(world) == set()
            await topologies.submit(world.submission())

    play(story)


def test_a_kill_waits_for_the_message_timeout_or_as_long_as_it_says(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            a = await topologies.submit(world.submission("a", {"topology.message.timeout.secs": 3}))
            b = await topologies.submit(world.submission("b"))
            topologies.kill("a")
            topologies.kill("b", 60)
            assert world.depot.status(a) == StatusRecord(Status.KILLED, 3.0)
            assert world.depot.status(b) == StatusRecord(Status.KILLED, 60.0)
            world.now += 2.9
            topologies._waits_changed.set()
            await asyncio.sleep(0)
            assert not topologies.is_free("a")
            world.now += 0.2
            topologies._waits_changed.set()
            await until(lambda: topologies.is_free("a"))
            assert not topologies.is_free("b")

    play(story)


def test_of_two_kills_the_earlier_end_counts(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            for name in ("a", "b"):
                await topologies.submit(world.submission(name))
            topologies.kill("a", 60)
            topologies.kill("a", 0)
            topologies.kill("b", 1)
            topologies.kill("b", 60)
            await until(lambda: topologies.is_free("a"))
            world.now += 1
            topologies._waits_changed.set()
            await until(lambda: topologies.is_free("b"))

    play(story)


def test_a_killed_topology_takes_no_other_orders(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            topologies.kill("wc", 60)
            with pytest.raises(InvalidTransition) as caught:
                topologies.activate("wc")
            assert str(caught.value) == (
                f"No transition for event: ACTIVATE, status: KILLED storm-id: {topology_id}"
            )

    play(story)


def test_the_wait_of_a_kill_begins_anew_with_a_new_nimbus(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            topologies.kill("wc", 60)
        world.now += 50
        async with world.nimbus() as topologies:
            assert status(topologies) == "KILLED"
            world.now += 59
            topologies._waits_changed.set()
            await asyncio.sleep(0)
            assert not topologies.is_free("wc")
            world.now += 1
            topologies._waits_changed.set()
            await until(lambda: topologies.is_free("wc"))

    play(story)


def test_a_removal_that_fails_is_tried_again_and_shown(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            await until(lambda: bool(world.launcher.running))
            world.launcher.stop_fails_with = "it hangs in the kernel"
            topologies.kill("wc", 0)
            await until(lambda: bool(topologies.named("wc").troubles))
            assert "it hangs in the kernel" in topologies.named("wc").troubles[-1].text
            world.launcher.stop_fails_with = ""
            world.now += 1
            topologies._waits_changed.set()
            await until(lambda: topologies.is_free("wc"))

    play(story)


def options(**what: Any) -> Any:
    return idl.load().RebalanceOptions(**what)


async def wait(world: World, topologies: Topologies, seconds: float) -> None:
    """Let time pass, and whatever is due then happen."""
    world.now += seconds
    topologies._waits_changed.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_a_rebalance_waits_and_then_keeps_another_plan_and_goes_on(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission(conf={"topology.message.timeout.secs": 3}))
            before = topologies.named("wc").kept
            order = options(num_workers=2, num_executors={"count": 1}, topology_conf_overrides='{"k": 1}')
            topologies.rebalance("wc", order)
            kept = world.depot.status(topology_id)
            assert (kept.status, kept.wait_s, kept.previous) == (Status.REBALANCING, 3.0, Status.ACTIVE)
            assert world.depot.read(topology_id) == before
            await wait(world, topologies, 2.9)
            assert status(topologies) == "REBALANCING"
            await wait(world, topologies, 0.2)
            assert status(topologies) == "ACTIVE"
            after = topologies.named("wc").kept
            assert world.depot.read(topology_id) == after
            assert world.depot.status(topology_id) == StatusRecord(Status.ACTIVE, plan_version=1)
            assert [c.container_id for c in after.packing.containers] == [1, 2]
            assert after.packing.version == 1
            assert after.topology.component("count").executor_count == 1
            assert '"k": 1' in world.depot.conf(topology_id)
            await until(lambda: len(world.masters.nudged) == 2)

    play(story)


def test_a_rebalance_may_bring_links_to_blobs(world: World) -> None:
    async def story() -> None:
        put_blob(world, "a", b"a1")
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            overrides = json.dumps({"topology.blobstore.map": {"a": {"localname": "../a"}}})
            with pytest.raises(InvalidConf, match="without folders"):
                topologies.rebalance("wc", options(topology_conf_overrides=overrides))
            overrides = json.dumps({"topology.blobstore.map": {"a": {}}})
            topologies.rebalance("wc", options(wait_secs=0, topology_conf_overrides=overrides))
            link = world.layout.topology(topology_id) / "a"
            await until(link.exists)
            assert link.read_bytes() == b"a1"
            put_blob(world, "a", b"a2")
            topologies.blob_updated("a")
            await until(lambda: link.read_bytes() == b"a2")

    play(story)


def test_an_inactive_topology_is_inactive_after_a_rebalance(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission(is_active=False))
            topologies.rebalance("wc", None)
            with pytest.raises(InvalidTransition, match="ACTIVATE, status: REBALANCING"):
                topologies.activate("wc")
            await wait(world, topologies, 30)
            assert status(topologies) == "INACTIVE"
            topologies.rebalance("wc", options(wait_secs=-5))
            await until(lambda: status(topologies) == "INACTIVE")

    play(story)


def test_the_wait_of_a_rebalance_begins_anew_with_a_new_nimbus(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            topologies.rebalance("wc", options(wait_secs=60, num_workers=2))
        world.now += 50
        async with world.nimbus() as topologies:
            await wait(world, topologies, 59)
            assert status(topologies) == "REBALANCING"
            await wait(world, topologies, 1)
            assert status(topologies) == "ACTIVE"
            assert len(topologies.named("wc").kept.packing.containers) == 2

    play(story)


def test_a_nimbus_that_dies_between_plan_and_status_does_the_rest_the_next_time(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            topologies.rebalance("wc", options(wait_secs=5, num_workers=2))
            waiting = world.depot.status(topology_id)
            await wait(world, topologies, 5)
        world.depot.set_status(topology_id, waiting)
        async with world.nimbus() as topologies:
            await wait(world, topologies, 5)
            assert world.depot.status(topology_id) == StatusRecord(Status.ACTIVE, plan_version=1)

    play(story)


def test_a_kill_during_a_rebalance_changes_no_plan(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            topologies.rebalance("wc", options(wait_secs=5, num_workers=2))
            topologies.kill("wc", 60)
            await wait(world, topologies, 6)
            assert status(topologies) == "KILLED"
            assert world.depot.read(topology_id).packing.version == 0

    play(story)


def test_a_rebalance_that_fails_is_tried_again_and_shown(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            code = world.depot.blob(topology_id, "stormcode.ser")
            code.rename(code.with_suffix(".gone"))
            topologies.rebalance("wc", options(wait_secs=0, num_workers=2))
            await until(lambda: bool(topologies.named("wc").troubles))
            assert "cannot be rebalanced" in topologies.named("wc").troubles[-1].text
            code.with_suffix(".gone").rename(code)
            await wait(world, topologies, 1)
            assert status(topologies) == "ACTIVE"

    play(story)


def test_a_preview_says_what_a_rebalance_would_do_and_changes_nothing(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            preview = topologies.preview("wc", options(num_workers=2))
            assert preview.changes.started == (2,)
            assert status(topologies) == "ACTIVE"
            assert world.depot.read(topology_id) == preview.before

    play(story)


def test_settings_and_credentials_outlive_nimbus_and_go_with_the_topology(world: World) -> None:
    storm = idl.load()
    config = storm.LogConfig(
        named_logger_level={"ROOT": storm.LogLevel(storm.LogLevelAction.UPDATE, "DEBUG", 60)}
    )

    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission(credentials={"a": "1", "b": "1"}))
            topologies.set_log_levels(topologies.named("wc"), config)
            topologies.set_debug("wc", "count", 250.0, is_enabled=True)
            topologies.set_debug("wc", "", -1.0, is_enabled=True)
            topologies.set_debug("wc", "count", None, is_enabled=False)
            with pytest.raises(NoSuchComponent):
                topologies.set_debug("wc", "nosuch", 10.0, is_enabled=True)
            with pytest.raises(InvalidSetting):
                topologies.set_debug("wc", "count", math.nan, is_enabled=True)
            topologies.add_credentials("wc", {"b": "2"}, "me")
            with pytest.raises(NotAuthorized):
                topologies.add_credentials("wc", {"b": "3"}, "eve")
            await until(lambda: world.masters.nudged == [topology_id] * 4)
            before = topologies.named("wc").settings
        async with world.nimbus() as topologies:
            assert topologies.named("wc").settings == before
            assert before.log_levels["ROOT"].until_ms == int(world.now + 60) * 1000
            assert before.debug == {
                "count": DebugRecord(is_enabled=False, sampling_pct=100.0),
                topology_id: DebugRecord(is_enabled=True, sampling_pct=0.0),
            }
            assert world.depot.credentials(topology_id) == {"a": "1", "b": "2"}
            topologies.kill("wc", 0)
            await until(lambda: topologies.is_free("wc"))
        assert kept_files(world) == set()

    play(story)


def test_nothing_is_written_about_a_topology_that_is_being_removed(world: World) -> None:
    storm = idl.load()
    config = storm.LogConfig(
        named_logger_level={"ROOT": storm.LogLevel(storm.LogLevelAction.UPDATE, "DEBUG", 0)}
    )

    async def story() -> None:
        world.launcher.may_stop = asyncio.Event()
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            await until(lambda: bool(world.launcher.running))
            topologies.kill("wc", 0)
            await until(lambda: topologies[topology_id].is_going)
            topologies.kill("wc", 7)
            for change in (
                lambda: topologies.set_log_levels(topologies.named("wc"), config),
                lambda: topologies.set_debug("wc", "", 1.0, is_enabled=True),
                lambda: topologies.add_credentials("wc", {"a": "1"}, None),
            ):
                with pytest.raises(NotAlive):
                    change()
            assert world.depot.status(topology_id).wait_s == 0.0
            world.launcher.may_stop.set()
            await until(lambda: topologies.is_free("wc"))
        assert kept_files(world) == set()

    play(story)


def test_settings_that_cannot_be_read_do_not_lose_the_topology(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
        world.store.set(path_of(topology_id, "settings"), b'{"debug": {"count": null}}')
        async with world.nimbus() as topologies:
            alive = topologies.named("wc")
            assert alive.settings == SettingsRecord()
            assert "Log levels and debug are lost" in alive.troubles[-1].text

    play(story)


def test_what_was_killed_stays_in_the_history_for_those_who_may_know(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            gone = await topologies.submit(world.submission("gone"))
            topologies.kill("gone", 0)
            await until(lambda: topologies.is_free("gone"))
        async with world.nimbus() as topologies:
            there = await topologies.submit(world.submission("there"))
            assert topologies.history(None, ()) == [gone, there]
            assert topologies.history("me", ()) == [gone, there]
            assert topologies.history("eve", ()) == []

    play(story)


def test_a_container_is_restarted_by_the_topology_process_if_there_are_both(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            alive = topologies.named("wc")
            await topologies.restart_container(alive, 1)
            assert world.masters.restarted == [1]
            with pytest.raises(NoWorker, match=r"has no worker there; its ports are \[6700\]"):
                await topologies.restart_container(alive, 2)
            world.masters.is_there = False
            with pytest.raises(NoWorker, match="does not answer now; try again"):
                await topologies.restart_container(alive, 1)

    play(story)


def test_a_new_nimbus_adopts_what_runs(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            await until(lambda: bool(world.launcher.running))
        async with world.nimbus() as topologies:
            assert status(topologies) == "ACTIVE"
            await asyncio.sleep(0)
            assert world.launcher.calls == ["start wc 0"]

    play(story)


def test_a_new_nimbus_starts_what_does_not_run(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            await until(lambda: bool(world.launcher.running))
            await topologies.stop()
            assert world.launcher.calls == ["start wc 0", "stop 101", "sweep wc all"]
        async with world.nimbus():
            await until(lambda: bool(world.launcher.running))
            assert world.launcher.calls[3:] == ["sweep wc 0", "start wc 0"]
            process = world.depot.process(topology_id)
            assert process is not None
            assert process.restart_count == 1

    play(story)


def test_half_of_a_topology_is_swept_away_at_the_start(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            gone = await topologies.submit(world.submission("gone"))
            await topologies.submit(world.submission("stays"))
            await until(lambda: len(world.launcher.running) == 2)
        world.store.delete(f"topologies/{gone}/status")
        (world.layout.blobs / "old-1-2-stormjar.jar").write_text("x")
        (world.layout.root / "topologies" / "older-1-2" / "resources").mkdir(parents=True)
        async with world.nimbus() as topologies:
            assert [alive.name for alive in topologies.all()] == ["stays"]
            assert world.launcher.calls[2:] == ["sweep gone all", "sweep old all", "sweep older all"]
            assert all("stays" in name for name in kept_files(world))

    play(story)


def test_an_unreadable_topology_is_left_alone_and_keeps_its_name_until_it_is_killed(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            await topologies.submit(world.submission("other"))
        world.store.set(f"topologies/{topology_id}/packing", b"{")
        async with world.nimbus() as topologies:
            assert [alive.name for alive in topologies.all()] == ["other"]
            assert not topologies.is_free("wc")
            with pytest.raises(AlreadyAlive):
                await topologies.submit(world.submission())
            assert world.depot.status(topology_id).status is Status.ACTIVE
            topologies.kill("wc")
            await until(lambda: topologies.is_free("wc"))
            assert "sweep wc all" in world.launcher.calls
            assert all(topology_id not in name for name in kept_files(world))
            await topologies.submit(world.submission())

    play(story)


def test_a_topology_process_that_does_not_start_is_shown(world: World) -> None:
    async def story() -> None:
        world.launcher.start_fails_with = "no python there"
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            await until(lambda: bool(topologies.named("wc").troubles))
            trouble = topologies.named("wc").troubles[0]
            assert (trouble.component, trouble.task, trouble.time_s) == ("__system", -1, world.now)
            assert "could not be started: no python there" in trouble.text
            assert str(world.layout.topology_log(topologies.named("wc").topology_id)) in trouble.text

    play(story)


def test_without_an_answer_the_kept_errors_are_shown(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            alive = topologies.named("wc")
            assert await topologies.answer(alive) == Answer(False, [], [], [], is_counted=False)
            known = Answer(True, [], [], [])
            world.masters.answers[topology_id] = known
            assert await topologies.answer(alive) is known

    play(story)


def test_counters_do_not_go_back_while_a_topology_process_is_replaced(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            topology_id = await topologies.submit(world.submission())
            alive, answers = topologies.named("wc"), world.masters.answers
            counted = Answer(True, [], [report(3, "count", emitted={"default": 9})], [])
            answers[topology_id] = counted
            await topologies.answer(alive)
            del answers[topology_id]
            assert (await topologies.answer(alive)).tasks == counted.tasks
            old = [report(3, "count", emitted={"default": 5})]
            answers[topology_id] = Answer(False, [], old, [], is_counted=False)
            found = await topologies.answer(alive)
            assert (found.is_complete, found.tasks) == (False, counted.tasks)
            new = answers[topology_id] = Answer(True, [], [report(3, "count", emitted={"default": 12})], [])
            assert await topologies.answer(alive) is new

    play(story)


def test_a_store_that_fails_refuses_the_submission(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            world.store.root.joinpath("topologies").write_text("in the way")
            with pytest.raises(StateError):
                await topologies.submit(world.submission())
            world.store.root.joinpath("topologies").unlink()
            await topologies.submit(world.submission(code=word_count()))

    play(story)


class ClumsyLauncher(FakeLauncher):
    """Fails as nobody expects it to, ``left_count`` times."""

    left_count = 1

    def sweep(self, topology_id: str, container_id: int | None = None) -> int:
        if self.left_count:
            self.left_count -= 1
            raise RecursionError("too deep")
        return super().sweep(topology_id, container_id)


def test_a_removal_that_fails_as_nobody_expects_does_not_end_nimbus(world: World) -> None:
    async def story() -> None:
        world.launcher = ClumsyLauncher()
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            topologies.kill("wc", 0)
            await until(lambda: bool(topologies.named("wc").troubles))
            assert "too deep" in topologies.named("wc").troubles[-1].text
            world.now += 1
            topologies._waits_changed.set()
            await until(lambda: topologies.is_free("wc"))

    play(story)


def test_leftovers_that_cannot_be_removed_do_not_keep_nimbus_from_the_others(world: World) -> None:
    async def story() -> None:
        (world.layout.root / "topologies" / "older-1-2").mkdir(parents=True)
        world.launcher = ClumsyLauncher()
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())

    play(story)


def test_a_stop_ends_everything_even_if_the_root_was_removed(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission())
            await until(lambda: bool(world.launcher.running))
            shutil.rmtree(world.layout.root)
            await topologies.stop()
            assert world.launcher.calls == ["start wc 0", "sweep wc all"]

    play(story)


def test_a_topology_gets_no_more_containers_than_there_are_slots(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            code = topology({"a": spout(common(hint=9))})
            await topologies.submit(world.submission(conf={"topology.workers": 10_000}, code=code))
            packing = topologies.named("wc").kept.packing
            assert len(packing.containers) == len(keys.DEFAULTS["supervisor.slots.ports"])

    play(story)


def test_java_code_that_is_not_run_is_among_the_troubles(world: World) -> None:
    async def story() -> None:
        async with world.nimbus() as topologies:
            await topologies.submit(world.submission(conf={"topology.auto.task.hooks": ["org.x.Hook"]}))
            (trouble,) = topologies.named("wc").troubles
            assert trouble.text == "runs without what is Java code: topology.auto.task.hooks (org.x.Hook)"

    play(story)
