"""The blobs of topology.blobstore.map where the components of a topology find them.

    FOLDER/.blobs/NAME@VERSION       the content, or the folder that it was unpacked to
    FOLDER/NAME                      a link to it: ../NAME for a component, as with Storm's supervisors
    FOLDER/resources/NAME            a link to that, where the jar holds nothing of that name

A component's working directory is FOLDER/resources.  A link is switched in one
step, so a component finds either the old content or the new one.  The old one
stays until there is a still newer one, for whoever is reading it.

Source: storm:storm-server/src/main/java/org/apache/storm/localizer/AsyncLocalizer.java (DownloadBlobs)
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from storm_compat import archives
from storm_compat.blob_files import BlobFiles
from storm_compat.blob_map import Link

_VERSIONS: Final = ".blobs"


class BlobLinks:
    """Makes and renews links; takes as long as copying and unpacking the contents does."""

    def __init__(self, files: BlobFiles) -> None:
        self._files = files

    def renew(self, folder: Path, links: Iterable[Link]) -> list[Link]:
        """Let all links of a topology point to the newest contents; return those that did not before.

        Raises:
            KeyNotFound: a blob is gone.
            InvalidArchive: a content cannot be unpacked; the link still points to the one before, if any.
            OSError: there is no room for a content.
        """
        return [link for link in links if self._renew(folder, link)]

    def versions(self, folder: Path, links: Iterable[Link]) -> dict[str, int]:
        """Return key -> the version that its link points to, for those that are there."""
        found = ((link.key, _version_at(folder, link)) for link in links)
        return {key: version for key, version in found if version is not None}

    def _renew(self, folder: Path, link: Link) -> bool:
        content, blob = self._files.open(link.key)
        with content:
            old = _version_at(folder, link)
            if old == blob.version:
                _link_in_resources(folder, link)
                return False
            place = folder / _VERSIONS / f"{link.local_name}@{blob.version}"
            part = place.with_name(f".{place.name}")
            place.parent.mkdir(mode=0o700, exist_ok=True)
            _remove(part)
            _remove(place)
            with part.open("wb") as file:
                shutil.copyfileobj(content, file, 1024 * 1024)
        if link.is_unpacked and archives.is_archive(part):
            try:
                archives.unpack(part, place)
            finally:
                part.unlink()
        else:
            part.chmod(0o600)
            part.rename(place)
        _point(folder / link.local_name, Path(_VERSIONS) / place.name)
        _link_in_resources(folder, link)
        for entry in (folder / _VERSIONS).iterdir():
            name, _, version = entry.name.rpartition("@")
            # With a dot: what a crash has left.
            if name.removeprefix(".") == link.local_name and version not in {str(old), str(blob.version)}:
                _remove(entry)
        return True


def _version_at(folder: Path, link: Link) -> int | None:
    try:
        target = str((folder / link.local_name).readlink())
    except OSError:
        return None
    _, _, version = target.rpartition("@")
    return int(version) if version.isdecimal() and (folder / target).exists() else None


def _point(link: Path, target: Path) -> None:
    new = link.with_name(f".{link.name}.new")
    _remove(new)
    new.symlink_to(target)
    new.rename(link)


def _link_in_resources(folder: Path, link: Link) -> None:
    place = folder / "resources" / link.local_name
    if place.parent.is_dir() and not os.path.lexists(place):
        place.symlink_to(Path("..") / link.local_name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
