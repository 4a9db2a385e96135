"""Between the blob store's values and Thrift's structs."""

from __future__ import annotations

from typing import Any

from storm_compat.blob_acl import EVERYTHING, Access, Acl
from storm_compat.blob_files import StoredBlob
from storm_compat.errors import InvalidBlobMeta
from storm_compat.thrift import idl
from storm_compat.thrift.check import CheckError, check


def settable(meta: Any) -> tuple[Acl, int | None]:
    """Return the rights and the number of copies in a SettableBlobMeta.

    Raises:
        InvalidBlobMeta: it lacks something.
    """
    if meta is None:
        raise InvalidBlobMeta("The meta data of the blob are null; at least an empty acl must be set")
    try:
        check(meta, "meta")
    except CheckError as exc:
        raise InvalidBlobMeta(str(exc)) from exc
    return tuple(_access(entry) for entry in meta.acl), meta.replication_factor


def readable(blob: StoredBlob) -> Any:
    """Return the ReadableBlobMeta of a blob."""
    return idl.load().ReadableBlobMeta(
        settable=to_settable(blob.meta.acl, blob.meta.replication), version=blob.version
    )


def to_settable(acl: Acl, replication: int | None) -> Any:
    """Return a SettableBlobMeta."""
    storm = idl.load()
    kinds = storm.AccessControlType
    entries = [
        storm.AccessControl(
            type=kinds.OTHER if entry.is_for_all else kinds.USER, name=entry.user or "", access=entry.mask
        )
        for entry in acl
    ]
    return storm.SettableBlobMeta(acl=entries, replication_factor=replication)


def _access(entry: Any) -> Access:
    is_for_all = entry.type == idl.load().AccessControlType.OTHER
    return Access(entry.access & EVERYTHING, None if is_for_all else entry.name or None, is_for_all)
