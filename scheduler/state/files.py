"""A state store of plain files, to be read with `ls` and `cat`.

    ROOT/topologies/wc-1-17/status@3.json      the document topologies/wc-1-17/status, version 3
    ROOT/topologies/wc-1-17/processes/0@0.json
    ROOT/.locks/nimbus/.lock                   who holds the lock "nimbus", or was killed holding it
    ROOT/.write                                flock of whoever writes or lists just now
    .new-*, ROOT/.gone-*                       rest of a write or a delete that was cut short

A file holds a document's bytes and nothing else; its version is in its name.
So a write is one rename: the new version appears whole beside the old one,
which is removed after that.  Where a crash left both the higher one counts,
and the next write tidies up.  A delete first renames the whole folder away.

Writers exclude each other, over the whole store, for a write's few
milliseconds.  `get` waits for nobody.  The kernel ends all locks with their
process.  Needs a local file system: flock and rename mean less on NFS.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scheduler.errors import LockHeld, NodeExists, NoSuchNode, StateError, VersionConflict
from scheduler.state import folders

_ADVICE = {
    errno.ENOSPC: "free space on that file system",
    errno.EDQUOT: "raise the quota or free space",
    errno.EACCES: "give this user read and write access to the whole state folder",
    errno.EPERM: "give this user read and write access to the whole state folder",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
    errno.EROFS: "the file system is read-only; check the disk, or put the state folder elsewhere",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "shorten the name, or put the state folder elsewhere",
}


class FileStore:
    """`StateStore` in the folder ``root``, which is made if it is missing.

    Several processes and threads may use one root.  A name in a path may
    hold spaces and any script, but must not start with a dot, be longer than
    200 bytes or look like a document's file; such paths raise `StateError`,
    as does whatever the operating system refuses.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._write_lock = root / ".write"
        with _explained(root):
            if not root.is_dir():
                folders.make(root)

    def get(self, path: str) -> tuple[bytes, int]:
        """See `StateStore.get`; reads one folder and one file."""
        folder, name = self._place(path)
        with _explained(folder):
            found = folders.read(folder, name)
            if found is None:
                # A listing may miss a document that is replaced meanwhile: ask once more, undisturbed.
                with self._flocked(fcntl.LOCK_SH):
                    found = folders.read(folder, name)
        if found is None:
            raise NoSuchNode(path)
        return found

    def set(self, path: str, data: bytes, *, version: int | None = None) -> int:
        """See `StateStore.set`; returns when the disk has the document."""
        folder, name = self._place(path)
        with _explained(folder), self._flocked():
            versions = folders.versions(folder, name)
            found = versions[-1] if versions else None
            if version is not None and found is None:
                raise NoSuchNode(path)
            if version is not None and found is not None and found != version:
                raise VersionConflict(path, expected=version, found=found)
            new = 0 if found is None else found + 1
            folders.write(folder, folders.file_name(name, new), data)
            for old in versions:
                (folder / folders.file_name(name, old)).unlink(missing_ok=True)
            return new

    def create(self, path: str, data: bytes) -> None:
        """See `StateStore.create`."""
        folder, name = self._place(path)
        with _explained(folder), self._flocked():
            if folders.versions(folder, name):
                raise NodeExists(path)
            folders.write(folder, folders.file_name(name, 0), data)

    def delete(self, path: str) -> None:
        """See `StateStore.delete`; what is below ``path`` goes at once or not at all.

        Locks at and below ``path`` stay with their holders, if those live.
        """
        folder, name = self._place(path)
        with _explained(folder), self._flocked():
            below = folder / name
            if below.is_dir():
                below.rename(self.root / f".gone-{os.urandom(8).hex()}")
            # The lowest first: a crash must not bring back an old one.
            for version in folders.versions(folder, name):
                (folder / folders.file_name(name, version)).unlink(missing_ok=True)
            if folder.is_dir():
                folders.sync(folder)
            folders.remove_empty(folder, self.root)
            self._remove_free_locks(self._lock_folder(folder, name))
            for gone in self.root.glob(".gone-*"):
                shutil.rmtree(gone)

    def children(self, path: str) -> list[str]:
        """See `StateStore.children`; a name is there while something is stored at it or below it."""
        folder, name = self._place(path)
        with _explained(folder), self._flocked(fcntl.LOCK_SH):
            return sorted(folders.names(folder / name))

    @contextmanager
    def lock(self, path: str, holder: str) -> Iterator[None]:
        """See `StateStore.lock`; held by flock, so a fork of this process would share it."""
        folder, name = self._place(path)
        file = self._lock_folder(folder, name) / ".lock"
        with _explained(file), self._flocked():
            folders.make(file.parent)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, folders.FILE_MODE)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, holder.encode("utf-8", "replace"), 0)
            except BlockingIOError as exc:
                held_by = os.pread(descriptor, 4096, 0).decode("utf-8", "replace")
                os.close(descriptor)
                raise LockHeld(path, held_by) from exc
            except OSError:
                os.close(descriptor)
                raise
        try:
            yield
        finally:
            try:
                with _explained(file), self._flocked():
                    file.unlink(missing_ok=True)
                    folders.remove_empty(file.parent, self.root)
            finally:
                os.close(descriptor)

    def _lock_folder(self, folder: Path, name: str) -> Path:
        return self.root / ".locks" / folder.relative_to(self.root) / name

    def _remove_free_locks(self, below: Path) -> None:
        """Remove what is left of locks whose holders were killed; nobody can take one meanwhile."""
        for file in [*below.rglob(".lock")]:
            descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.unlink()
                folders.remove_empty(file.parent, self.root)
            except BlockingIOError:
                pass
            finally:
                os.close(descriptor)

    def _place(self, path: str) -> tuple[Path, str]:
        """Return the folder and the name of a document.

        Raises:
            StateError: the path would leave the root or meet our own files.
        """
        *above, name = path.split("/")
        for part in (*above, name):
            if fault := folders.fault_of(part):
                raise StateError(f"{path!r} cannot be a path in the state store: {fault}")
        return self.root.joinpath(*above), name

    @contextmanager
    def _flocked(self, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
        descriptor = os.open(self._write_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, folders.FILE_MODE)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into an error that says where and what to do."""
    try:
        yield
    except OSError as exc:
        advice = _ADVICE.get(exc.errno or 0, "look at that path and at the system's log")
        raise StateError(f"state store: {exc.strerror} at {exc.filename or path}; {advice}") from exc
