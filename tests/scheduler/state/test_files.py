"""The file store: what it promises to callers, to an operator with `ls`, and after a crash."""

from __future__ import annotations

import gc
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scheduler.errors import LockHeld, NodeExists, NoSuchNode, StateError, VersionConflict
from scheduler.state.files import FileStore

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileStore]:
    before = open_file_count()
    yield FileStore(tmp_path / "state")
    assert open_file_count() == before


def open_file_count() -> int:
    gc.collect()  # of earlier tests
    return len(list(Path("/proc/self/fd").iterdir()))


def test_versions_count_the_writes_of_one_path_from_zero(store: FileStore) -> None:
    store.create("a/b", b"first")
    assert store.get("a/b") == (b"first", 0)
    assert [store.set("a/b", b"x"), store.set("a/b", b"y", version=1)] == [1, 2]
    assert store.set("a/c", b"z") == 0


def test_an_operator_sees_the_documents_and_nothing_else(store: FileStore) -> None:
    store.set("topologies/wc-1-17/status", b'{"status": "ACTIVE"}\n')
    store.set("topologies/wc-1-17/status", b'{"status": "KILLED"}\n')
    store.create("topologies/wc-1-17/processes/0", b"{}\n")
    seen = {str(p.relative_to(store.root)) for p in store.root.glob("**/*@*")}
    assert seen == {"topologies/wc-1-17/status@1.json", "topologies/wc-1-17/processes/0@0.json"}
    assert (store.root / "topologies/wc-1-17/status@1.json").read_bytes() == b'{"status": "KILLED"}\n'


def test_everything_is_for_the_owner_alone(store: FileStore) -> None:
    store.create("a/b/secret", b"s")
    with store.lock("nimbus", "me"):
        modes = {(p.is_dir(), stat.S_IMODE(p.stat().st_mode)) for p in [store.root, *store.root.rglob("*")]}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_missing_document_is_named(store: FileStore) -> None:
    with pytest.raises(NoSuchNode, match="nothing is stored at a/b"):
        store.get("a/b")
    with pytest.raises(NoSuchNode):
        store.set("a/b", b"", version=0)


def test_create_refuses_what_is_there(store: FileStore) -> None:
    store.create("a", b"1")
    with pytest.raises(NodeExists):
        store.create("a", b"2")
    assert store.get("a") == (b"1", 0)


def test_a_write_over_another_version_is_refused(store: FileStore) -> None:
    store.create("a", b"1")
    store.set("a", b"2", version=0)
    with pytest.raises(VersionConflict) as info:
        store.set("a", b"3", version=0)
    assert (info.value.expected, info.value.found) == (0, 1)
    assert store.get("a") == (b"2", 1)


def test_delete_takes_the_document_and_all_below_and_is_fine_with_nothing(store: FileStore) -> None:
    for path in ("t/a", "t/a/x", "t/a/y/z", "t/ab"):
        store.create(path, b"")
    store.delete("t/a")
    store.delete("t/a")
    store.delete("never/was")
    assert store.children("t") == ["ab"]
    assert {p.name for p in store.root.iterdir()} == {".write", "t"}
    store.delete("t/ab")
    assert [p.name for p in store.root.iterdir()] == [".write"]


def test_names_may_hold_spaces_and_any_script(store: FileStore) -> None:
    for name in ("two words", "Wörter", "単語", "-rf", "a@3", "x.json", "line\nbreak", "☃" * 60):
        store.create(f"topologies/{name}/status", name.encode())
        assert store.get(f"topologies/{name}/status") == (name.encode(), 0)
    assert len(store.children("topologies")) == 8


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        ".",
        "a/.hidden",
        "a\0b",
        "a@3.json",
        "a@0.json/b",
        "\ud800",
        "x" * 201,
    ],
)
def test_paths_that_leave_the_root_or_meet_its_files_are_refused(store: FileStore, path: str) -> None:
    for call in (
        lambda: store.get(path),
        lambda: store.set(path, b""),
        lambda: store.create(path, b""),
        lambda: store.delete(path),
        lambda: store.children(path),
        lambda: store.lock(path, "me").__enter__(),
    ):
        with pytest.raises(StateError, match="cannot be a path in the state store"):
            call()
    assert list(store.root.iterdir()) == []


@given(st.text(max_size=12), st.text(max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_path_is_kept_inside_the_root_or_refused(first: str, second: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = FileStore(Path(folder) / "in" / "state")
        path = f"{first}/{second}"
        try:
            store.create(path, b"x")
        except StateError:
            assert not list(store.root.rglob("*@0.json"))
        else:
            assert store.get(path) == (b"x", 0)
            parts = path.split("/")
            assert store.children("/".join(parts[:-1])) == [parts[-1]]
        assert [p.name for p in Path(folder).iterdir()] == ["in"]
        assert [p.name for p in (Path(folder) / "in").iterdir()] == ["state"]


def test_what_a_crash_left_is_ignored_and_tidied_up(store: FileStore) -> None:
    store.create("t/a", b"old")
    folder = store.root / "t"
    (folder / ".new-77").write_bytes(b"half a doc")
    (folder / "a@1.json").write_bytes(b"new")  # cut short between the rename and the removal of a@0
    (store.root / ".gone-77" / "x").mkdir(parents=True)
    (folder / "empty").mkdir()

    assert store.get("t/a") == (b"new", 1)
    assert store.children("t") == ["a"]
    assert store.set("t/a", b"newer", version=1) == 2
    assert sorted(p.name for p in folder.iterdir()) == ["a@2.json", "empty"]
    store.delete("t")
    assert [p.name for p in store.root.iterdir()] == [".write"]


def test_a_delete_removes_older_versions_first_so_that_none_comes_back(store: FileStore) -> None:
    store.create("a", b"old")
    (store.root / "a@1.json").write_bytes(b"new")
    store.delete("a")
    with pytest.raises(NoSuchNode):
        store.get("a")


def test_files_of_others_are_left_out(store: FileStore) -> None:
    store.create("t/a", b"")
    for name in ("a@0.json~", "a@.json", "a@01.json", "notes.txt", "a@-1.json"):
        (store.root / "t" / name).write_text("?")
    assert store.children("t") == ["a"]
    assert store.get("t/a") == (b"", 0)


def test_the_state_outlives_its_store(store: FileStore) -> None:
    store.create("a", b"1")
    store.set("a", b"2")
    assert FileStore(store.root).get("a") == (b"2", 1)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match=f"at {tmp_path}/state"):
        FileStore(tmp_path / "state")


def test_refusals_of_the_system_say_where_and_what_to_do(store: FileStore) -> None:
    store.create("t/a", b"1")
    (store.root / "t" / "b").symlink_to("/proc/1")  # nobody can make files there
    with pytest.raises(StateError, match=r"at .*/t/b/.*; \w+"):
        store.create("t/b/c", b"")
    assert store.get("t/a") == (b"1", 0)


def test_a_write_that_finds_no_room_keeps_the_old_document_and_says_so(store: FileStore) -> None:
    store.create("a", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as good as a full disk
    try:
        with pytest.raises(StateError, match=r"File too large at .*; raise the limit"):
            store.set("a", b"new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store.get("a") == (b"old", 0)
    assert sorted(p.name for p in store.root.iterdir()) == [".write", "a@0.json"]


def test_no_increment_is_lost_between_threads(store: FileStore) -> None:
    store.create("counter", b"0")
    store.create("other", b"")

    def count() -> None:
        done = 0
        while done < 25:
            value, version = store.get("counter")
            try:
                store.set("counter", str(int(value) + 1).encode(), version=version)
            except VersionConflict:
                continue
            done += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("counter") == (b"100", 100)


def test_a_reader_always_sees_a_whole_document(store: FileStore) -> None:
    whole = {bytes([n]) * 50_000 for n in b"abc"}
    store.create("a", b"a" * 50_000)
    stop = threading.Event()
    torn: list[bytes] = []

    def look() -> None:
        while not stop.is_set():
            data, _ = store.get("a")
            if data not in whole:
                torn.append(data)

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(60):
        for document in whole:
            store.set("a", document)
    stop.set()
    reader.join()
    assert torn == []


def test_a_lock_is_held_alone_and_names_its_holder(store: FileStore) -> None:
    with store.lock("nimbus", "nimbus at 127.0.0.1:6627, pid 5"):
        with pytest.raises(LockHeld, match=r"nimbus is locked by nimbus at 127.0.0.1:6627, pid 5"):
            store.lock("nimbus", "another").__enter__()
        with store.lock("nimbus/other", "third"):
            pass
    with store.lock("nimbus", "another"):
        pass
    assert [p.name for p in store.root.iterdir()] == [".write"]


def test_a_lock_survives_the_deletion_of_its_path(store: FileStore) -> None:
    store.create("t/a", b"")
    with store.lock("t/a", "me"):
        store.delete("t")
        with pytest.raises(LockHeld):
            store.lock("t/a", "you").__enter__()


def test_a_deletion_takes_the_locks_of_killed_holders_along(store: FileStore) -> None:
    store.create("t/a", b"")
    with store.lock("t/held", "me"):
        for stale in (".locks/t/a/.lock", ".locks/t/b/c/.lock", ".locks/u/.lock"):
            (store.root / stale).parent.mkdir(parents=True)
            (store.root / stale).write_text("somebody who was killed")
        store.delete("t")
        left = {str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file()}
        assert left == {".write", ".locks/t/held/.lock", ".locks/u/.lock"}
    store.delete("u")
    assert [p.name for p in store.root.iterdir()] == [".write"]


def test_a_lock_ends_with_an_error_in_its_context(store: FileStore) -> None:
    with pytest.raises(OSError, match="mine"), store.lock("a", "me"):
        raise OSError("mine")
    with store.lock("a", "you"):
        pass


@pytest.mark.slow
@pytest.mark.timeout(20)
def test_the_kernel_releases_the_lock_of_a_killed_holder(store: FileStore) -> None:
    program = (
        "import sys, pathlib; from scheduler.state.files import FileStore\n"
        "with FileStore(pathlib.Path(sys.argv[1])).lock('nimbus', 'the first'):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store.root)],
        cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(LockHeld, match="the first"):
            store.lock("nimbus", "the second").__enter__()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with store.lock("nimbus", "2"):
        assert (store.root / ".locks/nimbus/.lock").read_text() == "2"


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_killed_writer_leaves_a_whole_document_and_a_store_that_works(store: FileStore) -> None:
    program = (
        "import sys, pathlib; from scheduler.state.files import FileStore\n"
        "store = FileStore(pathlib.Path(sys.argv[1])); print(flush=True)\n"
        "while True:\n"
        "    for letter in b'abc': store.set('t/a', bytes([letter]) * 200_000)\n"
    )
    last = -1
    for attempt in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(store.root)], cwd=CHECKOUT, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout
            writer.stdout.readline()
            goal = last + 3 + attempt
            while not store.children("t") or store.get("t/a")[1] < goal:
                pass
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        data, version = store.get("t/a")
        assert data in {letter * 200_000 for letter in (b"a", b"b", b"c")}
        last = store.set("t/a", data, version=version)
        assert [p.name for p in (store.root / "t").iterdir()] == [f"a@{last}.json"]


NAMES = st.sampled_from(["a", "b", "a b", "é"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


class StoreModel(RuleBasedStateMachine):
    """A dictionary of path -> (document, version) says what the store must answer."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.store = FileStore(Path(folder) / "state")
        self.model: dict[str, tuple[bytes, int]] = {}

    def teardown(self) -> None:
        self.stack.close()

    @rule(path=PATHS, data=st.binary(max_size=20))
    def create(self, path: str, data: bytes) -> None:
        if path in self.model:
            with pytest.raises(NodeExists):
                self.store.create(path, data)
        else:
            self.store.create(path, data)
            self.model[path] = (data, 0)

    @rule(path=PATHS, data=st.binary(max_size=20), version=st.none() | st.integers(0, 3))
    def set(self, path: str, data: bytes, version: int | None) -> None:
        found = self.model.get(path, (b"", None))[1]
        if version is not None and found is None:
            with pytest.raises(NoSuchNode):
                self.store.set(path, data, version=version)
        elif version is not None and found != version:
            with pytest.raises(VersionConflict):
                self.store.set(path, data, version=version)
        else:
            new = 0 if found is None else found + 1
            assert self.store.set(path, data, version=version) == new
            self.model[path] = (data, new)

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        self.store.delete(path)
        self.model = {
            p: entry for p, entry in self.model.items() if p != path and not p.startswith(f"{path}/")
        }

    @rule(path=PATHS)
    def children(self, path: str) -> None:
        below = {p[len(path) + 1 :].split("/")[0] for p in self.model if p.startswith(f"{path}/")}
        assert self.store.children(path) == sorted(below)

    @rule(path=PATHS)
    def get(self, path: str) -> None:
        if path in self.model:
            assert self.store.get(path) == self.model[path]
        else:
            with pytest.raises(NoSuchNode):
                self.store.get(path)

    @invariant()
    def every_document_is_one_file(self) -> None:
        files = [p for p in self.store.root.rglob("*") if p.is_file() and p.name != ".write"]
        assert len(files) == len(self.model)


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
