"""Jars on their way in: `beginFileUpload`, `uploadChunk`, `finishFileUpload`.

    INBOX/stormjar-UUID.part     while chunks come; ends after 600 s without one
    INBOX/stormjar-UUID.jar      finished: may be submitted, again and again, until 3600 s after the last use

A location is the path of the finished file, as with Storm; clients only echo
it.  Nothing but a name of ours directly in the inbox is ever opened, so a
client cannot make us read a file of its choosing.  The folder is the only
memory of finished uploads, so they outlive this process; begun ones do not.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path

from storm_compat.errors import InvalidJar, InvalidTopology, UploadGone

logger = logging.getLogger(__name__)

_JAR = re.compile(r"stormjar-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.jar")


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """How long uploads live and how large they may be."""

    session_idle_s: float = 600.0
    """Storm's nimbus.file.copy.expiration.secs: a session without a chunk for so long is over."""

    jar_kept_s: float = 3600.0
    """Storm's nimbus.inbox.jar.expiration.secs: a finished jar is kept so long after its last use."""

    max_jar_bytes: int = 2 * 1024**3
    """Storm has no such limit; without one a client could fill the disk by mistake."""

    max_session_count: int = 1000
    """Uploads under way at once; for one more, the one that got no chunk the longest is over."""

    def __post_init__(self) -> None:
        if min(self.session_idle_s, self.jar_kept_s, self.max_jar_bytes, self.max_session_count) <= 0:
            raise ValueError("the times, sizes and numbers of uploads must be positive")


@dataclass(slots=True)
class _Session:
    part: Path
    size_bytes: int
    touched_at_s: float


class Uploads:
    """The inbox folder and the sessions that write into it; ``now`` is in seconds since the epoch."""

    def __init__(self, inbox: Path, limits: UploadLimits | None = None) -> None:
        self._inbox = inbox
        self._limits = limits or UploadLimits()
        self._sessions: dict[str, _Session] = {}

    def begin(self, now: float) -> str:
        """Return the location of a new, empty upload."""
        self._inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(self._sessions) >= self._limits.max_session_count:
            self._drop(min(self._sessions, key=lambda location: self._sessions[location].touched_at_s))
        jar = self._inbox / f"stormjar-{uuid.uuid4()}.jar"
        part = jar.with_suffix(".part")
        part.touch(mode=0o600, exist_ok=False)
        self._sessions[str(jar)] = _Session(part, 0, now)
        return str(jar)

    def chunk(self, location: str | None, data: bytes | None, now: float) -> None:
        """Append ``data`` to an upload.

        Raises:
            UploadGone: none was begun at that location, or it was idle for too long.
            InvalidTopology: the jar gets too large; the upload is over.
        """
        session = self._session(location, now)
        session.size_bytes += len(data or b"")
        if session.size_bytes > self._limits.max_jar_bytes:
            self._drop(str(location))
            raise InvalidTopology(
                f"the jar is larger than {self._limits.max_jar_bytes} bytes; the upload was dropped"
            )
        with session.part.open("ab") as file:
            file.write(data or b"")

    def finish(self, location: str | None, now: float) -> None:
        """End an upload; from now on its location can be submitted.

        Raises:
            UploadGone: none was begun at that location, or it was idle for too long.
        """
        session = self._session(location, now)
        session.part.rename(str(location))
        os.utime(str(location), (now, now))
        del self._sessions[str(location)]

    def finished(self, location: str | None, now: float) -> Path:
        """Return the jar at a location of ours, and count that as a use of it.

        Raises:
            InvalidJar: it is not a finished upload, or no longer one.
        """
        if not location:
            raise InvalidJar(
                "No jar was given: upload one first and submit the location that beginFileUpload returned"
            )
        if location in self._sessions:
            raise InvalidJar(
                f"The upload at {location} is not finished; call finishFileUpload before submitting"
            )
        path = Path(location)
        if path.parent != self._inbox or _JAR.fullmatch(path.name) is None:
            raise InvalidJar(f"{location!r} is not a place that this nimbus gave out; upload the jar first")
        try:
            status = path.lstat()
        except (OSError, ValueError):
            status = None
        if (
            status is None
            or not stat.S_ISREG(status.st_mode)
            or now - status.st_mtime > self._limits.jar_kept_s
        ):
            raise InvalidJar(
                f"The jar at {location} is gone: uploads are kept for {self._limits.jar_kept_s:g} s after "
                "their last use. Upload it again"
            )
        os.utime(path, (now, now))
        return path

    def clean(self, now: float) -> int:
        """Remove idle sessions, old jars, rests of an earlier process; return the count of the last two."""
        for location, session in list(self._sessions.items()):
            if self._is_over(session, now):
                self._drop(location)
        parts = {session.part.name for session in self._sessions.values()}
        count = 0
        for entry in self._entries():
            is_part = entry.suffix == ".part" and entry.name not in parts
            try:
                if is_part or (
                    entry.suffix == ".jar" and now - entry.lstat().st_mtime > self._limits.jar_kept_s
                ):
                    entry.unlink()
                    count += 1
            except OSError as exc:
                logger.warning("could not clean the inbox: file=%s reason=%s", entry, exc)
        return count

    def _entries(self) -> list[Path]:
        return list(self._inbox.iterdir()) if self._inbox.is_dir() else []

    def _session(self, location: str | None, now: float) -> _Session:
        session = self._sessions.get(location or "")
        if session is None:
            raise UploadGone(location or "")
        if self._is_over(session, now):
            self._drop(location or "")
            raise UploadGone(location or "")
        session.touched_at_s = now
        return session

    def _is_over(self, session: _Session, now: float) -> bool:
        return now - session.touched_at_s > self._limits.session_idle_s

    def _drop(self, location: str) -> None:
        self._sessions.pop(location).part.unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Put the file ``source`` at ``target`` too, without copying where the file system can share it."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
