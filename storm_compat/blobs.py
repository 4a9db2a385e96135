"""The blob store as clients know it: rights, sessions and pages over the files.

    create, update -> chunks -> finish     `storm_compat.blob_files` gets it whole, or nothing
    download -> chunks -> an empty one     the version it was begun with, whatever happens to the blob
    list -> pages of 100 -> an empty one   the keys there were at the beginning

Beside the users' blobs there are those of the topologies that are alive
(`TopologyBlobs`): they are read like others and changed by nobody.  Rights are
`storm_compat.blob_acl`'s business.  ``caller`` is the name that the client
proved, None where nobody asked for one; ``now`` counts seconds from anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from storm_compat import blob_acl, blob_keys
from storm_compat.blob_acl import ADMIN, EVERYTHING, READ, WRITE, Access, BlobAuthorizer
from storm_compat.blob_files import BlobFiles, BlobMeta, StoredBlob
from storm_compat.blob_map import Link
from storm_compat.errors import (
    BlobInUse,
    BlobNotKept,
    InvalidBlobMeta,
    InvalidKey,
    InvalidTopology,
    KeyExists,
    KeyNotFound,
    NotAuthorized,
)
from storm_compat.sessions import Sessions

MAX_REPLICATION: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobLimits:
    """How long sessions live, and how much they may hold."""

    session_idle_s: float = 600.0
    """Storm's nimbus.blobstore.expiration.secs."""

    chunk_bytes: int = 65536
    """Storm's storm.blobstore.inputstream.buffer.size.bytes: what one call of a download returns."""

    page_count: int = 100
    """Keys in one page of a list; as Storm has it."""

    max_blob_bytes: int = 16 * 1024**3
    """Storm has no such limit; without one a client could fill the disk by mistake."""

    max_session_count: int = 256
    """Of uploads, of downloads and of lists at once; a download holds a file open."""

    def __post_init__(self) -> None:
        if (
            min(
                *(self.session_idle_s, self.chunk_bytes, self.page_count),
                *(self.max_blob_bytes, self.max_session_count),
            )
            <= 0
        ):
            raise ValueError("the times, sizes and numbers of the blob store must be positive")


class TopologyBlobs(Protocol):
    """What the topologies that are alive have in the blob store."""

    def keys(self) -> Iterable[str]:
        """Return the keys of their own blobs."""

    def find(self, key: str) -> StoredBlob | None:
        """Return one of their own blobs, None if it is none."""

    def users_of(self, key: str) -> list[str]:
        """Return the ids of the topologies that have a link to a blob."""


@dataclass(slots=True)
class _Upload:
    key: str
    path: Path
    meta: BlobMeta | None
    """None: a new content for a blob that exists."""

    size_bytes: int = 0


class Blobs:
    """The blobs of one cluster, for one event loop.

    Args:
        on_update: called with the key of a blob that has got a new content.
    """

    def __init__(
        self,
        files: BlobFiles,
        of_topologies: TopologyBlobs,
        authorizer: BlobAuthorizer,
        limits: BlobLimits | None = None,
        *,
        on_update: Callable[[str], object] = lambda key: None,
    ) -> None:
        self._files = files
        self._of_topologies = of_topologies
        self._authorizer = authorizer
        self._limits = limits or BlobLimits()
        self._on_update = on_update
        idle_s, most = self._limits.session_idle_s, self._limits.max_session_count
        self._uploads: Sessions[_Upload] = Sessions(
            "Blob", idle_s=idle_s, max_count=most, drop=lambda upload: files.discard(upload.path)
        )
        self._downloads: Sessions[BinaryIO] = Sessions(
            "Blob", idle_s=idle_s, max_count=most, drop=lambda content: content.close()
        )
        self._lists: Sessions[list[str]] = Sessions("Blob list", idle_s=idle_s, max_count=most)

    # ---- sending

    def begin_create(
        self, key: str | None, acl: Iterable[Access], replication: int | None, caller: str | None, now: float
    ) -> str:
        """Return the session of an upload that will be a new blob.

        Args:
            replication: copies wanted; None or -1: as many as the cluster gives by itself.

        Raises:
            InvalidKey, KeyExists, NotAuthorized, BlobNotKept: as they say.
        """
        key = blob_keys.check(key)
        kept = blob_acl.normalized(acl, caller, EVERYTHING)
        blob_acl.refuse_repeated(kept, key)
        self._authorizer.require(kept, EVERYTHING, caller, key)
        if self.has(key):
            raise KeyExists(key)
        meta = BlobMeta(kept, 1 if replication in (None, -1) else _checked(replication))
        return self._uploads.open(_Upload(key, self._files.begin(key), meta), now)

    def begin_update(self, key: str | None, caller: str | None, now: float) -> str:
        """Return the session of an upload that will replace a blob's content.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized, BlobNotKept: as they say.
        """
        key = blob_keys.check(key)
        self._authorizer.require(self._changeable(key).meta.acl, WRITE, caller, key)
        return self._uploads.open(_Upload(key, self._files.begin(key), None), now)

    def chunk(self, session: str | None, data: bytes | None, now: float) -> None:
        """Add to an upload.

        Raises:
            SessionGone: there is no such upload.
            BlobNotKept: the disk does not take it, or it gets too large; the upload is over.
        """
        upload = self._uploads.use(session, now)
        data = data or b""
        upload.size_bytes += len(data)
        try:
            if upload.size_bytes > self._limits.max_blob_bytes:
                raise BlobNotKept(upload.key, f"it is larger than {self._limits.max_blob_bytes} bytes")
            self._files.append(upload.path, upload.key, data)
        except BlobNotKept:
            self._uploads.end(session or "")
            raise

    async def finish(self, session: str | None, now: float) -> None:
        """Let the world see what was uploaded; whatever goes wrong, the upload is over.

        Raises:
            SessionGone: there is no such upload.
            BlobNotKept: the disk does not take it, or the blob was made or deleted by others meanwhile.
        """
        self._uploads.use(session, now)
        upload = self._uploads.close(session or "")
        try:
            if upload.meta is not None:
                await asyncio.to_thread(self._files.create, upload.key, upload.path, upload.meta)
                return
            await asyncio.to_thread(self._files.replace, upload.key, upload.path)
        except KeyExists as exc:
            raise BlobNotKept(upload.key, "somebody else has created it meanwhile") from exc
        except KeyNotFound as exc:
            raise BlobNotKept(upload.key, "somebody has deleted it meanwhile") from exc
        self._on_update(upload.key)

    def cancel(self, session: str | None, now: float) -> None:
        """Drop an upload.

        Raises:
            SessionGone: there is no such upload.
        """
        self._uploads.use(session, now)
        self._uploads.end(session or "")

    # ---- reading

    def has(self, key: str | None) -> bool:
        """Return whether there is a blob of that key."""
        try:
            self._find(blob_keys.check(key))
        except (KeyNotFound, InvalidKey):
            return False
        return True

    def find(self, key: str | None, caller: str | None) -> StoredBlob:
        """Return what is known about a blob.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized: as they say.
        """
        key = blob_keys.check(key)
        blob = self._find(key)
        self._authorizer.require_any(blob.meta.acl, caller, key)
        return blob

    def require_links(self, links: Iterable[Link], caller: str | None) -> None:
        """Return if the caller may read every blob that a topology wants a link to.

        Raises:
            InvalidTopology: one is not there; Storm's text.
            NotAuthorized: as it says.
        """
        for link in links:
            try:
                blob = self._files.find(blob_keys.check(link.key))
            except (InvalidKey, KeyNotFound) as exc:
                raise InvalidTopology(f"Key not found: {link.key}") from exc
            self._authorizer.require(blob.meta.acl, READ, caller, link.key)

    def require_dependencies(self, keys: Iterable[str], caller: str | None) -> None:
        """Return if the caller may delete every blob that is to go with a topology.

        Raises:
            InvalidTopology: one is not there.
            NotAuthorized: as it says.
        """
        for key in keys:
            try:
                blob = self._files.find(blob_keys.check(key))
            except (InvalidKey, KeyNotFound) as exc:
                raise InvalidTopology(f"Key not found: {key}, which is among the dependency jars") from exc
            self._authorizer.require(blob.meta.acl, WRITE, caller, key)

    def begin_download(self, key: str | None, caller: str | None, now: float) -> tuple[str, StoredBlob]:
        """Return the session of a download, and what will be downloaded.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized: as they say.
        """
        key = blob_keys.check(key)
        self._authorizer.require(self._find(key).meta.acl, READ, caller, key)
        own = self._of_topologies.find(key)
        content, blob = (own.path.open("rb"), own) if own else self._files.open(key)
        return self._downloads.open(content, now), blob

    def begin_file_download(self, file: str | None, local_dir: str, caller: str | None, now: float) -> str:
        """Return the session of a download of a topology's own file, as clients before 2.0 ask for it.

        Raises:
            NotAuthorized: it is no such file, or not the caller's.
        """
        key = blob_keys.of_file(file, local_dir)
        if key is None or self._of_topologies.find(key) is None:
            raise NotAuthorized(
                f"{file!r} is no file of a topology that is alive; only those can be downloaded"
            )
        return self.begin_download(key, caller, now)[0]

    def next_chunk(self, session: str | None, now: float) -> bytes:
        """Return what comes next in a download; nothing at its end, and then the session is over.

        Raises:
            SessionGone: there is no such download.
        """
        data = self._downloads.use(session, now).read(self._limits.chunk_bytes)
        if not data:
            self._downloads.end(session or "")
        return data

    def page(self, session: str | None, now: float) -> tuple[list[str], str]:
        """Return the next keys and the session to ask for more with; no keys: that was all.

        Args:
            session: empty to begin.

        Raises:
            SessionGone: there is no such list.
        """
        if not session:
            session = self._lists.open(sorted({*self._files.keys(), *self._of_topologies.keys()}), now)
        left = self._lists.use(session, now)
        keys = left[: self._limits.page_count]
        del left[: self._limits.page_count]
        if not keys:
            self._lists.end(session)
        return keys, session

    # ---- changing

    def set_meta(
        self, key: str | None, acl: Iterable[Access], replication: int | None, caller: str | None
    ) -> None:
        """Keep other rights.

        Args:
            replication: copies wanted; None or -1: as before.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized, BlobNotKept: as they say.
        """
        key = blob_keys.check(key)
        kept = blob_acl.normalized(acl, caller, ADMIN)
        blob_acl.refuse_repeated(kept, key)
        old = self._changeable(key).meta
        self._authorizer.require(old.acl, ADMIN, caller, key)
        count = old.replication if replication in (None, -1) else _checked(replication)
        self._files.set_meta(key, BlobMeta(kept, count))

    def replication(self, key: str | None, caller: str | None) -> int:
        """Return how many copies of a blob are wanted.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized: as they say.
        """
        key = blob_keys.check(key)
        blob = self._find(key)
        self._authorizer.require(blob.meta.acl, READ, caller, key)
        return blob.meta.replication

    def set_replication(self, key: str | None, replication: int | None, caller: str | None) -> int:
        """Keep how many copies are wanted, and return it.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized, BlobNotKept: as they say.
        """
        key = blob_keys.check(key)
        meta = self._changeable(key).meta
        self._authorizer.require(meta.acl, WRITE, caller, key)
        self._files.set_meta(key, replace(meta, replication=_checked(replication)))
        return _checked(replication)

    def delete(self, key: str | None, caller: str | None) -> None:
        """Remove a blob.

        Raises:
            InvalidKey, KeyNotFound, NotAuthorized: as they say.
            BlobInUse: a topology that is alive needs it.
        """
        key = blob_keys.check(key)
        self._authorizer.require(self._find(key).meta.acl, WRITE, caller, key)
        part = blob_keys.topology_part(key)
        if part and self._of_topologies.find(key) is not None:
            raise BlobInUse.own(key, part[0])
        if users := self._of_topologies.users_of(key):
            raise BlobInUse.linked(key, users)
        self._files.delete(key)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove blobs for nimbus itself; fine if there are none of these keys."""
        for key in keys:
            with suppress(InvalidKey, KeyNotFound):
                self._files.delete(blob_keys.check(key))

    def clean(self, now: float) -> int:
        """End the sessions that nobody uses any more; return how many that were."""
        return sum(table.clean(now) for table in (self._uploads, self._downloads, self._lists))

    def close(self) -> None:
        """End all sessions; no upload leaves anything behind."""
        for table in (self._uploads, self._downloads, self._lists):
            table.end_all()

    def _find(self, key: str) -> StoredBlob:
        return self._of_topologies.find(key) or self._files.find(key)

    def _changeable(self, key: str) -> StoredBlob:
        if self._of_topologies.find(key) is not None:
            raise NotAuthorized(
                f"The blob {key} belongs to a topology that is alive; submit that anew instead"
            )
        return self._files.find(key)


def _checked(replication: int | None) -> int:
    if replication is None or not 0 < replication <= MAX_REPLICATION:
        raise InvalidBlobMeta(
            f"The number of copies must be from 1 to {MAX_REPLICATION}, but is {replication}"
        )
    return replication
