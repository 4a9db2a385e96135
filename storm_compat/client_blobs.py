"""The blob store of a Nimbus, as `storm_compat.client` has it: plain values in, plain values out.

    with NimbusClient(address) as nimbus:
        nimbus.blobs.put("dict.txt", file)
        for chunk in nimbus.blobs.download("dict.txt").chunks: ...

An upload that does not come to its end is cancelled, so that Nimbus need not wait for more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from storm_compat import blob_wire
from storm_compat.blob_acl import Acl
from storm_compat.client import BlobNotFound, ClientError

CHUNK_BYTES: Final = 307200
"""Fits into every Nimbus' frame limit."""

Way = Literal["create", "update", "either"]


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What Nimbus tells of a blob."""

    key: str
    version: int
    replication: int | None
    acl: Acl


@dataclass(frozen=True, slots=True)
class Download:
    """A content on its way; ``chunks`` can be gone through once."""

    version: int
    size_bytes: int
    """As announced; 0 where Nimbus does not say."""

    chunks: Iterator[bytes]


class BlobClient:
    """The calls for blobs.

    Args:
        call: calls a method of Nimbus by its Thrift name; raises `ClientError` only.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def keys(self) -> Iterator[str]:
        """Yield the keys of all blobs."""
        page = self._call("listBlobs", "")
        while page.keys:
            yield from page.keys
            page = self._call("listBlobs", page.session)

    def info(self, key: str) -> BlobInfo:
        """Return what is known of a blob.

        Raises:
            BlobNotFound: there is none of that key.
        """
        meta = self._call("getBlobMeta", key)
        acl, replication = blob_wire.settable(meta.settable)
        return BlobInfo(key, meta.version, replication, acl)

    def put(
        self,
        key: str,
        content: BinaryIO,
        *,
        way: Way = "either",
        acl: Acl = (),
        on_progress: Callable[[int], object] = lambda _: None,
    ) -> bool:
        """Send a content and return whether the blob is a new one.

        Args:
            way: only create, only update, or whatever is needed.
            acl: the rights of a new blob; those of an old one stay.
            on_progress: gets the bytes sent so far.

        Raises:
            BlobExists, BlobNotFound: the way does not go.
        """
        session, is_new = self._begin(key, way, acl)
        sent_bytes = 0
        try:
            while chunk := content.read(CHUNK_BYTES):
                self._call("uploadBlobChunk", session, chunk)
                sent_bytes += len(chunk)
                on_progress(sent_bytes)
            self._call("finishBlobUpload", session)
        except BaseException:
            with suppress(ClientError):
                self._call("cancelBlobUpload", session)
            raise
        return is_new

    def _begin(self, key: str, way: Way, acl: Acl) -> tuple[str, bool]:
        if way != "create":
            try:
                return self._call("beginUpdateBlob", key), False
            except BlobNotFound:
                if way == "update":
                    raise
        return self._call("beginCreateBlob", key, blob_wire.to_settable(acl, -1)), True

    def download(self, key: str) -> Download:
        """Return a content on its way.

        Raises:
            BlobNotFound: there is none of that key.
        """
        begun = self._call("beginBlobDownload", key)
        return Download(begun.version, begun.data_size or 0, self._chunks(begun.session))

    def _chunks(self, session: str) -> Iterator[bytes]:
        while chunk := self._call("downloadBlobChunk", session):
            yield chunk

    def delete(self, key: str) -> None:
        """Remove a blob.

        Raises:
            BlobNotFound: there is none of that key.
            NimbusRefused: a topology needs it.
        """
        self._call("deleteBlob", key)

    def set_acl(self, key: str, acl: Acl) -> None:
        """Give a blob other rights.

        Raises:
            BlobNotFound: there is none of that key.
        """
        self._call("setBlobMeta", key, blob_wire.to_settable(acl, self.info(key).replication))

    def set_replication(self, key: str, count: int) -> int:
        """Ask for so many copies of a blob, and return how many it will have.

        Raises:
            BlobNotFound: there is none of that key.
        """
        return int(self._call("updateBlobReplication", key, count))
