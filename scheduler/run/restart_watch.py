"""Whether the components of a topology are to be started anew, as a container sees it in the state store.

The document ``topologies/ID/restart`` is there from the beginning where that may ever happen; each time it is
written, it happens once.  A container that starts has nothing to do: what it starts is new.
"""

from __future__ import annotations

from scheduler.errors import StateError
from scheduler.state.store import StateStore


class RestartWatch:
    """Looks at one document, but never again if it was not there the first time."""

    def __init__(self, store: StateStore, path: str) -> None:
        self._store = store
        self._path = path
        self._seen = self._version()

    def is_wanted(self) -> bool:
        """Return whether the document was written since the last look."""
        if self._seen is None:
            return False
        version = self._version()
        if version is None or version == self._seen:
            return False
        self._seen = version
        return True

    def _version(self) -> int | None:
        try:
            return self._store.get(self._path)[1]
        except StateError:  # not there, or not readable now: then it is looked at again
            return None
