from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from scheduler.control.messages import ErrorReport
from scheduler.errors import PackingError
from scheduler.packing.round_robin import round_robin
from scheduler.plan import PackingPlan
from scheduler.state import records
from scheduler.state.records import ProcessRecord, Status, StatusRecord, SubmissionRecord
from storm_compat import conf as confs
from storm_compat.alive import Kept
from storm_compat.compile import compile_topology
from storm_compat.depot import CODE, JAR, Depot
from storm_compat.errors import KeyNotFound
from tests.storm_compat.builders import word_count
from tests.storm_compat.fakes import World


def put(world: World, topology_id: str = "wc-1-17") -> Kept:
    compiled = compile_topology("wc", topology_id, confs.cluster({}), word_count())
    kept = Kept(compiled.topology, SubmissionRecord(5.0, "me"), round_robin(compiled.topology, 2))
    world.depot.put(kept, world.jar, compiled.normalized, {"a": "é"})
    return kept


def test_what_is_put_is_read_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    kept = put(world)
    assert world.depot.read("wc-1-17") == kept
    assert world.depot.conf("wc-1-17") == '{"a": "\\u00e9"}'
    code = world.depot.code("wc-1-17")
    (source,) = code.bolts["count"].common.inputs
    assert (source.componentId, source.streamId) == ("words", "default")
    assert world.depot.blob("wc-1-17", JAR).read_bytes() == world.jar.read_bytes()


def test_a_topology_exists_once_it_has_a_status(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    assert world.depot.ids() == []
    assert world.depot.leftovers() == ["wc-1-17"]
    world.depot.set_status("wc-1-17", StatusRecord(Status.ACTIVE))
    assert world.depot.ids() == ["wc-1-17"]
    assert world.depot.leftovers() == []
    assert world.depot.status("wc-1-17") == StatusRecord(Status.ACTIVE)


@pytest.mark.parametrize("part", ["state/topologies", "topologies", "blobs"])
def test_half_of_a_topology_can_be_forgotten_and_put_again(tmp_path: Path, part: str) -> None:
    import shutil

    world = World(tmp_path)
    put(world)
    shutil.rmtree(world.layout.root / part)
    assert world.depot.leftovers() == ["wc-1-17"]
    world.depot.forget("wc-1-17")
    world.depot.forget("wc-1-17")
    assert world.depot.leftovers() == []
    put(world)


def test_a_component_that_locks_its_folder_does_not_stop_the_removal(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    resources = world.layout.resources("wc-1-17")
    (resources / "link").symlink_to(outside)
    (resources / "bolts").chmod(0o500)
    resources.chmod(0o500)
    world.depot.forget("wc-1-17")
    assert not world.layout.topology("wc-1-17").exists()
    assert outside.stat().st_mode & 0o777 == 0o500


def test_processes_errors_and_the_counter(tmp_path: Path) -> None:
    world = World(tmp_path)
    depot = Depot(world.store, world.layout)
    assert depot.submission_count() == 0
    depot.count_submission(3)
    assert depot.submission_count() == 3
    assert depot.process("wc-1-17") is None
    depot.set_process("wc-1-17", ProcessRecord(7, 1.5, 2, 3.0))
    assert depot.process("wc-1-17") == ProcessRecord(7, 1.5, 2, 3.0)
    assert depot.errors("wc-1-17") == []
    error = ErrorReport("b", 2, "text", 3.0)
    records.write(world.store, "topologies/wc-1-17/errors", [error])
    assert depot.errors("wc-1-17") == [error]


def test_a_blob_that_is_gone_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    world.depot.blob("wc-1-17", CODE).unlink()
    with pytest.raises(KeyNotFound, match=r"^wc-1-17-stormcode\.ser$"):
        world.depot.code("wc-1-17")


def test_folders_nested_without_end_do_not_stop_the_removal(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(world.layout.resources("wc-1-17"))
        for _ in range(3000):  # deeper than the stack, and longer than a path may be
            Path("a").mkdir()
            os.chdir("a")
    finally:
        os.fchdir(here)
        os.close(here)
    world.depot.forget("wc-1-17")
    assert not world.layout.topology("wc-1-17").exists()


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    folder = world.layout.topology("wc-1-17")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    world.depot.forget("wc-1-17")
    assert not folder.is_symlink()
    assert (tmp_path / "elsewhere" / "resources").is_dir()


def test_files_that_are_not_ours_are_no_leftovers(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    (world.layout.blobs / "-stormjar.jar").write_text("x")
    (world.layout.root / "topologies" / ".hidden").mkdir()
    assert world.depot.leftovers() == ["wc-1-17"]


def test_a_plan_that_somebody_has_emptied_is_not_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    put(world)
    records.write(world.store, "topologies/wc-1-17/packing", PackingPlan("wc-1-17", 0, ()))
    with pytest.raises(PackingError, match="not placed"):
        world.depot.read("wc-1-17")


def test_a_conf_may_hold_what_json_has_no_word_for(tmp_path: Path) -> None:
    world = World(tmp_path)
    compiled = compile_topology("wc", "wc-1-17", confs.cluster({}), word_count())
    kept = Kept(compiled.topology, SubmissionRecord(5.0, "me"), round_robin(compiled.topology, 2))
    world.depot.put(kept, world.jar, compiled.normalized, {"a": math.nan, "b": math.inf})
    assert world.depot.conf("wc-1-17") == '{"a": null, "b": null}'
