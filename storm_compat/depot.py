"""Everything of a topology that is kept: its records, its blobs, its code.

    store  topologies/ID/...              `scheduler.state.records`; ``status`` is written last
    BLOBS/ID-stormjar.jar                 the uploaded jar
    BLOBS/ID-stormcode.ser                the user's StormTopology as Thrift binary, normalized
    BLOBS/ID-stormconf.ser                its configuration, as getTopologyConf returns it, as packed JSON
    ROOT/topologies/ID/resources/         out of the jar
    ROOT/topologies/ID/NAME               links to blobs of users: `storm_compat.blob_links`

What has no ``status`` does not exist: `leftovers` finds it and `forget`
removes it, as often as it is asked.  Knows no processes.  All calls block
for milliseconds, `put` and `renew_links` as long as unpacking takes.
"""

from __future__ import annotations

import gzip
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import simplejson
from thriftpy2.protocol import TCyBinaryProtocol
from thriftpy2.transport import TCyMemoryBuffer

from scheduler import topology as topologies
from scheduler.control.messages import ErrorReport
from scheduler.errors import NoSuchNode, SchedulerError, StateError
from scheduler.layout import Layout
from scheduler.packing.check import check
from scheduler.plan import PackingPlan
from scheduler.state import records
from scheduler.state.records import (
    COUNTER,
    HISTORY,
    ProcessRecord,
    SettingsRecord,
    StatusRecord,
    SubmissionRecord,
    path_of,
)
from scheduler.state.store import StateStore
from storm_compat import blob_keys
from storm_compat.alive import Kept
from storm_compat.blob_files import BlobFiles
from storm_compat.blob_keys import CODE, CONF, JAR
from storm_compat.blob_links import BlobLinks
from storm_compat.blob_map import Link
from storm_compat.errors import InvalidArchive, InvalidKey, InvalidTopology, KeyNotFound
from storm_compat.history import HistoryEntry
from storm_compat.jars import unpack_resources
from storm_compat.thrift import idl
from storm_compat.uploads import link_or_copy

_BinaryProtocol: Any = TCyBinaryProtocol  # has no annotations


class Depot:
    """The records in a store and the files below a root."""

    def __init__(self, store: StateStore, layout: Layout) -> None:
        self._store = store
        self._layout = layout
        self.blob_files = BlobFiles(layout.blobstore)
        self._links = BlobLinks(self.blob_files)

    def submission_count(self) -> int:
        """Return how many topologies have been submitted since the root exists."""
        try:
            return records.read(self._store, COUNTER, int)
        except NoSuchNode:
            return 0

    def count_submission(self, number: int) -> None:
        """Keep that ``number`` topologies have been submitted."""
        records.write(self._store, COUNTER, number)

    def put(
        self, kept: Kept, jar: Path, code: Any, conf: Mapping[str, Any], links: Iterable[Link] = ()
    ) -> None:
        """Keep all of a new topology but its status, so that it does not exist yet.

        Raises:
            InvalidJar: the jar cannot be unpacked.
            InvalidTopology: a blob is gone or cannot be unpacked.
            OSError: the files cannot be written.
            StateError: the records cannot.
        """
        topology_id = kept.topology.topology_id
        unpack_resources(jar, self._layout.resources(topology_id))
        link_or_copy(jar, self.blob(topology_id, JAR))
        _write(self.blob(topology_id, CODE), _encode(code))
        _write(self.blob(topology_id, CONF), _packed(simplejson.dumps(conf, ignore_nan=True)))
        self._store.set(path_of(topology_id, "topology"), topologies.to_json(kept.topology))
        records.write(self._store, path_of(topology_id, "submission"), kept.submission)
        records.write(self._store, path_of(topology_id, "packing"), kept.packing)
        self._store.set(path_of(topology_id, "secret"), secrets.token_hex(32).encode())
        try:
            self.renew_links(topology_id, links)
        except KeyNotFound as exc:
            raise InvalidTopology(f"Key not found: {exc.key}") from exc
        except InvalidArchive as exc:
            raise InvalidTopology(str(exc)) from exc

    def renew_links(self, topology_id: str, links: Iterable[Link]) -> list[str]:
        """Let all links of a topology point to the newest blobs; return the keys of those that did not.

        Where a link says so, the components are told to start anew.

        Raises:
            KeyNotFound: a blob is gone.
            InvalidArchive: a blob cannot be unpacked.
            OSError, StateError: there is no room for it.
        """
        links = tuple(links)
        folder = self._layout.topology(topology_id)
        renewed = self._links.renew(folder, links)
        # What the links point to is kept, not that they changed: so a crash in between loses no restart.
        versions = self._links.versions(folder, [link for link in links if link.restarts])
        if versions and versions != self._restart(topology_id):
            records.write(self._store, path_of(topology_id, "restart"), versions)
        return [link.key for link in renewed]

    def _restart(self, topology_id: str) -> dict[str, int] | None:
        try:
            return records.read(self._store, path_of(topology_id, "restart"), dict[str, int])
        except NoSuchNode:
            return None

    def change(self, kept: Kept, conf: Mapping[str, Any], code: Any) -> None:
        """Keep another plan, and what goes with it; nobody follows it before the status names its version.

        Whoever reads the plan first and the topology then has a conf that is not older than the plan.
        """
        topology_id = kept.topology.topology_id
        _write(self.blob(topology_id, CODE), _encode(code))
        _write(self.blob(topology_id, CONF), _packed(simplejson.dumps(conf, ignore_nan=True)))
        self._store.set(path_of(topology_id, "topology"), topologies.to_json(kept.topology))
        records.write(self._store, path_of(topology_id, "packing"), kept.packing)

    def ids(self) -> list[str]:
        """Return the ids of the topologies that exist."""
        return [i for i in self._store.children(records.TOPOLOGIES) if self._exists(i)]

    def read(self, topology_id: str) -> Kept:
        """Return what was `put`.

        Raises:
            NoSuchNode: a part is missing.
            PackingError: the plan is not one for this topology.
            StateError, msgspec.MsgspecError: a part is unreadable.
        """
        data, _ = self._store.get(path_of(topology_id, "topology"))
        kept = Kept(
            topologies.from_json(data),
            records.read(self._store, path_of(topology_id, "submission"), SubmissionRecord),
            records.read(self._store, path_of(topology_id, "packing"), PackingPlan),
        )
        check(kept.packing, kept.topology)
        return kept

    def status(self, topology_id: str) -> StatusRecord:
        """Return what is wanted of a topology.

        Raises:
            NoSuchNode: there is no such topology.
        """
        return records.read(self._store, path_of(topology_id, "status"), StatusRecord)

    def set_status(self, topology_id: str, status: StatusRecord) -> None:
        """Keep what is wanted of a topology; the first time, that makes it exist."""
        records.write(self._store, path_of(topology_id, "status"), status)

    def process(self, topology_id: str) -> ProcessRecord | None:
        """Return the topology process that was started last, if there was one.

        Raises:
            StateError: that cannot be told.
        """
        try:
            return records.read(self._store, path_of(topology_id, "processes/0"), ProcessRecord)
        except NoSuchNode:
            return None

    def set_process(self, topology_id: str, process: ProcessRecord) -> None:
        """Keep which topology process was started."""
        records.write(self._store, path_of(topology_id, "processes/0"), process)

    def settings(self, topology_id: str) -> SettingsRecord:
        """Return what was changed while the topology ran.

        Raises:
            StateError: that cannot be told.
        """
        try:
            return records.read(self._store, path_of(topology_id, "settings"), SettingsRecord)
        except NoSuchNode:
            return SettingsRecord()

    def set_settings(self, topology_id: str, settings: SettingsRecord) -> None:
        """Keep what was changed."""
        records.write(self._store, path_of(topology_id, "settings"), settings)

    def credentials(self, topology_id: str) -> dict[str, str]:
        """Return what was uploaded for the topology's components.

        Raises:
            StateError: that cannot be told.
        """
        try:
            return records.read(self._store, path_of(topology_id, "credentials"), dict[str, str])
        except NoSuchNode:
            return {}

    def add_credentials(self, topology_id: str, credentials: Mapping[str, str]) -> None:
        """Keep these over those that there are; only this user may read the state store."""
        merged = {**self.credentials(topology_id), **credentials}
        records.write(self._store, path_of(topology_id, "credentials"), merged)

    def history(self) -> list[HistoryEntry]:
        """Return the topologies that were killed, oldest first; empty if that cannot be told."""
        try:
            return records.read(self._store, HISTORY, list[HistoryEntry])
        except StateError:
            return []

    def set_history(self, entries: list[HistoryEntry]) -> None:
        """Keep the topologies that were killed."""
        records.write(self._store, HISTORY, entries)

    def errors(self, topology_id: str) -> list[ErrorReport]:
        """Return the errors that a topology process kept, oldest first; empty if none are readable."""
        try:
            return records.read(self._store, path_of(topology_id, "errors"), list[ErrorReport])
        except StateError:
            return []

    def conf(self, topology_id: str) -> str:
        """Return the configuration as JSON text."""
        return gzip.decompress(self._read_blob(topology_id, CONF)).decode()

    def code(self, topology_id: str) -> Any:
        """Return the user's StormTopology, normalized."""
        code = idl.load().StormTopology()
        code.read(_BinaryProtocol(TCyMemoryBuffer(self._read_blob(topology_id, CODE))))
        return code

    def forget(self, topology_id: str) -> None:
        """Remove everything but the logs; fine if it is gone, wholly or partly."""
        self._store.delete(path_of(topology_id, "status"))
        if dependencies := self._dependency_jars(topology_id):
            for key in {*dependencies} - self._needed_by_others(topology_id):
                with suppress(KeyNotFound, InvalidKey):
                    self.blob_files.delete(blob_keys.check(key))
        self._store.delete(path_of(topology_id))
        for kind in (JAR, CODE, CONF):
            blob = self.blob(topology_id, kind)
            blob.unlink(missing_ok=True)
            _part(blob).unlink(missing_ok=True)
        _remove_tree(self._layout.topology(topology_id))

    def _dependency_jars(self, topology_id: str) -> tuple[str, ...]:
        try:
            path = path_of(topology_id, "submission")
            return records.read(self._store, path, SubmissionRecord).dependency_jars
        except StateError:
            return ()

    def _needed_by_others(self, topology_id: str) -> set[str]:
        """Return the keys of users' blobs that other topologies have; reads the records of all."""
        keys: set[str] = set()
        for other in self.ids():
            if other != topology_id:
                keys.update(self._dependency_jars(other))
                with suppress(SchedulerError, msgspec.MsgspecError):
                    keys.update(self.read(other).topology.conf.get("topology.blobstore.map") or ())
        return keys

    def leftovers(self) -> list[str]:
        """Return the ids of which something is there, but no status: submitted or removed by half."""
        found = {*self._store.children(records.TOPOLOGIES)}
        found.update(entry.name for entry in _entries(self._layout.topology("x").parent))
        for entry in _entries(self._layout.blobs):
            for kind in (JAR, CODE, CONF):
                if entry.name.endswith(f"-{kind}"):
                    found.add(entry.name.removesuffix(f"-{kind}"))
        return sorted(topology_id for topology_id in found if self._is_leftover(topology_id))

    def blob(self, topology_id: str, kind: str) -> Path:
        """Return the path of a blob, there or not."""
        return self._layout.blobs / blob_keys.of_topology(topology_id, kind)

    def _is_leftover(self, topology_id: str) -> bool:
        try:
            return not self._exists(topology_id)
        except StateError:  # not of ours, or unreadable just now: no reason to remove anything
            return False

    def _exists(self, topology_id: str) -> bool:
        try:
            self._store.get(path_of(topology_id, "status"))
        except NoSuchNode:
            return False
        return True

    def _read_blob(self, topology_id: str, kind: str) -> bytes:
        try:
            return self.blob(topology_id, kind).read_bytes()
        except FileNotFoundError as exc:
            raise KeyNotFound(blob_keys.of_topology(topology_id, kind)) from exc


def _packed(text: str) -> bytes:
    """Return a text as supervisors of Storm expect it in a blob."""
    return gzip.compress(text.encode(), mtime=0)


def _encode(code: Any) -> bytes:
    buffer = TCyMemoryBuffer()
    code.write(_BinaryProtocol(buffer))
    encoded: bytes = buffer.getvalue()
    return encoded


def _write(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` whole: a reader never sees a part."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _part(path).write_bytes(data)
    _part(path).rename(path)


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _remove_tree(folder: Path) -> None:
    """Remove a folder, whatever a component has made of it: closed to writing, or nested without end.

    Each folder found is moved up to the top before its turn comes, so that
    neither a path nor a stack grows with the depth.
    """
    if folder.is_symlink():
        folder.unlink()
    if not folder.is_dir():
        return
    prefix, number = f".gone-{secrets.token_hex(8)}", 0
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        parent.chmod(0o700)
        for entry in list(os.scandir(parent)):
            if not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                continue
            Path(entry.path).chmod(0o700)  # a folder that is closed cannot be moved
            number += 1
            waiting.append(Path(entry.path).rename(folder / f"{prefix}-{number}"))
        if parent != folder:
            parent.rmdir()
    folder.rmdir()
